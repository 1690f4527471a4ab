# Each target is one line; what it does is in the program that it runs.
.PHONY: demo test fmt

demo: ## a chatbot breaks and is mended, and Vigie tells: all on this machine (KEEP=1: leave it running)
	@cargo run --quiet --locked --package e2e --bin demo

test: ## format, lints, unit tests, template checks, crossing tests
	@cargo run --quiet --locked --package e2e --bin verify

fmt: ## lay out the code
	@cargo fmt --all

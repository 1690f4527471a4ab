# Each target is one line; what it does is in the program that it runs.
.PHONY: demo test test-gradio soak bench deploy remove observe fmt

demo: ## a chatbot breaks and is mended, and Vigie tells: all on this machine (KEEP=1: leave it running)
	@cargo run --locked --package e2e --bin demo

test: ## format, lints, unit tests, template checks, real Gradio servers, crossing tests
	@cargo run --locked --package e2e --bin verify

test-gradio: ## real Gradio servers of every version that is tried (ONLY="4.0.2 5.0.2")
	@ONLY="$(ONLY)" cargo run --locked --package e2e --bin servers

soak: ## outages of ten minutes, ten minutes of fuzzing a target (ONLY=outages|fuzzing MINUTES=10)
	@ONLY="$(ONLY)" $(if $(MINUTES),MINUTES=$(MINUTES)) cargo run --locked --package e2e --bin soak

bench: ## figures beside peers (ONLY="section …" RUNS=5)
	@ONLY="$(ONLY)" $(if $(RUNS),RUNS=$(RUNS)) cargo run --locked --package e2e --bin bench

deploy: ## ENV=dev|staging|prod [ARCH=x86_64] [PARAMETERS="Name=value …"]: build, check, deploy, one visit of each probe
	@ARCH="$(ARCH)" PARAMETERS="$(PARAMETERS)" cargo run --quiet --locked --package e2e --bin deploy -- deploy "$(ENV)"

remove: ## ENV=dev|staging|prod: take that environment away, its reports too
	@cargo run --quiet --locked --package e2e --bin deploy -- remove "$(ENV)"

observe: ## Prometheus and Alertmanager on this machine, with the rules of infra/observability
	@infra/observability/observe.sh

fmt: ## lay out the code
	@cargo fmt --all

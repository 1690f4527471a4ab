# Each target is one line; what it does is in the program that it runs. The program is chosen out of the whole
# workspace, and with a test: a package alone would have other features of the same crates, and `make test` would
# build all of them twice.
PROGRAM = cargo build --locked --workspace --test processes --bin

.PHONY: demo test test-gradio soak bench deploy remove observe fmt

demo: ## a chatbot breaks and is mended, and Vigie tells: all on this machine (KEEP=1: leave it running)
	@$(PROGRAM) demo && target/debug/demo

test: ## format, lints, unit tests, template checks, real Gradio servers, crossing tests
	@$(PROGRAM) verify && target/debug/verify

test-gradio: ## real Gradio servers of every version that is tried (ONLY="4.0.2 5.0.2")
	@$(PROGRAM) servers && ONLY="$(ONLY)" target/debug/servers

soak: ## outages of ten minutes, ten minutes of fuzzing a target (ONLY=outages|fuzzing MINUTES=10)
	@$(PROGRAM) soak && ONLY="$(ONLY)" $(if $(MINUTES),MINUTES=$(MINUTES)) target/debug/soak

bench: ## figures beside peers (ONLY="section …" RUNS=5)
	@$(PROGRAM) bench && ONLY="$(ONLY)" $(if $(RUNS),RUNS=$(RUNS)) target/debug/bench

deploy: ## ENV=dev|staging|prod [ARCH=x86_64] [PARAMETERS="Name=value …"]: build, check, deploy, one visit of each probe
	@$(PROGRAM) deploy && ARCH="$(ARCH)" PARAMETERS="$(PARAMETERS)" target/debug/deploy deploy "$(ENV)"

remove: ## ENV=dev|staging|prod: take that environment away, its reports too
	@$(PROGRAM) deploy && target/debug/deploy remove "$(ENV)"

observe: ## Prometheus and Alertmanager on this machine, with the rules of infra/observability
	@infra/observability/observe.sh

fmt: ## lay out the code
	@cargo fmt --all

# Each target is one line; what it does is in the program that it runs.
.PHONY: demo test test-gradio soak bench deploy observe fmt

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

deploy: ## ENV=dev|staging|prod [ARCH=x86_64]: build, check and deploy that environment with your AWS credentials
	@: $(if $(ENV),,$(error say which environment: make deploy ENV=dev))
	@cargo run --quiet --locked --package cli --bin vigie -- render --check
	@cargo lambda build --release --locked $(if $(filter x86_64,$(ARCH)),--x86-64,--arm64) $(addprefix --package ,dispatcher prober bridge ingest alerts)
	@sam build --config-env $(ENV) && sam validate --lint --template-file infra/template.yaml && sam deploy --config-env $(ENV)

observe: ## Prometheus and Alertmanager on this machine, with the rules of infra/observability
	@infra/observability/observe.sh

fmt: ## lay out the code
	@cargo fmt --all

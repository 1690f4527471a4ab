# One line a target. Programs and tests share the dependencies that `cargo build` compiles.
export PARAMETERS

ENDTOEND = cargo test --locked --package e2e --test

FUNCTIONS = --bin dispatcher --bin prober --bin bridge --bin ingest --bin alerts

RELEASE = $(foreach one,$(ARCH),--architecture $(one)) $(LIBC:%=--libc %) $(COMMAND_ONLY:%=--command-only)

.PHONY: demo programs check test test-gradio-quick test-gradio test-browser test-e2e release release-check soak bench deploy remove observe fmt

# The demo installs and starts its servers while it compiles the functions. `BAR` shows Cargo's progress in every terminal.
BAR = CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=80

demo: ## a chatbot breaks and recovers, and mails arrive: all on this machine (KEEP=1: leave it running)
	@test -x target/debug/demo || echo "The first run compiles Vigie and installs its servers: about 7 minutes on two quiet cores. Later runs take 3."
	@$(BAR) cargo build --locked --bin demo && target/debug/demo

# The command is a build of its own: with the functions in it, they would get its features of aws-config, and the next build of the
# functions alone would compile them again.
programs:
	@$(BAR) cargo build --locked $(FUNCTIONS) && $(BAR) cargo build --locked --bin vigie

test: check test-gradio-quick test-e2e ## all of the next three

check: ## format, lints, unit tests, licences, template, dashboards
	@cargo build --locked --package harness --bin check && target/debug/check

test-gradio-quick: ## conversations with the last release of each major version of Gradio
	@$(ENDTOEND) gradio -- latest::

test-e2e: programs ## scenarios on the local AWS, the report and status pages in a browser, `serve` with a mail server (ONLY=mail: those with this name)
	@$(ENDTOEND) scenarios -- $(ONLY)

test-gradio: ## conversations with all versions of Gradio (ONLY="4.0.2 5.0.2")
	@for one in $(or $(ONLY:%=::%::),::); do $(ENDTOEND) gradio -- $$one || exit 1; done

test-browser: ## answers and verdicts of Vigie and of Chromium on many Gradio apps (ONLY="lock-first arena")
	@cargo build --locked --package browser && ONLY="$(ONLY)" target/debug/browser

release: ## archives, image, wheel, SBOM and checksums in dist/ (ARCH="x86_64 arm64"; LIBC=gnu: for tests, without the musl target; COMMAND_ONLY=1: without the functions)
	@cargo build --locked --package release --package cli --bin release --bin vigie && target/debug/release $(RELEASE)

release-check: release ## the files of a release: their tests, sizes, then the end-to-end scenarios with the functions
	@$(ENDTOEND) release_files && ARCHIVE=$$(ls dist/vigie-*-aws-$$(uname -m | sed s/aarch64/arm64/).tar.gz) $(ENDTOEND) scenarios -- archive_is
	@ONLY=archives $(MAKE) --no-print-directory bench && VIGIE_FUNCTIONS=release $(MAKE) --no-print-directory test-e2e

soak: ## 100,000 histories of notifications, outages of ten minutes, ten minutes of fuzzing for each target (MINUTES=10)
	@HISTORIES=$(or $(HISTORIES),100000) cargo test --locked --package notify -- --nocapture histories
	@OUTAGE_SECONDS=$$((60 * $(or $(MINUTES),10))) $(ENDTOEND) scenarios -- outage_
	@cargo build --locked --package harness --bin fuzz && MINUTES=$(or $(MINUTES),10) target/debug/fuzz

bench: ## measurements beside other programs (ONLY="section …" RUNS=5)
	@cargo build --locked --package benches && ONLY="$(ONLY)" $(if $(RUNS),RUNS=$(RUNS)) target/debug/benches

deploy: ## ENV=dev|staging|prod [ARCH=x86_64] [PARAMETERS="Name=value …"]: vigie deploy
	@cargo build --locked --bin vigie && target/debug/vigie deploy "$(ENV)" $(ARCH:%=--architecture %)

remove: ## ENV=dev|staging|prod [YES=1]: vigie remove
	@cargo build --locked --bin vigie && target/debug/vigie remove "$(ENV)" $(YES:%=--yes)

observe: ## Prometheus and Alertmanager on this machine, with the rules of infra/observability
	@infra/observability/observe.sh

fmt: ## format the code
	@cargo fmt --all

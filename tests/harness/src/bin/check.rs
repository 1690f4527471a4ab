//! `make check`: format, lints, unit tests, licences, template and dashboards.
//!
//! A check that fails does not stop the others. Python tools are installed while Cargo compiles.

use std::cell::RefCell;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::{Environment, SAM};
use deploy::run;
use harness::command;
use harness::prometheus;
use harness::python::{CARGO_TOOLS, CHECKOV, DASHBOARDS};
use tokio::process::Command;

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(check(run::root(), &progress))).await
}

async fn check(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let state = root.join("target/check");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let checks = Checks { root, processes: &processes, progress, failed: RefCell::default() };

    let (installed, ()) =
        tokio::join!(progress.step("install the tools", install(root, &processes)), checks.code());
    installed?;
    checks.tests().await;
    checks.template().await;
    let failed = checks.failed.into_inner();
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    progress.block("All checks passed", &progress.table());
    Ok(())
}

async fn install(root: &Path, processes: &Processes) -> anyhow::Result<((), &'static str)> {
    for environment in [CARGO_TOOLS, SAM, CHECKOV, DASHBOARDS] {
        environment.install(root, processes).await?;
    }
    prometheus::install(processes).await?;
    Ok(((), "Python environments in .venv/, Prometheus, Alertmanager"))
}

struct Checks<'a> {
    root: &'a Path,
    processes: &'a Processes,
    progress: &'a Progress,
    failed: RefCell<Vec<String>>,
}

impl Checks<'_> {
    async fn code(&self) {
        self.check("format", cargo(self.root, "fmt --all --check")).await;
        let lint = "clippy --workspace --all-targets --locked -- -D warnings";
        self.check("lint", cargo(self.root, lint)).await;
    }

    async fn tests(&self) {
        let mut tests = cargo(self.root, "nextest run --locked --no-fail-fast");
        // A test that needs Prometheus's tools fails without them instead of being skipped.
        tests.env("VIGIE_REQUIRE_TOOLS", "1");
        tests.env("HISTORIES", "2000");
        self.check("unit tests", tests).await;
        self.check("doc tests", cargo(self.root, "test --workspace --locked --doc --quiet")).await;
        match command::build(self.root, self.processes).await {
            Err(error) => self.failed.borrow_mut().push(format!("{error:#}")),
            Ok(vigie) => {
                let mut vigie = Command::new(vigie);
                vigie.args(["render", "--check"]).current_dir(self.root);
                self.check("alarms are up to date", vigie).await;
            }
        }
        // Cargo would verify with another crate of crates.io that has the name redact; the workflow `test` compiles the packages.
        let package =
            "package --package redact --package gradio --no-verify --allow-dirty --locked";
        self.check("the client can be packaged", cargo(self.root, package)).await;
        self.check("licences and bans", cargo(self.root, "deny check bans licenses sources")).await;
    }

    /// Each of these programs uses one core.
    async fn template(&self) {
        let template = "infra/template.yaml";
        let sam =
            python(self.root, &SAM, "sam", &["validate", "--lint", "--template-file", template]);
        let lint = [
            template,
            "infra/alarms.yaml",
            "infra/self-monitoring.yaml",
            "infra/dashboard.yaml",
            "infra/metric-stream.yaml",
            "infra/status-page.yaml",
            "infra/location.yaml",
        ];
        let lint = python(self.root, &SAM, "cfn-lint", &lint);
        let transformed =
            python(self.root, &SAM, "python", &["tests/emulator/lint_transformed.py"]);
        let checkov = ["--quiet", "--compact", "--framework", "cloudformation", "--file", template];
        let checkov = python(self.root, &CHECKOV, "checkov", &checkov);
        let dashboards = ["infra/observability/grafana/build", "--check"];
        let dashboards = python(self.root, &DASHBOARDS, "python", &dashboards);
        tokio::join!(
            self.check("sam validate", sam),
            self.check("cfn-lint", lint),
            self.check("cfn-lint after the transform", transformed),
            self.check("checkov", checkov),
            self.check("dashboards are up to date", dashboards),
        );
    }

    async fn check(&self, name: &str, mut command: Command) {
        let processes = self.processes;
        let work = async {
            processes.show(&name.replace(' ', "-"), &mut command).await?;
            Ok::<_, anyhow::Error>(((), "ok"))
        };
        if let Err(error) = self.progress.step(name, work).await {
            self.failed.borrow_mut().push(format!("{error:#}"));
        }
    }
}

fn cargo(root: &Path, arguments: &str) -> Command {
    let tools = CARGO_TOOLS.folder(root).join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path)));
    let mut command = Command::new("cargo");
    command.args(arguments.split(' ')).current_dir(root).env("PATH", path.unwrap_or_default());
    command
}

fn python(root: &Path, environment: &Environment, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(environment.program(root, program));
    command.args(arguments).current_dir(root).env("SAM_CLI_TELEMETRY", "0");
    command
}

//! `make test`: everything that has to hold before a change lands, from a bare checkout.
//!
//! What fails is noted and the rest goes on, so that one run tells all. Packages are installed while
//! Cargo compiles.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use e2e::process::Processes;
use e2e::progress::Progress;
use e2e::python::{CARGO_TOOLS, CHECKOV, DASHBOARDS, EMULATOR, Environment, SAM};
use e2e::servers::version::LAST_OF_EACH;
use e2e::{browser, command, crossing, example_metrics, prometheus, run, servers};
use tokio::process::Command;

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(verify(run::root(), &progress))).await
}

async fn verify(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let state = root.join("target/verify");
    let (processes, _) = Processes::open(&root.join("target/e2e-processes"), &state.join("logs"))?;
    let mut checks = Checks { root, processes: &processes, progress, failed: Vec::new() };

    let (installed, ()) = tokio::join!(
        progress.step("install what the tests need", install(root, &processes)),
        checks.code()
    );
    installed?;
    checks.tests().await;
    // Linters of templates use one core and read files; the chatbots mostly wait.
    let (played, ()) =
        tokio::join!(servers::play(root, &processes, progress, &LAST_OF_EACH), checks.template());
    checks.page(&state).await;
    checks.observability().await;
    let Checks { mut failed, .. } = checks;
    if let Err(error) = played {
        failed.push(format!("{error:#}"));
    }
    // The crossing tests take the lock themselves.
    drop(processes);
    if let Err(error) = crossing::play(root, progress).await {
        failed.push(format!("{error:#}"));
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    progress.block("All checks passed", &progress.table());
    Ok(())
}

async fn install(root: &Path, processes: &Processes) -> anyhow::Result<((), &'static str)> {
    let chatbots = LAST_OF_EACH.map(|version| version.python);
    for environment in [CARGO_TOOLS, SAM, EMULATOR, CHECKOV, DASHBOARDS].into_iter().chain(chatbots)
    {
        environment.install(root, processes).await?;
    }
    prometheus::install(processes).await?;
    Ok(((), "Python environments under .venv/, Prometheus, Alertmanager"))
}

struct Checks<'a> {
    root: &'a Path,
    processes: &'a Processes,
    progress: &'a Progress,
    failed: Vec<String>,
}

impl Checks<'_> {
    async fn code(&mut self) {
        self.check("format", cargo(self.root, "fmt --all --check")).await;
        let lint = "clippy --workspace --all-targets --locked -- -D warnings";
        self.check("lint", cargo(self.root, lint)).await;
    }

    async fn tests(&mut self) {
        let mut tests = cargo(self.root, "nextest run --workspace --locked --no-fail-fast");
        // A test that needs Prometheus's tools fails without them instead of being skipped.
        tests.env("VIGIE_REQUIRE_TOOLS", "1");
        self.check("unit tests", tests).await;
        self.check("doc tests", cargo(self.root, "test --workspace --locked --doc --quiet")).await;
        match command::build(self.root, self.processes).await {
            Err(error) => self.failed.push(format!("{error:#}")),
            Ok(vigie) => {
                let mut vigie = Command::new(vigie);
                vigie.args(["render", "--check"]).current_dir(self.root);
                self.check("the alarms are rendered", vigie).await;
            }
        }
        self.check("licences and bans", cargo(self.root, "deny check bans licenses sources")).await;
    }

    async fn template(&mut self) {
        let template = "infra/template.yaml";
        let sam = ["validate", "--lint", "--template-file", template];
        self.check("sam validate", python(self.root, &SAM, "sam", &sam)).await;
        let lint =
            [template, "infra/alarms.yaml", "infra/self-monitoring.yaml", "infra/dashboard.yaml"];
        self.check("cfn-lint", python(self.root, &SAM, "cfn-lint", &lint)).await;
        let checkov = ["--quiet", "--compact", "--framework", "cloudformation", "--file", template];
        self.check("checkov", python(self.root, &CHECKOV, "checkov", &checkov)).await;
    }

    /// The report page with hostile replies, in a real browser.
    async fn page(&mut self, state: &Path) {
        let processes = self.processes;
        let folder = state.join("pages");
        let work = browser::check(&folder, processes);
        if let Err(error) = self.progress.step("report page in Chromium", work).await {
            self.failed.push(format!("{error:#}"));
        }
    }

    async fn observability(&mut self) {
        let writer = ["infra/observability/grafana/build", "--check"];
        let write = python(self.root, &DASHBOARDS, "python", &writer);
        self.check("the dashboards are written by Grafana's types", write).await;
        let example = async {
            let shown = example_metrics::play(self.root, self.processes).await?;
            Ok(((), shown))
        };
        if let Err(error) = self.progress.step("metrics of the example app", example).await {
            self.failed.push(format!("{error:#}"));
        }
    }

    async fn check(&mut self, name: &str, mut command: Command) {
        let processes = self.processes;
        let work = async {
            processes.show(&name.replace(' ', "-"), &mut command).await?;
            Ok(((), "ok"))
        };
        if let Err(error) = self.progress.step(name, work).await {
            self.failed.push(format!("{error:#}"));
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

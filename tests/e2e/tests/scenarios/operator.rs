//! Commands of an operator on a deployed stack: those of docs/runbook.md, and a smoke run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use testkit::runbook::Runbook;
use tokio::process::Command;

use deploy::python::AWS_CLI;
use deploy::run::root;
use harness::command;
use harness::environment::LocalEnvironment;
use harness::local_aws::aws_variables;

/// `<!-- run: deployed -->`: with a probe that broke and recovered, so that it has a report and is up.
pub(super) async fn commands_of_the_runbook_work(env: &LocalEnvironment) -> anyhow::Result<()> {
    let operator = Operator::at(env).await?;
    let runbook = Runbook::read("docs/runbook.md");
    let commands: Vec<&str> = runbook.commands("deployed").collect();
    ensure!(commands.len() > 5, "{} commands", commands.len());
    let mut failed = Vec::new();
    for command in commands {
        let output = operator.does("sh", &["-euc", command]).await?;
        if !output.status.success() {
            failed.push(format!("{command}ended with {}\n{}", output.status, said(&output)));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// The deployed functions make the runs and return the results.
pub(super) async fn smoke_run(env: &LocalEnvironment) -> anyhow::Result<()> {
    let operator = Operator::at(env).await?;
    let output = operator.does("vigie", &["smoke", "--environment", "local", "--edges"]).await?;
    let said = said(&output);
    ensure!(output.status.code() == Some(1), "ended with {}\n{said}", output.status);
    for verdict in ["● gone down (connect)", "● steady up", "● failing up"] {
        ensure!(said.contains(verdict), "`{verdict}` is not there:\n{said}");
    }
    for path in [
        "ok this command → queue vigie-local-runs → function vigie-local-prober",
        "ok this command → queue vigie-local-samples.fifo → function vigie-local-bridge → Prometheus",
        "ok schedule vigie-local-dispatch → function vigie-local-dispatcher",
        "ok schedule vigie-local-alerts → queue vigie-local-alerts → function vigie-local-alerts",
    ] {
        ensure!(said.contains(path), "`{path}` is not there:\n{said}");
    }
    let output = operator.does("vigie", &["smoke", "--environment", "elsewhere"]).await?;
    ensure!(output.status.code() == Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// `vigie report --list` and `vigie backtest --aws` read the run history of a probe that broke once and recovered.
pub(super) async fn run_history(env: &LocalEnvironment) -> anyhow::Result<()> {
    let (probe, operator) = ("failing", Operator::at(env).await?);
    let arguments = ["report", "--list", probe, "--environment", "local", "--since", "1h"];
    let output = operator.does("vigie", &arguments).await?;
    let (listed, totals) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.success(), "ended with {}\n{totals}", output.status);
    let failed: Vec<&str> = listed.lines().filter(|line| line.contains("  down ")).collect();
    ensure!(failed.len() >= 2 && listed.contains(" app_error "), "{listed}");
    let [runs, up, degraded, down, unknown, maintenance] = numbers(&totals)[..] else {
        anyhow::bail!("no six numbers in `{totals}`");
    };
    ensure!(down == failed.len() && maintenance == 0, "{totals}\n{listed}");
    let judged = up + degraded + down;
    ensure!(judged + unknown == runs, "{totals}");
    // Runs are published and recorded together; a run may end in between.
    let from = SystemTime::now() - Duration::from_secs(3_600);
    let published = env.metrics(probe).read("Success", "SampleCount", from).await?.len();
    ensure!(judged.abs_diff(published) <= 1, "{published} runs were published: {totals}");
    let key = failed[0].split_whitespace().last().context("no key")?;
    let report = operator.does("vigie", &["report", key, "--environment", "local"]).await?;
    ensure!(said(&report).contains("The model is overloaded"), "{key}: {}", said(&report));

    let mut arguments = vec!["backtest", probe, "--aws", "--environment", "local"];
    arguments.extend(["--outage", "20s", "--rule", "2 of 3", "--rule", "100 of 100"]);
    let output = operator.does("vigie", &arguments).await?;
    let table = text(&output.stdout);
    ensure!(output.status.success(), "{}", said(&output));
    let row = |rule: &str| {
        let row = table.lines().find(|line| line.contains(rule));
        row.map(|row| numbers(row.split_once(rule).map_or("", |(_, rest)| rest)))
    };
    for (rule, expected) in [("2 of 3", [1, 1, 0, 0]), ("100 of 100", [0, 1, 1, 0])] {
        let row = row(rule).unwrap_or_default();
        ensure!(row.get(1..5) == Some(&expected), "pages, outages, missed, false pages:\n{table}");
        // On a slow machine some runs have no verdict.
        ensure!(row[0].abs_diff(runs) <= 2 + unknown, "{totals}\n{table}");
    }
    Ok(())
}

/// The whole numbers of a text.
fn numbers(text: &str) -> Vec<usize> {
    text.split(|byte: char| !byte.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// A shell with the tools and the credentials of an operator.
struct Operator {
    /// The folder with `probes/`.
    folder: PathBuf,
    path: OsString,
    variables: Vec<(&'static str, String)>,
}

impl Operator {
    async fn at(env: &LocalEnvironment) -> anyhow::Result<Self> {
        AWS_CLI.install(root(), &env.processes).await?;
        let vigie = command::build(root(), &env.processes).await?;

        let folder = env.state.join("operator");
        for each in ["probes", "infra"] {
            std::fs::create_dir_all(folder.join(each))?;
        }
        for entry in std::fs::read_dir(root().join("tests/e2e/probes/scenarios"))? {
            let entry = entry?;
            std::fs::copy(entry.path(), folder.join("probes").join(entry.file_name()))?;
        }
        let tools = [
            vigie.parent().context("the command has no folder")?.to_owned(),
            AWS_CLI.folder(root()).join("bin"),
        ];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(tools.into_iter().chain(std::env::split_paths(&path)))?;
        let mut variables: Vec<_> = aws_variables(&env.aws.endpoint).into();
        variables.extend([
            ("ENV", "local".to_owned()),
            ("PROBE", "forgetful".to_owned()),
            ("BOT_URL", env.bot.url()),
        ]);
        Ok(Self { folder, path, variables })
    }

    async fn does(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true);
        command.output().await.with_context(|| format!("`{program}` could not be started"))
    }
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

//! Commands of an operator on a deployed stack: those of docs/runbook.md, and a smoke run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Output;

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
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

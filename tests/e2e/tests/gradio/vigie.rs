//! The `vigie` command as a process, with its output and exit code.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::apps::Bot;
use crate::shape::{PASSWORD, Shape};
use deploy::process::Processes;
use harness::command;

pub(super) struct Vigie {
    program: PathBuf,
}

/// The result of a call.
#[derive(Debug)]
pub(super) struct Done {
    code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Vigie {
    /// Builds it, unless it is up to date.
    pub(super) async fn build(root: &Path, processes: &Processes) -> anyhow::Result<Self> {
        Ok(Self { program: command::build(root, processes).await? })
    }
}

impl Bot<'_> {
    /// Runs the command with the variables of this app in its environment.
    pub(super) async fn vigie(&self, arguments: &[&str]) -> anyhow::Result<Done> {
        let mut command = Command::new(&self.vigie.program);
        command
            .args(arguments)
            .env("BOT_URL", &self.url)
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("VIGIE_ENVIRONMENT")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if self.shape == Shape::Login {
            command.env("VIGIE_PASSWORD", PASSWORD);
        }
        let output = command.output().await.context("`vigie` could not be started")?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("`vigie` wrote no UTF-8");
        Ok(Done {
            code: output.status.code(),
            out: text(output.stdout)?,
            err: text(output.stderr)?,
        })
    }
}

impl Done {
    /// Fails unless it ended with this exit code.
    pub(super) fn ended_with(&self, code: i32) -> anyhow::Result<()> {
        ensure!(
            self.code == Some(code),
            "ended with {:?}, expected {code}\n{}{}",
            self.code,
            self.out,
            self.err
        );
        Ok(())
    }

    /// Fails unless its output contains each of `parts`.
    pub(super) fn contains_all<'p>(
        &self,
        parts: impl IntoIterator<Item = &'p str>,
    ) -> anyhow::Result<()> {
        for part in parts {
            ensure!(self.out.contains(part), "`{part}` is missing in\n{}", self.out);
        }
        Ok(())
    }

    /// Its results as JSON, one per line or one in total.
    pub(super) fn json(&self) -> anyhow::Result<Vec<Value>> {
        serde_json::Deserializer::from_str(&self.out)
            .into_iter()
            .collect::<Result<_, _>>()
            .with_context(|| format!("no JSON: {}", self.out))
    }
}

//! The same probe run by the `vigie` command.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use deploy::process::Processes;
use domain::Report;
use tokio::process::Command;

use crate::manifest::Case;

pub(crate) struct Vigie {
    program: PathBuf,
}

impl Vigie {
    /// Builds the command unless it is up to date.
    pub(crate) async fn build(root: &Path, processes: &Processes) -> anyhow::Result<Self> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked", "--package", "cli", "--bin", "vigie"]);
        processes.run("build-vigie", cargo.current_dir(root)).await?;
        Ok(Self { program: root.join("target/debug/vigie") })
    }

    pub(crate) async fn run(&self, case: &Case, url: &str) -> anyhow::Result<Report> {
        let output = Command::new(&self.program)
            .arg("run")
            .arg(&case.probe_file)
            .args(["--target", url, "--output", "json", "--quiet"])
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("VIGIE_ENVIRONMENT")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot start `vigie`")?;
        match serde_json::from_slice(&output.stdout) {
            Ok(report) => Ok(report),
            Err(error) => bail!(
                "`vigie run` ended with {} and no report ({error}): {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }
}

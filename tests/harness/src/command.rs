//! The `vigie` command, built from this checkout.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::process::Command;

use deploy::process::Processes;

/// Builds it unless it is up to date, and returns the program.
pub async fn build(root: &Path, processes: &Processes) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--package", "cli", "--bin", "vigie"]);
    processes.run("build-vigie", cargo.current_dir(root)).await?;
    // Cargo puts it beside this program, or one folder above if this program is a test.
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program has no folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.join("vigie"))
}

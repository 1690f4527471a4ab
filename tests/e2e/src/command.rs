//! The `vigie` command, built from this checkout.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::process::Command;

use crate::process::Processes;

/// Builds it unless it is up to date, and returns the program.
pub async fn build(root: &Path, processes: &Processes) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    // Chosen out of the whole workspace, and with a test: a package alone would have other features of
    // the same crates, and all of them would be built once more. See the Makefile.
    cargo.args(["build", "--locked", "--workspace", "--test", "processes", "--bin", "vigie"]);
    processes.run("build-vigie", cargo.current_dir(root)).await?;
    // Cargo puts what it builds beside this program.
    let own = std::env::current_exe()?;
    Ok(own.parent().context("this program has no folder")?.join("vigie"))
}

//! Builds the programs of a release.

use std::path::{Path, PathBuf};

use anyhow::Context;
use deploy::build::Architecture;
use deploy::functions::without_paths;
use deploy::process::Processes;
use deploy::python::BUILD_TOOLS;

/// The target of the command: static, so that it runs on every Linux and in an empty image.
#[must_use]
pub fn triple(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Arm64 => "aarch64-unknown-linux-musl",
        Architecture::X86 => "x86_64-unknown-linux-musl",
    }
}

/// Builds `vigie` and returns its path.
pub async fn vigie(
    root: &Path,
    architecture: Architecture,
    processes: &Processes,
) -> anyhow::Result<PathBuf> {
    let triple = triple(architecture);
    let mut cargo = BUILD_TOOLS.command(root, "cargo");
    cargo
        .args(["zigbuild", "--locked", "--profile", "dist", "--package", "cli", "--bin", "vigie"])
        .args(["--target", triple])
        .envs(without_paths(root));
    let built = processes.show(&format!("build-vigie-{}", architecture.as_str()), &mut cargo).await;
    built.with_context(|| format!("could not build vigie\nhint: if the target is not installed: rustup target add {triple}"))?;
    Ok(root.join("target").join(triple).join("dist/vigie"))
}

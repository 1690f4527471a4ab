//! Builds the programs of a release.

use std::path::{Path, PathBuf};

use anyhow::Context;
use deploy::build::Architecture;
use deploy::functions::without_paths;
use deploy::process::Processes;
use deploy::python::BUILD_TOOLS;

/// The C library that is linked into the command. The command is static, so that it runs on every Linux and in an empty
/// image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Libc {
    Musl,
    /// To test a release on a machine without the musl target of Rust. Not for publication: the name service of a static
    /// glibc loads libraries of the system that the program was built on.
    Gnu,
}

/// The Rust target of the command.
#[must_use]
pub fn triple(architecture: Architecture, libc: Libc) -> &'static str {
    match (architecture, libc) {
        (Architecture::Arm64, Libc::Musl) => "aarch64-unknown-linux-musl",
        (Architecture::Arm64, Libc::Gnu) => "aarch64-unknown-linux-gnu",
        (Architecture::X86, Libc::Musl) => "x86_64-unknown-linux-musl",
        (Architecture::X86, Libc::Gnu) => "x86_64-unknown-linux-gnu",
    }
}

/// Builds `vigie` and returns its path.
pub async fn vigie(
    root: &Path,
    architecture: Architecture,
    libc: Libc,
    processes: &Processes,
) -> anyhow::Result<PathBuf> {
    let triple = triple(architecture, libc);
    let [(rust, mut flags), c] = without_paths(root);
    let subcommand = match libc {
        Libc::Musl => "zigbuild",
        // zig does not link a static glibc.
        Libc::Gnu => {
            flags.push_str(" -Ctarget-feature=+crt-static");
            "build"
        }
    };
    let mut cargo = BUILD_TOOLS.command(root, "cargo");
    cargo
        .args([subcommand, "--locked", "--profile", "dist", "--package", "cli", "--bin", "vigie"])
        .args(["--target", triple])
        .envs([(rust, flags), c]);
    let built = processes.show(&format!("build-vigie-{}", architecture.as_str()), &mut cargo).await;
    built.with_context(|| {
        format!(
            "could not build vigie\n\
             hint: if the target is not installed: rustup target add {triple}; \
             without access to it, `make release LIBC=gnu` builds a release for tests on this machine"
        )
    })?;
    Ok(root.join("target").join(triple).join("dist/vigie"))
}

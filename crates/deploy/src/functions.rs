//! Builds the functions for Lambda, or for the emulator on this machine.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::build::{Architecture, Build, FUNCTIONS};
use crate::checkout::{Checkout, fingerprint};
use crate::error::FileError;
use crate::file_lock;
use crate::process::ProcessError;
use crate::progress::Progress;
use crate::python::{BUILD_TOOLS, InstallError};

/// Everything that a release build is made from.
const INPUTS: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", "crates", "functions"];

/// Why the functions cannot be deployed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("`{}` is not a Linux program", .bootstrap.display())]
    NotLinux { bootstrap: PathBuf },
    #[error(
        "`{}` is for another processor (ELF machine {machine}); expected {expected}\n\
         hint: delete target/lambda and deploy again",
        .bootstrap.display()
    )]
    Machine { bootstrap: PathBuf, machine: u16, expected: &'static str },
}

impl Checkout<'_> {
    /// Builds the functions, unless nothing changed; returns whether anything was built.
    pub async fn build_functions(
        &self,
        build: Build,
        progress: &Progress,
    ) -> Result<bool, BuildError> {
        let _one_at_a_time = match build {
            Build::Archive(_) => return Ok(false),
            _ => file_lock::acquire(&self.root.join("target/functions.lock")).await?,
        };
        let built = match build {
            Build::Debug => self.build_debug(progress).await?,
            Build::Release(architecture) => self.build_release(architecture, progress).await?,
            Build::Archive(_) => return Ok(false),
        };
        for name in FUNCTIONS {
            let bootstrap = build.folder(self.root).join(name).join("bootstrap");
            check_machine(&bootstrap, build.architecture())?;
        }
        Ok(built)
    }

    async fn build_debug(&self, progress: &Progress) -> Result<bool, BuildError> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked"]).args(FUNCTIONS.iter().flat_map(|name| ["-p", name]));
        self.compile(cargo.current_dir(self.root), progress).await?;
        let mut changed = false;
        for name in FUNCTIONS {
            let binary = self.root.join("target/debug").join(name);
            let folder = Build::Debug.folder(self.root).join(name);
            let bootstrap = folder.join("bootstrap");
            let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
            if modified(&bootstrap).is_ok_and(|at| modified(&binary).is_ok_and(|of| of < at)) {
                continue;
            }
            fs::create_dir_all(&folder).map_err(FileError::writing(&folder))?;
            // Without symbols the upload is half as large. The linker's package has `strip`.
            let mut strip = Command::new("strip");
            strip.arg("-o").arg(&bootstrap).arg(&binary);
            if self.processes.run("strip", &mut strip).await.is_err() {
                fs::copy(&binary, &bootstrap).map_err(FileError::writing(&bootstrap))?;
            }
            changed = true;
        }
        Ok(changed)
    }

    async fn build_release(
        &self,
        architecture: Architecture,
        progress: &Progress,
    ) -> Result<bool, BuildError> {
        let stamp = self.root.join("target/lambda.inputs");
        let inputs = fingerprint(self.root, &INPUTS)?;
        let wanted = format!("{inputs} {}", architecture.as_str());
        let folder = Build::Release(architecture).folder(self.root);
        let built = FUNCTIONS.iter().all(|name| folder.join(name).join("bootstrap").exists());
        if built && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(false);
        }
        BUILD_TOOLS.install(self.root, self.processes).await?;
        let mut cargo =
            BUILD_TOOLS.command(self.root, BUILD_TOOLS.program(self.root, "cargo-lambda"));
        cargo.args(["lambda", "build", "--release", "--locked", architecture.flag()]);
        cargo.args(FUNCTIONS.iter().flat_map(|name| ["--package", name]));
        cargo.envs(without_paths(self.root));
        self.compile(&mut cargo, progress).await?;
        fs::write(&stamp, wanted).map_err(FileError::writing(&stamp))?;
        Ok(true)
    }

    async fn compile(&self, cargo: &mut Command, progress: &Progress) -> Result<(), BuildError> {
        let show = |log: &str| progress.note(format!("  {}", compiled(log)));
        Ok(self.processes.run_and_report("build-functions", cargo, show).await?)
    }
}

/// Compiler flags that remove the paths of this machine from a program, so that the same sources give the
/// same program in every folder.
#[must_use]
pub fn without_paths(root: &Path) -> [(&'static str, String); 2] {
    let home = |variable: &str, folder: &str| {
        let set = std::env::var_os(variable).map(PathBuf::from);
        set.or_else(|| Some(std::env::home_dir()?.join(folder))).unwrap_or_default()
    };
    let names = [(root.to_owned(), "/vigie"), (home("CARGO_HOME", ".cargo"), "/cargo")];
    let flags = |flag: &str| {
        let flags = names.iter().map(|(path, name)| format!("{flag}={}={name}", path.display()));
        flags.collect::<Vec<_>>().join(" ")
    };
    [("RUSTFLAGS", flags("--remap-path-prefix")), ("CFLAGS", flags("-ffile-prefix-map"))]
}

/// Fails unless `bootstrap` is a program for `architecture`: Lambda reports only `InvalidEntrypoint`.
fn check_machine(bootstrap: &Path, architecture: Architecture) -> Result<(), BuildError> {
    let mut header = [0; 20];
    let mut file = fs::File::open(bootstrap).map_err(FileError::reading(bootstrap))?;
    file.read_exact(&mut header).map_err(FileError::reading(bootstrap))?;
    if !header.starts_with(b"\x7fELF") {
        return Err(BuildError::NotLinux { bootstrap: bootstrap.to_owned() });
    }
    let machine = u16::from_le_bytes([header[18], header[19]]);
    if machine != architecture.elf_machine() {
        let (bootstrap, expected) = (bootstrap.to_owned(), architecture.as_str());
        return Err(BuildError::Machine { bootstrap, machine, expected });
    }
    Ok(())
}

/// How far Cargo is, by its log.
fn compiled(log: &str) -> String {
    let started = log.lines().filter_map(|line| line.trim_start().strip_prefix("Compiling "));
    match started.clone().next_back() {
        None => "Cargo downloads crates".to_owned(),
        Some(last) => format!("Cargo compiles crate {}: {last}", started.count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_of_a_build_is_read_from_its_log() {
        assert_eq!(compiled("   Downloaded libc v0.2\n"), "Cargo downloads crates");
        let log = "   Compiling libc v0.2\nwarning: x\n   Compiling url v2.5.4\n";
        assert_eq!(compiled(log), "Cargo compiles crate 2: url v2.5.4");
    }

    #[test]
    fn binary_of_another_processor_is_refused() {
        let elf = |machine: u16| {
            let mut header = b"\x7fELF".to_vec();
            header.resize(18, 0);
            header.extend(machine.to_le_bytes());
            header
        };
        let cases: [(&str, Vec<u8>, Architecture, &str); 4] = [
            ("arm64", elf(183), Architecture::Arm64, ""),
            ("x86-64", elf(62), Architecture::X86, ""),
            ("x86-64 as arm64", elf(62), Architecture::Arm64, "is for another processor"),
            (
                "script",
                b"#!/bin/sh\nexec true; exit 0".to_vec(),
                Architecture::X86,
                "is not a Linux",
            ),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (name, content, architecture, expected) in cases {
            let bootstrap = folder.path().join("bootstrap");
            fs::write(&bootstrap, content).unwrap();
            let error = check_machine(&bootstrap, architecture).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(error.is_empty(), expected.is_empty(), "{name}: {error}");
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}

//! Installs Python programs in virtual environments under `.venv/`.
//!
//! The requirements files have a hash for each package and no index URL: pip and uv use the index that is
//! configured on the machine.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::FileError;
use crate::file_lock;
use crate::process::{ProcessError, Processes};

/// Why a virtual environment was not installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("could not install the packages of `{requirements}`")]
    Packages { requirements: &'static str, source: ProcessError },
    #[error(
        "`python3 -m venv` failed; SAM CLI and the tools of the tests are Python programs\n\
         hint: install Python 3.11 or later with its venv module (Debian: apt-get install python3-venv)"
    )]
    NoVenv { source: ProcessError },
}

/// A virtual environment: its folder under `.venv/`, and the path of its requirements file.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    pub name: &'static str,
    pub requirements: &'static str,
}

/// SAM CLI and cfn-lint.
pub const SAM: Environment =
    Environment { name: "sam", requirements: "crates/deploy/requirements/sam.txt" };
/// cargo-lambda, cargo-zigbuild, and zig, which links programs for other machines.
pub const BUILD_TOOLS: Environment =
    Environment { name: "build", requirements: "crates/deploy/requirements/build.txt" };
/// The AWS CLI.
pub const AWS_CLI: Environment =
    Environment { name: "aws", requirements: "crates/deploy/requirements/aws.txt" };

const UV: Environment =
    Environment { name: "uv", requirements: "crates/deploy/requirements/uv.txt" };

impl Environment {
    #[must_use]
    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join(".venv").join(self.name)
    }

    /// One of its programs, such as `python`.
    #[must_use]
    pub fn program(&self, root: &Path, name: &str) -> PathBuf {
        self.folder(root).join("bin").join(name)
    }

    /// A command that runs `program` in `root`, with the programs of this environment first on the PATH.
    #[must_use]
    pub fn command(&self, root: &Path, program: impl AsRef<OsStr>) -> Command {
        let bin = self.folder(root).join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)));
        let mut command = Command::new(program);
        command.current_dir(root).env("PATH", path.unwrap_or_default());
        command
    }

    /// The file with its requirements. A release archive has them in `requirements/`.
    fn requirements(&self, root: &Path) -> PathBuf {
        let in_checkout = root.join(self.requirements);
        match in_checkout.file_name() {
            Some(name) if !in_checkout.exists() => root.join("requirements").join(name),
            _ => in_checkout,
        }
    }

    /// Installs the packages, unless they were installed from the same requirements file.
    ///
    /// Returns whether it installed anything.
    pub async fn install(&self, root: &Path, processes: &Processes) -> Result<bool, InstallError> {
        let lock = root.join(".venv").join(format!("{}.lock", self.name));
        let _one_at_a_time = file_lock::acquire(&lock).await?;

        let requirements = self.requirements(root);
        let wanted = fs::read(&requirements).map_err(FileError::reading(&requirements))?;
        // Written last: an environment without it was interrupted half-way.
        let stamp = self.folder(root).join("requirements.installed");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(false);
        }
        let log = format!("install-{}", self.name);
        let uv = uv(root, processes).await?;
        let venv = ["venv", "--quiet", "--clear", "--python", "3.11"];
        processes.run(&log, Command::new(&uv).args(venv).arg(self.folder(root))).await?;
        // A requirements file lists everything that is installed. Some old versions of Gradio have
        // requirements that contradict each other, but they run.
        let install =
            ["pip", "install", "--quiet", "--require-hashes", "--no-deps", "--requirement"];
        processes
            .run(
                &log,
                Command::new(&uv)
                    .args(install)
                    .arg(&requirements)
                    .env("VIRTUAL_ENV", self.folder(root)),
            )
            .await
            .map_err(|source| InstallError::Packages { requirements: self.requirements, source })?;
        fs::write(&stamp, wanted).map_err(FileError::writing(&stamp))?;
        Ok(true)
    }
}

/// The path of uv. The first call installs it with the Python of the machine.
async fn uv(root: &Path, processes: &Processes) -> Result<PathBuf, InstallError> {
    let _one_at_a_time = file_lock::acquire(&root.join(".venv/uv.lock")).await?;

    let requirements = UV.requirements(root);
    let wanted = fs::read(&requirements).map_err(FileError::reading(&requirements))?;
    let (uv, stamp) = (UV.program(root, "uv"), UV.folder(root).join("requirements.installed"));
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(uv);
    }
    processes
        .run(
            "install-uv",
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(UV.folder(root)),
        )
        .await
        .map_err(|source| InstallError::NoVenv { source })?;
    let install = ["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"];
    processes
        .run(
            "install-uv",
            Command::new(UV.program(root, "python")).args(install).arg(&requirements),
        )
        .await?;
    fs::write(&stamp, wanted).map_err(FileError::writing(&stamp))?;
    Ok(uv)
}

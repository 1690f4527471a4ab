//! Which binaries of which functions are deployed.

use std::path::{Path, PathBuf};

use crate::error::FileError;
use crate::parameters::{self, ParametersError};

pub const FUNCTIONS: [&str; 5] = ["dispatcher", "prober", "bridge", "ingest", "alerts"];

/// The processor architecture of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    Arm64,
    X86,
}

impl Architecture {
    /// That of this machine.
    pub const HOST: Self = if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86 };

    /// The value of the template's parameter `Architecture`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }

    /// cargo-lambda assumes x86-64 without the flag, also on a Mac with an ARM processor.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86 => "--x86-64",
        }
    }

    /// `e_machine` of the ELF header.
    pub(crate) fn elf_machine(self) -> u16 {
        match self {
            Self::Arm64 => 183,
            Self::X86 => 62,
        }
    }
}

/// Which binaries are deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The unoptimised ones of `cargo build`, for the emulator on this machine.
    Debug,
    /// Optimized for size, linked for the glibc of Lambda.
    Release(Architecture),
    /// The packaged functions of an unpacked release archive.
    Archive(Architecture),
}

/// Why a release archive cannot be deployed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    #[error("the architecture of the archive is `{found}`; expected `arm64` or `x86_64`")]
    Architecture { found: String },
    #[error("`{}` is missing in the archive", .package.display())]
    Package { package: PathBuf, source: std::io::Error },
}

impl Build {
    /// For an emulator: debug, or release with `VIGIE_FUNCTIONS=release`.
    #[must_use]
    pub fn for_emulator() -> Self {
        match std::env::var("VIGIE_FUNCTIONS").as_deref() {
            Ok("release") => Self::Release(Architecture::HOST),
            _ => Self::Debug,
        }
    }

    #[must_use]
    pub fn architecture(self) -> Architecture {
        match self {
            Self::Debug => Architecture::HOST,
            Self::Release(architecture) | Self::Archive(architecture) => architecture,
        }
    }

    /// The folder with one folder for each function.
    #[must_use]
    pub fn folder(self, root: &Path) -> PathBuf {
        root.join(match self {
            Self::Debug => "target/lambda-debug",
            Self::Release(_) => "target/lambda",
            Self::Archive(_) => "functions",
        })
    }

    /// The folder or zip file of one function.
    #[must_use]
    pub fn package(self, root: &Path, name: &str) -> PathBuf {
        let folder = self.folder(root);
        match self {
            Self::Debug | Self::Release(_) => folder.join(name),
            Self::Archive(_) => folder.join(format!("{name}.zip")),
        }
    }

    /// That of the release archive in `root`; `None` in a checkout.
    pub fn of_archive(root: &Path) -> Result<Option<Self>, ArchiveError> {
        if root.join("Cargo.toml").exists() {
            return Ok(None);
        }
        let template = root.join("infra/template.yaml");
        let template = std::fs::read_to_string(&template).map_err(FileError::reading(&template))?;
        let default = parameters::of_template(&template)?.remove("Architecture").flatten();
        let architecture = match default.as_deref() {
            Some("arm64") => Architecture::Arm64,
            Some("x86_64") => Architecture::X86,
            other => {
                let found = other.unwrap_or_default().to_owned();
                return Err(ArchiveError::Architecture { found });
            }
        };
        let build = Self::Archive(architecture);
        for name in FUNCTIONS {
            let package = build.package(root, name);
            if let Err(source) = std::fs::metadata(&package) {
                return Err(ArchiveError::Package { package, source });
            }
        }
        Ok(Some(build))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn archive_is_recognized_by_its_packages() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let template = "Parameters:\n  Architecture:\n    Default: x86_64\nResources:\n";
        file("infra/template.yaml", template);
        let missing = Build::of_archive(root.path()).unwrap_err().to_string();
        assert!(missing.ends_with("dispatcher.zip` is missing in the archive"), "{missing}");

        for name in FUNCTIONS {
            file(&format!("functions/{name}.zip"), "");
        }
        let found = Build::of_archive(root.path()).unwrap();
        assert_eq!(found, Some(Build::Archive(Architecture::X86)));
        let package = Build::Archive(Architecture::X86).package(root.path(), "prober");
        assert_eq!(package, root.path().join("functions/prober.zip"));

        file("Cargo.toml", "");
        assert_eq!(Build::of_archive(root.path()).unwrap(), None);
    }
}

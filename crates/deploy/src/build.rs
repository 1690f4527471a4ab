//! Which binaries of which functions are deployed.

use std::path::{Path, PathBuf};

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
    /// Optimised for size, in an environment like Lambda's.
    Release(Architecture),
}

impl Build {
    /// For an emulator: debug, unless `VIGIE_FUNCTIONS=release` asks for what AWS gets.
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
            Self::Release(architecture) => architecture,
        }
    }

    /// The folder with one folder for each function.
    #[must_use]
    pub fn folder(self, root: &Path) -> PathBuf {
        root.join(match self {
            Self::Debug => "target/lambda-debug",
            Self::Release(_) => "target/lambda",
        })
    }
}

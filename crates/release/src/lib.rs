//! Release files: archives for AWS and Linux, OCI image, Python wheel, SBOM, checksums.
//!
//! The same sources give the same bytes: entries are sorted, times are fixed, and programs are built
//! without paths of the machine.

pub mod aws;
#[cfg(test)]
mod binstall;
pub mod changelog;
pub mod entry;
#[cfg(test)]
mod formula;
pub mod linux;
pub mod oci;
pub mod pack;
pub mod programs;
#[cfg(test)]
mod reproducible;
pub mod sbom;
pub mod wheel;

/// The version of all release files.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The address of the repository.
pub const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

//! Errors that several steps share.

use std::io;
use std::path::{Path, PathBuf};

/// A file or folder that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} `{}`", .path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// For `map_err`, after a read.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action: "read", path: path.to_owned(), source }
    }

    /// For `map_err`, after a write.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action: "write", path: path.to_owned(), source }
    }
}

/// An error of any kind, of a step that the caller defines.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

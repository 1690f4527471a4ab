//! Errors of the history.

use std::path::PathBuf;

/// Why the history could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    #[error("could not create `{}`", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("`{}` is used by another process", path.display())]
    InUse { path: PathBuf },
    #[error("could not lock `{}`", path.display())]
    Lock { path: PathBuf, source: std::io::Error },
    #[error(
        "the history has format {found}, this version of Vigie supports formats up to {supported}"
    )]
    TooNew { found: u32, supported: u32 },
    #[error("could not access the history")]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "{what} in the history is damaged\nhint: move the file away; `vigie serve` then starts a new one"
    )]
    Damaged { what: &'static str },
    #[error("could not encode a report")]
    Encode(#[source] serde_json::Error),
    #[error("could not compress a report")]
    Compress(#[source] std::io::Error),
}

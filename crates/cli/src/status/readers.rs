//! Connections to the history, so that a slow page does not delay the others.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use history::{HistoryError, Reader};
use tokio::sync::Semaphore;

/// Pages that are read at the same time.
const AT_ONCE: usize = 4;

/// Readers of one file. At most [`AT_ONCE`] are open.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    /// A reader is used with a permit only.
    pub(super) turns: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, first: Reader) -> Self {
        Self { path, idle: Mutex::new(vec![first]), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Calls `read` with an idle reader, or with a new one.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let reader = match waiting {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        let result = read(&reader);
        idle().push(reader);
        result
    }
}

//! A lock between programs of one checkout that would write the same files.

use std::fs::{self, File};
use std::path::Path;

use crate::error::FileError;

/// Waits until no other holder of the lock at `path` is left. It is released when the file is dropped.
pub(crate) async fn acquire(path: &Path) -> Result<File, FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(FileError::writing(folder))?;
    }
    let file = File::create(path).map_err(FileError::writing(path))?;
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    locked.map_err(std::io::Error::other).flatten().map_err(FileError::writing(path))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn second_holder_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("lock");

        let first = acquire(&path).await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(50), acquire(&path)).await;
        assert!(second.is_err(), "two holders");

        drop(first);
        acquire(&path).await.unwrap();
    }
}

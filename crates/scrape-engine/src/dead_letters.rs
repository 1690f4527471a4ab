//! Rejected samples in a folder, so that they can be inspected and sent again.
//!
//! Each file is a dead letter: a samples message as in the queue of the function `bridge`, with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use remote_write::{EntryOutcome, Outcome};
use samples::message::{self, Message, Unreadable};
use samples::{Entry, Timestamp};
use serde::{Deserialize, Serialize};

/// The version of a file.
const VERSION: u32 = 1;

/// Files in the folder, at most. Further rejected samples are only counted.
const MOST_FILES: usize = 10_000;

/// Bytes of a file, at most: a message is smaller.
const LARGEST: u64 = 1 << 20;

/// A folder with dead letters.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// A file in the folder.
#[derive(Debug)]
pub struct DeadLetter {
    /// The name of the file without `.json`.
    pub id: String,
    pub reason: String,
    pub message: Message,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    reason: String,
    message: String,
}

/// Why a dead letter could not be stored, read or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeadLetterError {
    #[error("could not access `{}`", path.display())]
    Access { path: PathBuf, source: std::io::Error },
    #[error("the folder `{}` has {MOST_FILES} files; expected fewer", path.display())]
    Full { path: PathBuf },
    #[error("`{}` is not a dead letter", path.display())]
    Malformed { path: PathBuf, source: serde_json::Error },
    #[error("`{}` has the version {version}; expected {VERSION}", path.display())]
    Version { path: PathBuf, version: u32 },
    #[error("`{}` has a message that cannot be read", path.display())]
    Message { path: PathBuf, source: Unreadable },
}

impl Folder {
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Stores the rejected samples of a batch, those with the same reason together.
    pub fn store(
        &self,
        batch: &[Entry],
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), DeadLetterError> {
        let mut by_reason: BTreeMap<String, (String, Vec<Entry>)> = BTreeMap::new();
        for (entry, result) in batch.iter().zip(&outcome.entries) {
            let (reason, description) = match result {
                EntryOutcome::Unsent | EntryOutcome::Written => continue,
                EntryOutcome::Refused(refusal) => {
                    (refusal.as_str().to_owned(), format!("not sent: {}", refusal.as_str()))
                }
                EntryOutcome::Rejected(rejection) => (
                    format!("receiver_{}", rejection.status),
                    format!("the receiver answered {rejection}"),
                ),
            };
            let (_, entries) = by_reason.entry(reason).or_insert((description, Vec::new()));
            entries.push(entry.clone());
        }
        if by_reason.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.0).map_err(access(&self.0))?;
        let files = fs::read_dir(&self.0).map_err(access(&self.0))?.count();
        if files >= MOST_FILES {
            return Err(DeadLetterError::Full { path: self.0.clone() });
        }
        for (reason, (description, entries)) in by_reason {
            let run = format!("{}-{reason}", now.as_millis());
            let encoded = message::encode("bridge", &run, now, &entries);
            for (part, outgoing) in encoded.messages.into_iter().enumerate() {
                let wire =
                    Wire { version: VERSION, reason: description.clone(), message: outgoing.body };
                let path = self.0.join(format!("{run}-{part}.json"));
                let text = serde_json::to_string(&wire)
                    .map_err(|source| DeadLetterError::Malformed { path: path.clone(), source })?;
                // A reader never sees a part of a file.
                let partial = path.with_extension("partial");
                fs::write(&partial, text).map_err(access(&partial))?;
                fs::rename(&partial, &path).map_err(access(&path))?;
            }
        }
        Ok(())
    }

    /// The dead letters, the oldest first.
    pub fn list(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let mut ids: Vec<String> = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(access(&self.0))? {
            let name = entry.map_err(access(&self.0))?.file_name();
            ids.extend(name.to_string_lossy().strip_suffix(".json").map(str::to_owned));
        }
        ids.sort_unstable();
        ids.into_iter().map(|id| self.read(id)).collect()
    }

    fn read(&self, id: String) -> Result<DeadLetter, DeadLetterError> {
        let path = self.file(&id);
        let size = fs::metadata(&path).map_err(access(&path))?.len();
        if size > LARGEST {
            let source = std::io::Error::other("the file is larger than 1 MiB");
            return Err(DeadLetterError::Access { path, source });
        }
        let text = fs::read_to_string(&path).map_err(access(&path))?;
        let wire: Wire = serde_json::from_str(&text)
            .map_err(|source| DeadLetterError::Malformed { path: path.clone(), source })?;
        if wire.version != VERSION {
            return Err(DeadLetterError::Version { path, version: wire.version });
        }
        let message = message::decode(&wire.message)
            .map_err(|source| DeadLetterError::Message { path, source })?;
        Ok(DeadLetter { id, reason: wire.reason, message })
    }

    /// Removes a dead letter.
    pub fn remove(&self, id: &str) -> Result<(), DeadLetterError> {
        let path = self.file(id);
        fs::remove_file(&path).map_err(access(&path))
    }

    fn file(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }
}

fn access(path: &Path) -> impl Fn(std::io::Error) -> DeadLetterError {
    let path = path.to_owned();
    move |source| DeadLetterError::Access { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use remote_write::{Refusal, Rejection};
    use samples::{Sample, Series};

    use super::*;

    #[test]
    fn rejected_samples_are_stored_by_reason_and_read_again() {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let entry = |name: &str| Entry::new(Series::new(name, []).unwrap(), Sample::new(1.0, at));
        let batch = ["a", "b", "c", "d"].map(entry);
        let rejection = Rejection { status: 400, body: "out of order".to_owned() };
        let outcome = Outcome {
            entries: vec![
                EntryOutcome::Rejected(Arc::new(rejection.clone())),
                EntryOutcome::Written,
                EntryOutcome::Refused(Refusal::SameTime),
                EntryOutcome::Rejected(Arc::new(rejection)),
            ],
            ..Outcome::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::new(folder.path().join("dead"));
        folder.store(&batch, &outcome, at).unwrap();

        let letters = folder.list().unwrap();
        let names: Vec<Vec<&str>> = letters
            .iter()
            .map(|letter| letter.message.entries.iter().map(|one| one.series.name()).collect())
            .collect();
        assert_eq!(names, [vec!["a", "d"], vec!["c"]]);
        assert_eq!(letters[0].reason, "the receiver answered 400 `out of order`");
        assert_eq!(letters[0].id, "1800000000000-receiver_400-0");

        folder.remove(&letters[0].id).unwrap();
        assert_eq!(folder.list().unwrap().len(), 1);
    }

    #[test]
    fn damaged_file_is_reported_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.json"), "{}").unwrap();
        let error = Folder::new(folder.path().to_owned()).list().unwrap_err().to_string();
        assert!(error.ends_with("x.json` is not a dead letter"), "{error}");
    }
}

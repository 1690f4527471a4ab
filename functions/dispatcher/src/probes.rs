//! The probes of this environment, read from probe files in a folder or in S3.
//!
//! The files are listed every minute, and only new or changed files are read. A file with an error keeps
//! its last good version, and so do all files when they cannot be listed. The last good versions are stored,
//! because an execution environment that starts later has not read them. Two files with one probe are both refused.

mod files;
mod last_good;
mod unique;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::probe::ResolveError;
use domain::{Probe, ProbeName};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use lambda_kit::chain;
use probe_file::Diagnostics;
use tokio::sync::Mutex;

use crate::config::Config;
pub use files::{Files, ListError};
use files::{Listed, ReadError};
pub use last_good::StoreError;
use last_good::{LastGood, Stored};

/// Number of files read concurrently.
const AT_ONCE: usize = 32;

/// Reads the probes.
pub struct Source {
    config: Config,
    files: Files,
    last_good: LastGood,
    last: Mutex<Last>,
}

/// The result of the previous minute.
#[derive(Default)]
struct Last {
    /// By file name, so in a stable order.
    files: BTreeMap<String, File>,
    loaded: Arc<Loaded>,
    /// What the bucket has; `None` until it was read.
    stored: Option<Stored>,
    /// Whether the probes may differ from the stored ones.
    changed: bool,
}

/// The last known state of a probe file.
#[derive(Clone, Default)]
struct File {
    /// Version of the content that was read last; `None` to read the file again in the next minute.
    version: Option<String>,
    /// That content; `None` if it has an error.
    content: Option<Content>,
    /// The error, or why the content is refused.
    problem: Option<String>,
    /// The probe that runs: of that content, or of the last good version. `None` when there was none, or the probe is
    /// not used in this environment.
    active: Option<Arc<Probe>>,
}

/// The content of a probe file without an error.
#[derive(Clone)]
struct Content {
    name: ProbeName,
    /// `None` if it lacks a value and is not used in this environment.
    probe: Option<Arc<Probe>>,
}

/// The probes of this environment, disabled ones included, and the errors of their files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    pub probes: Vec<Probe>,
    /// One message for each file with an error.
    pub problems: Vec<String>,
}

/// Why a probe file has no new version of its probe.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Invalid(#[from] Diagnostics),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

impl Source {
    /// `s3` reads the probe files, and the bucket of reports, which has the last good versions.
    #[must_use]
    pub fn new(config: &Config, s3: aws_sdk_s3::Client) -> Self {
        let last_good = LastGood::new(s3.clone(), config.report_bucket.clone());
        let files = Files::new(config.probes.clone(), s3);
        Self { config: config.clone(), files, last_good, last: Mutex::default() }
    }

    /// The probes of this minute.
    ///
    /// # Errors
    /// When the files cannot be listed and no version of them is known. An error of a single file is in
    /// [`Loaded::problems`].
    pub async fn load(&self) -> Result<Arc<Loaded>, ListError> {
        let mut last = self.last.lock().await;
        // Boxed: the nested future is too deep for the compiler's type-length limit.
        let not_restored = Box::pin(self.restore(&mut last)).await.err();
        let not_listed = match self.files.list().await {
            Ok(listed) => {
                self.update(&mut last, listed).await;
                None
            }
            Err(error) if last.files.is_empty() => return Err(error),
            Err(error) => Some(format!("{}; the known probes stay active", chain(&error))),
        };
        let mut loaded = Arc::clone(&last.loaded);
        let problems =
            not_listed.into_iter().chain(not_restored.as_ref().map(|error| chain(error)));
        for problem in problems {
            Arc::make_mut(&mut loaded).problems.push(problem);
        }
        Ok(loaded)
    }

    /// Stores the probes for later execution environments, if they changed or the object is old.
    ///
    /// # Errors
    /// When they could not be stored. The next call tries it again.
    pub async fn store(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        // Last good versions that are not known yet must not be overwritten.
        let Some(stored) = last.stored.filter(|stored| last.changed || stored.is_old(now)) else {
            return Ok(());
        };
        let files = last.files.iter();
        let probes = files
            .filter_map(|(name, file)| Some((self.files.short(name), file.active.as_deref()?)));
        let text = last_good::text(probes)?;
        if stored.differs(&text) || stored.is_old(now) {
            last.stored = Some(self.last_good.write(text, now).await?);
        }
        last.changed = false;
        Ok(())
    }

    /// Reads the stored probes, unless that was done. Files whose content is read later replace them.
    async fn restore(&self, last: &mut Last) -> Result<(), StoreError> {
        if last.stored.is_some() {
            return Ok(());
        }
        let (probes, stored) = self.last_good.read().await?;
        last.stored = Some(stored);
        let active = last.files.values().filter_map(|file| file.active.as_ref());
        let mut names: BTreeSet<ProbeName> = active.map(|probe| probe.name.clone()).collect();
        for (short, probe) in probes {
            let file = last.files.entry(self.files.full(&short)).or_default();
            let is_refused = file.content.is_none() || file.problem.is_some();
            if file.active.is_none() && is_refused && names.insert(probe.name.clone()) {
                // Without a version the file is read again, and is removed if it does not exist.
                *file = File { active: Some(Arc::new(probe)), ..File::default() };
            }
        }
        last.loaded = Arc::new(loaded(&last.files));
        Ok(())
    }

    /// Reads new and changed files and removes those that no longer exist.
    async fn update(&self, last: &mut Last, listed: Vec<Listed>) {
        let is_known = |file: &Listed| {
            let known = last.files.get(&file.name);
            known.is_some_and(|known| known.version.as_ref() == Some(&file.version))
        };
        let changed: Vec<&Listed> = listed.iter().filter(|file| !is_known(file)).collect();
        if changed.is_empty() && listed.len() == last.files.len() {
            return;
        }
        let read = stream::iter(changed)
            .map(|file| async move { (file.name.clone(), self.read(file).await) })
            .buffer_unordered(AT_ONCE);
        let mut read: BTreeMap<String, Result<Content, FileError>> = read.collect().await;

        let mut files = BTreeMap::new();
        for Listed { name, version } in listed {
            let before = last.files.remove(&name);
            let is_new = before.is_none();
            let mut file = before.unwrap_or_default();
            match read.remove(&name) {
                Some(result) => file.replace(version, result),
                None if is_new => continue,
                None => {}
            }
            files.insert(name, file);
        }
        unique::activate(&mut files);
        last.loaded = Arc::new(loaded(&files));
        last.files = files;
        last.changed = true;
    }

    async fn read(&self, file: &Listed) -> Result<Content, FileError> {
        let text = self.files.read(file).await?;
        parse(&self.config, &file.name, &text)
    }
}

impl File {
    /// Takes what was read. The last good version stays active until the content is accepted.
    fn replace(&mut self, version: String, read: Result<Content, FileError>) {
        // A file that could not be read is read again. An invalid file is not, until it changes.
        let is_final = !matches!(read, Err(FileError::Read(_)));
        self.version = is_final.then_some(version);
        match read {
            Ok(content) => self.content = Some(content),
            Err(error) => {
                self.content = None;
                self.problem = Some(chain(&error).trim_end().to_owned());
            }
        }
    }
}

fn loaded(files: &BTreeMap<String, File>) -> Loaded {
    let mut loaded = Loaded::default();
    for file in files.values() {
        let kept = if file.active.is_some() { "; the last good version stays active" } else { "" };
        loaded.problems.extend(file.problem.iter().map(|problem| format!("{problem}{kept}")));
        loaded.probes.extend(file.active.as_deref().cloned());
    }
    loaded
}

fn parse(config: &Config, name: &str, text: &str) -> Result<Content, FileError> {
    let mut spec = probe_file::parse(text, name)?;
    spec.enabled = spec.runs_in(&config.environment);
    let variable = |name: &str| config.variables.get(name).cloned();
    let probe = match spec.resolve(&config.environment, &variable) {
        Ok(probe) => Some(Arc::new(probe)),
        // A probe that is not used in this environment may lack values for it.
        Err(_) if !spec.enabled => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Content { name: spec.name, probe })
}

#[cfg(test)]
mod tests;

//! The probes of this environment, read from probe files in a folder or in S3.
//!
//! The files are listed every minute, and only new or changed files are read. A file with an error keeps
//! its last good version for as long as the execution environment lives, and so do all files when they
//! cannot be listed.

mod files;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::probe::ResolveError;
use domain::{Probe, ProbeName};
use futures_util::{StreamExt as _, stream};
use lambda_kit::chain;
use probe_file::Diagnostics;
use tokio::sync::Mutex;

use crate::config::Config;
pub use files::{Files, ListError};
use files::{Listed, ReadError};

/// Number of files read concurrently.
const AT_ONCE: usize = 32;

/// Reads the probes.
pub struct Source {
    config: Config,
    files: Files,
    last: Mutex<Last>,
}

/// The result of the previous minute.
#[derive(Default)]
struct Last {
    /// By file name, so in a stable order.
    files: BTreeMap<String, File>,
    loaded: Arc<Loaded>,
}

/// The last known state of a probe file.
#[derive(Clone)]
struct File {
    /// Version of the content that was read last; `None` to read the file again in the next minute.
    version: Option<String>,
    /// The last good version; `None` when there was none, or the probe is not used in this environment.
    probe: Option<Probe>,
    /// Error of the current version.
    problem: Option<String>,
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
    #[must_use]
    pub fn new(config: &Config, s3: aws_sdk_s3::Client) -> Self {
        let files = Files::new(config.probes.clone(), s3);
        Self { config: config.clone(), files, last: Mutex::default() }
    }

    /// The probes of this minute.
    ///
    /// # Errors
    /// When the files cannot be listed and have never been read. An error of a single file is in
    /// [`Loaded::problems`].
    pub async fn load(&self) -> Result<Arc<Loaded>, ListError> {
        let mut last = self.last.lock().await;
        match self.files.list().await {
            Ok(listed) => self.update(&mut last, listed).await,
            Err(error) if last.files.is_empty() => return Err(error),
            Err(error) => {
                let mut loaded = Loaded::clone(&last.loaded);
                loaded.problems.push(format!("{}; the known probes stay active", chain(&error)));
                return Ok(Arc::new(loaded));
            }
        }
        Ok(Arc::clone(&last.loaded))
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
        let mut read: BTreeMap<String, Result<Option<Probe>, FileError>> = read.collect().await;

        let mut files = BTreeMap::new();
        for Listed { name, version, .. } in listed {
            let before = last.files.remove(&name);
            let file = match (read.remove(&name), before) {
                (Some(Ok(probe)), _) => File { version: Some(version), probe, problem: None },
                (Some(Err(error)), before) => after_error(version, &error, before),
                (None, Some(before)) => before,
                (None, None) => continue,
            };
            files.insert(name, file);
        }
        *last = Last { loaded: Arc::new(loaded(&files)), files };
    }

    /// The probe in a file; `None` if it lacks a value and is not used in this environment.
    async fn read(&self, file: &Listed) -> Result<Option<Probe>, FileError> {
        let text = self.files.read(file).await?;
        parse(&self.config, &file.name, &text)
    }
}

/// Keeps the last good version of the probe.
fn after_error(version: String, error: &FileError, before: Option<File>) -> File {
    let probe = before.and_then(|before| before.probe);
    let kept = if probe.is_some() { "; the last good version stays active" } else { "" };
    // A file that could not be read is read again. An invalid file is not, until it changes.
    let version = if matches!(error, FileError::Read(_)) { None } else { Some(version) };
    File { version, probe, problem: Some(format!("{}{kept}", chain(error).trim_end())) }
}

/// The probes of all files. If two files have a probe of the same name, the first file is used.
fn loaded(files: &BTreeMap<String, File>) -> Loaded {
    let mut loaded = Loaded::default();
    let mut seen: BTreeMap<&ProbeName, &str> = BTreeMap::new();
    for (name, file) in files {
        loaded.problems.extend(file.problem.clone());
        let Some(probe) = &file.probe else { continue };
        if let Some(first) = seen.get(&probe.name) {
            loaded.problems.push(format!(
                "probe `{}` is in `{first}` and in `{name}`; expected a unique name, `{first}` is used",
                probe.name
            ));
        } else {
            seen.insert(&probe.name, name);
            loaded.probes.push(probe.clone());
        }
    }
    loaded
}

fn parse(config: &Config, name: &str, text: &str) -> Result<Option<Probe>, FileError> {
    let mut spec = probe_file::parse(text, name)?;
    spec.enabled = spec.runs_in(&config.environment);
    let variable = |name: &str| config.variables.get(name).cloned();
    match spec.resolve(&config.environment, &variable) {
        Ok(probe) => Ok(Some(probe)),
        // A probe that is not used in this environment may lack values for it.
        Err(_) if !spec.enabled => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;

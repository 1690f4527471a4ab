//! The probes of this environment, from the binary or from S3.

use aws_config::SdkConfig;
use aws_sdk_s3::Client as S3;
use domain::Probe;

use crate::config::{Config, ProbesFrom};

/// The probe files of `probes/` at build time, by name.
pub const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/probes.rs"));

/// Most bytes of one probe file in S3.
const LONGEST_FILE: i64 = 256 * 1024;

/// Where the probes come from.
pub struct Source {
    config: Config,
    s3: S3,
    /// The embedded probes are read once.
    embedded: Loaded,
}

/// The probes that can be played, and what is wrong with the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    pub probes: Vec<Probe>,
    /// One text for each file or probe that is left out.
    pub problems: Vec<String>,
}

/// Why there are no probes at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("`s3://{bucket}/{prefix}` could not be listed")]
    List { bucket: String, prefix: String, source: Box<dyn std::error::Error + Send + Sync> },
}

impl Source {
    #[must_use]
    pub fn new(config: &Config, aws: &SdkConfig) -> Self {
        let embedded = match config.probes {
            ProbesFrom::Embedded => read(config, EMBEDDED.iter().copied()),
            ProbesFrom::Bucket { .. } => Loaded::default(),
        };
        Self { config: config.clone(), s3: S3::new(aws), embedded }
    }

    /// The probes of this minute.
    ///
    /// # Errors
    /// When they lie in S3 and can't be listed. A file that can't be read is a problem of its own.
    pub async fn load(&self) -> Result<Loaded, SourceError> {
        match &self.config.probes {
            ProbesFrom::Embedded => Ok(self.embedded.clone()),
            ProbesFrom::Bucket { bucket, prefix } => self.in_bucket(bucket, prefix).await,
        }
    }

    async fn in_bucket(&self, bucket: &str, prefix: &str) -> Result<Loaded, SourceError> {
        let mut pages =
            self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut files: Vec<(String, String)> = Vec::new();
        let mut problems: Vec<String> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|source| SourceError::List {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                source: Box::new(source),
            })?;
            for object in page.contents() {
                let key = object.key().unwrap_or_default();
                let is_file = [".yaml", ".yml"].iter().any(|ending| key.ends_with(ending));
                let small = object.size().is_some_and(|size| size <= LONGEST_FILE);
                match (is_file, small) {
                    (false, _) => {}
                    (true, false) => problems.push(format!("`{key}` is over {LONGEST_FILE} bytes")),
                    (true, true) => match self.file(bucket, key).await {
                        Ok(text) => files.push((key.to_owned(), text)),
                        Err(problem) => problems.push(problem),
                    },
                }
            }
        }
        let mut loaded =
            read(&self.config, files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        loaded.problems.extend(problems);
        Ok(loaded)
    }

    async fn file(&self, bucket: &str, key: &str) -> Result<String, String> {
        let object = self.s3.get_object().bucket(bucket).key(key).send().await;
        let object = object
            .map_err(|error| format!("`{key}` was not read: {}", lambda_kit::chain(&error)))?;
        let bytes =
            object.body.collect().await.map_err(|error| format!("`{key}` broke off: {error}"))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| format!("`{key}` is not UTF-8"))
    }
}

/// Reads probe files; one that is wrong leaves the others as they are.
fn read<'a>(config: &Config, files: impl Iterator<Item = (&'a str, &'a str)>) -> Loaded {
    let mut loaded = Loaded::default();
    for (name, text) in files {
        let spec = match probe_file::parse(text, name) {
            Ok(spec) => spec,
            Err(mistakes) => {
                loaded.problems.push(mistakes.to_string());
                continue;
            }
        };
        if !spec.runs_in(&config.environment) {
            continue;
        }
        let variable = |name: &str| config.variables.get(name).cloned();
        match spec.resolve(&config.environment, &variable) {
            Ok(probe) => loaded.probes.push(probe),
            Err(problem) => loaded.problems.push(problem.to_string()),
        }
    }
    loaded
}

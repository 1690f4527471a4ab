//! The probes of this environment, from the binary or from S3.

use std::collections::HashMap;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_s3::Client as S3;
use domain::Probe;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Mutex;

use crate::config::{Config, ProbesFrom};

/// The probe files of `probes/` at build time, by name.
pub const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/probes.rs"));

/// Most bytes of one probe file in S3.
const LONGEST_FILE: i64 = 256 * 1024;

/// Files that are fetched at once.
const AT_ONCE: usize = 32;

/// Where the probes come from.
pub struct Source {
    config: Config,
    s3: S3,
    /// What was read last. The files in S3 are listed every minute, and those that are as they were
    /// are neither fetched nor read again.
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    files: HashMap<String, File>,
    loaded: Arc<Loaded>,
}

/// A file as it was read.
struct File {
    /// S3's own mark of the content.
    etag: String,
    content: Loaded,
}

/// The probes that can be played or are switched off here, and what is wrong with the others.
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

/// A file in the listing.
struct Listed {
    key: String,
    etag: String,
    is_small: bool,
}

impl Source {
    #[must_use]
    pub fn new(config: &Config, aws: &SdkConfig) -> Self {
        let mut loaded = Loaded::default();
        if config.probes == ProbesFrom::Embedded {
            for (name, text) in EMBEDDED {
                loaded.add(&read(config, name, text));
            }
        }
        let last = Last { loaded: Arc::new(loaded), files: HashMap::new() };
        Self { config: config.clone(), s3: S3::new(aws), last: Mutex::new(last) }
    }

    /// The probes of this minute.
    ///
    /// # Errors
    /// When they lie in S3 and can't be listed. A file that can't be read is a problem of its own.
    pub async fn load(&self) -> Result<Arc<Loaded>, SourceError> {
        let mut last = self.last.lock().await;
        if let ProbesFrom::Bucket { bucket, prefix } = &self.config.probes {
            let listed = self.list(bucket, prefix).await?;
            self.renew(&mut last, bucket, listed).await;
        }
        Ok(Arc::clone(&last.loaded))
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, SourceError> {
        let mut pages =
            self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|source| SourceError::List {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                source: Box::new(source),
            })?;
            listed.extend(page.contents().iter().filter_map(|object| {
                let key = object.key()?;
                let is_probe = [".yaml", ".yml"].iter().any(|ending| key.ends_with(ending));
                is_probe.then(|| Listed {
                    key: key.to_owned(),
                    etag: object.e_tag().unwrap_or_default().to_owned(),
                    is_small: object.size().is_some_and(|size| size <= LONGEST_FILE),
                })
            }));
        }
        Ok(listed)
    }

    /// Reads what is new or has changed, and forgets what is gone.
    async fn renew(&self, last: &mut Last, bucket: &str, listed: Vec<Listed>) {
        let is_known = |file: &Listed| {
            let known = last.files.get(&file.key);
            !file.etag.is_empty() && known.is_some_and(|known| known.etag == file.etag)
        };
        let unchanged = listed.iter().filter(|file| is_known(file)).count();
        if unchanged == listed.len() && unchanged == last.files.len() {
            return;
        }
        let fetched = stream::iter(listed.iter().filter(|file| !is_known(file)))
            .map(|file| async move { (file, self.fetch(bucket, file).await) })
            .buffer_unordered(AT_ONCE);
        let mut fetched: HashMap<&str, Result<Loaded, String>> =
            fetched.map(|(file, content)| (file.key.as_str(), content)).collect().await;

        let mut loaded = Loaded::default();
        let mut files = HashMap::with_capacity(listed.len());
        for file in &listed {
            let before = last.files.remove(&file.key);
            let content = match (fetched.remove(file.key.as_str()), before) {
                (Some(Ok(content)), _) => Some(File { etag: file.etag.clone(), content }),
                // What it was a minute ago is better than no run at all. The old mark stays with it,
                // so that the next minute tries again.
                (Some(Err(problem)), before) => {
                    loaded.problems.push(problem);
                    before
                }
                (None, before) => before,
            };
            if let Some(file_content) = content {
                loaded.add(&file_content.content);
                files.insert(file.key.clone(), file_content);
            }
        }
        *last = Last { files, loaded: Arc::new(loaded) };
    }

    async fn fetch(&self, bucket: &str, file: &Listed) -> Result<Loaded, String> {
        let key = &file.key;
        if !file.is_small {
            return Err(format!("`{key}` is over {LONGEST_FILE} bytes"));
        }
        let object = self.s3.get_object().bucket(bucket).key(key).send().await;
        let object = object
            .map_err(|error| format!("`{key}` was not read: {}", lambda_kit::chain(&error)))?;
        let bytes =
            object.body.collect().await.map_err(|error| format!("`{key}` broke off: {error}"))?;
        let text =
            String::from_utf8(bytes.to_vec()).map_err(|_| format!("`{key}` is not UTF-8"))?;
        Ok(read(&self.config, key, &text))
    }
}

impl Loaded {
    fn add(&mut self, other: &Self) {
        self.probes.extend_from_slice(&other.probes);
        self.problems.extend_from_slice(&other.problems);
    }
}

/// Reads one probe file; what is wrong with it is a problem of its own.
fn read(config: &Config, name: &str, text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    match probe_file::parse(text, name) {
        Err(mistakes) => loaded.problems.push(mistakes.to_string()),
        Ok(mut spec) => {
            spec.enabled = spec.runs_in(&config.environment);
            let variable = |name: &str| config.variables.get(name).cloned();
            match spec.resolve(&config.environment, &variable) {
                Ok(probe) => loaded.probes.push(probe),
                // Nothing has to be known of a probe that does not run here.
                Err(_) if !spec.enabled => {}
                Err(problem) => loaded.problems.push(problem.to_string()),
            }
        }
    }
    loaded
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
    use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
    use aws_sdk_s3::primitives::ByteStream;
    use aws_sdk_s3::types::Object;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    fn source(rules: &[&Rule]) -> Source {
        let look_up = |name: &str| match name {
            "VIGIE_ENVIRONMENT" => Some("prod".to_owned()),
            "RUNS_QUEUE_URL" => Some("http://queue".to_owned()),
            "PROBES" => Some("s3://probes/here".to_owned()),
            _ => None,
        };
        let s3 = mock_client!(aws_sdk_s3, RuleMode::Sequential, rules);
        let config = Config::from_env(look_up).unwrap();
        Source { config, s3, last: Mutex::default() }
    }

    fn listing(files: &'static [(&str, &str)]) -> Rule {
        mock!(S3::list_objects_v2).then_output(move || {
            let object = |(key, etag): &(&str, &str)| {
                Object::builder().key(*key).e_tag(*etag).size(100).build()
            };
            ListObjectsV2Output::builder()
                .set_contents(Some(files.iter().map(object).collect()))
                .build()
        })
    }

    fn file(key: &'static str, name: &'static str) -> Rule {
        mock!(S3::get_object).match_requests(move |request| request.key() == Some(key)).then_output(
            move || {
                let text = format!(
                    "probe: {name}\nevery: 1m\ntarget: {{ url: \"http://x\" }}\nconversation: [{{ say: hi }}]\n"
                );
                GetObjectOutput::builder().body(ByteStream::from(text.into_bytes())).build()
            },
        )
    }

    async fn names(source: &Source) -> Vec<String> {
        let loaded = source.load().await.unwrap();
        assert_eq!(loaded.problems, Vec::<String>::new());
        loaded.probes.iter().map(|probe| probe.name.to_string()).collect()
    }

    #[test]
    fn a_probe_that_does_not_run_here_is_switched_off_and_what_it_lacks_is_no_problem() {
        let look_up = |name: &str| match name {
            "VIGIE_ENVIRONMENT" => Some("prod".to_owned()),
            "RUNS_QUEUE_URL" => Some("http://queue".to_owned()),
            _ => None,
        };
        let config = Config::from_env(look_up).unwrap();
        let (plain, lacks) = (r#""http://x""#, r#""${NOT_SET}""#);
        let cases = [
            // name, more of the file, URL, enabled, problems
            ("runs", "", plain, Some(true), 0),
            ("lacks its URL", "", lacks, None, 1),
            ("switched off", "enabled: false\n", plain, Some(false), 0),
            ("off without its URL", "enabled: false\n", lacks, None, 0),
            ("runs elsewhere", "environments: [dev]\n", plain, Some(false), 0),
            ("elsewhere and lacks", "environments: [dev]\n", lacks, None, 0),
        ];
        for (name, more, url, enabled, problems) in cases {
            let text = format!(
                "probe: bot\nevery: 1m\n{more}target: {{ url: {url} }}\nconversation: [{{ say: hi }}]\n"
            );
            let loaded = read(&config, "bot.yaml", &text);
            assert_eq!(loaded.probes.first().map(|probe| probe.enabled), enabled, "{name}");
            assert_eq!(loaded.problems.len(), problems, "{name}: {:?}", loaded.problems);
        }
    }

    #[tokio::test]
    async fn only_what_has_changed_is_fetched_again_and_what_is_gone_is_forgotten() {
        let source = source(&[
            &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "1"), ("here/readme.md", "1")]),
            &file("here/a.yaml", "a"),
            &file("here/b.yaml", "b"),
            &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "1")]),
            &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "2")]),
            &file("here/b.yaml", "c"),
            &listing(&[("here/b.yaml", "2")]),
        ]);
        assert_eq!(names(&source).await, ["a", "b"]);
        assert_eq!(names(&source).await, ["a", "b"]);
        assert_eq!(names(&source).await, ["a", "c"]);
        assert_eq!(names(&source).await, ["c"]);
    }

    #[tokio::test]
    async fn a_file_that_can_not_be_read_stays_as_it_was_and_is_told_and_tried_again() {
        let away = mock!(S3::get_object).then_error(|| GetObjectError::unhandled("away"));
        let source = source(&[
            &listing(&[("here/a.yaml", "1")]),
            &file("here/a.yaml", "a"),
            &listing(&[("here/a.yaml", "2")]),
            &away,
            &listing(&[("here/a.yaml", "2")]),
            &file("here/a.yaml", "b"),
        ]);
        assert_eq!(names(&source).await, ["a"]);
        let loaded = source.load().await.unwrap();
        assert_eq!(loaded.probes[0].name.as_str(), "a");
        assert!(loaded.problems[0].starts_with("`here/a.yaml` was not read"), "{loaded:?}");
        assert_eq!(names(&source).await, ["b"]);
    }
}

//! The objects of the pages.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use serde::Serialize;

use crate::error::SiteError;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
pub(crate) const SVG: &str = "image/svg+xml";

/// The most pages of a list, each with up to 1,000 keys.
const MOST_LISTS: usize = 100;
/// The most keys of one deletion.
const DELETIONS: usize = 1_000;

/// The bucket.
pub(crate) struct Objects {
    s3: Client,
    bucket: String,
    /// With a slash at the end.
    folder: String,
    /// The hash of the content by key; 0 for an object that an earlier process wrote.
    stored: Mutex<HashMap<String, u64>>,
}

impl Objects {
    pub(crate) fn new(s3: Client, bucket: String, folder: &str) -> Self {
        Self { s3, bucket, folder: format!("{folder}/"), stored: Mutex::default() }
    }

    fn stored(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is such an object.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.stored().contains_key(key)
    }

    /// Writes an object unless it has this content.
    pub(crate) async fn put(&self, key: &str, kind: &str, body: String) -> Result<(), SiteError> {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let hash = hasher.finish().max(1);
        if self.stored().get(key) == Some(&hash) {
            return Ok(());
        }
        let request = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(format!("{}{key}", self.folder))
            .content_type(kind)
            .cache_control("max-age=30")
            .body(body.into_bytes().into());
        request
            .send()
            .await
            .map_err(|source| SiteError::Put { key: key.to_owned(), source: Box::new(source) })?;
        self.stored().insert(key.to_owned(), hash);
        Ok(())
    }

    pub(crate) async fn put_json(
        &self,
        key: &str,
        value: &impl Serialize,
    ) -> Result<(), SiteError> {
        let json = serde_json::to_string(value)
            .map_err(|source| SiteError::Json { key: key.to_owned(), source })?;
        self.put(key, JSON, json + "\n").await
    }

    /// Reads which objects there are.
    pub(crate) async fn list(&self) -> Result<(), SiteError> {
        let mut next = None;
        for _ in 0..MOST_LISTS {
            let request = self
                .s3
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(&self.folder)
                .set_continuation_token(next);
            let answer = request
                .send()
                .await
                .map_err(|source| SiteError::List { source: Box::new(source) })?;
            let keys = answer
                .contents()
                .iter()
                .filter_map(|object| object.key()?.strip_prefix(&self.folder));
            self.stored().extend(keys.map(|key| (key.to_owned(), 0)));
            next = answer.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Deletes the pages that are `hidden`, which is called with the probe of a page and whether it is a report.
    pub(crate) async fn remove(
        &self,
        hidden: impl Fn(&str, bool) -> bool,
    ) -> Result<(), SiteError> {
        let is_hidden = |key: &&String| {
            probe_of(key).is_some_and(|probe| hidden(probe, key.contains("/runs/")))
        };
        let hidden: Vec<String> = self.stored().keys().filter(is_hidden).cloned().collect();
        for keys in hidden.chunks(DELETIONS) {
            let object = |key: &String| {
                ObjectIdentifier::builder()
                    .key(format!("{}{key}", self.folder))
                    .build()
                    .expect("the key is set")
            };
            let objects = keys.iter().map(object).collect();
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let delete = delete.expect("the objects are set");
            let request = self.s3.delete_objects().bucket(&self.bucket).delete(delete);
            request
                .send()
                .await
                .map_err(|source| SiteError::Delete { source: Box::new(source) })?;
            self.stored().retain(|key, _| !keys.contains(key));
        }
        Ok(())
    }
}

/// The probe that a page is about.
fn probe_of(key: &str) -> Option<&str> {
    ["probes/", "badge/", "api/v1/probes/"]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix))
        .and_then(|rest| rest.split('/').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_of_a_page_is_in_its_key() {
        let cases = [
            ("probes/bot", Some("bot")),
            ("probes/bot/7d", Some("bot")),
            ("badge/bot/state.svg", Some("bot")),
            ("api/v1/probes/bot", Some("bot")),
            ("api/v1/status", None),
            ("incidents/7", None),
            ("index.html", None),
        ];
        for (key, probe) in cases {
            assert_eq!(probe_of(key), probe, "{key}");
        }
    }
}

//! Which types and help texts a receiver of 1.0 has.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use samples::{Entry, Metadata, Series, family_name};
use tokio::time::Instant;

/// Each family is sent this often, as by Prometheus.
const INTERVAL: Duration = Duration::from_secs(60);

/// The families whose metadata was sent in the current interval.
#[derive(Default)]
pub(crate) struct SentMetadata {
    since: Option<Instant>,
    families: HashSet<u64>,
    /// The receiver rejected metadata.
    pub(crate) is_rejected: bool,
}

impl SentMetadata {
    /// The families of `entries` that were not sent in this interval. They count as sent from now on.
    pub(crate) fn take_new<'e>(&mut self, entries: &'e [Entry]) -> Vec<(&'e Series, &'e Metadata)> {
        if self.since.is_none_or(|since| since.elapsed() >= INTERVAL) {
            *self = Self { since: Some(Instant::now()), ..Self::default() };
        }
        let mut families: Vec<(&Series, &Metadata)> = Vec::new();
        let mut last: Option<&Arc<Metadata>> = None;
        for entry in entries {
            let Some(metadata) = entry.series.metadata() else { continue };
            // The series of a family follow each other.
            if last.is_some_and(|last| Arc::ptr_eq(last, metadata)) {
                continue;
            }
            last = Some(metadata);
            if self.families.insert(hash(&entry.series, metadata)) {
                families.push((&entry.series, metadata));
            }
        }
        families
    }
}

fn hash(series: &Series, metadata: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    family_name(series, metadata).hash(&mut hasher);
    (metadata.kind as i32, &metadata.help, &metadata.unit).hash(&mut hasher);
    hasher.finish()
}

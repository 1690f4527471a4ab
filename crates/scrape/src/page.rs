//! One page, as Prometheus would have stored it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use exposition::{Kind, Line, ParseError, Reader};
use samples::{Datum, Entry, Exemplar, InvalidSeries, Metadata, MetricKind, Sample, Timestamp};

use crate::created::{Group, Role, role};
use crate::fetch::{FetchError, Page};
use crate::memory::{Memory, NEVER, Slot};
use crate::target::{Labels, Limits};

/// What Prometheus writes about each scrape, in its order.
pub(crate) const OWN_SERIES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Most characters of an exemplar's labels; OpenMetrics sets it, and Prometheus drops what has more.
const EXEMPLAR_CHARS: usize = 128;

/// How far after the scrape's own time a sample may lie; Prometheus drops what is beyond.
const AHEAD: Duration = Duration::from_mins(10);

/// What one scrape came to.
#[derive(Debug)]
pub struct Scrape {
    /// In the order in which they have to be sent: samples, stale markers, the scrape's own series.
    pub entries: Vec<Entry>,
    /// `None` when the target is up.
    pub error: Option<ScrapeError>,
    pub counts: Counts,
    /// Whether [`Memory::to_bytes`] would now give something else than before the scrape.
    pub memory_changed: bool,
}

/// How much was on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples read, up to the first error.
    pub scraped: usize,
    /// Samples that could be taken over, by Prometheus's way of counting: also those that were told before.
    pub kept: usize,
    /// Series that were not on the page before.
    pub added: usize,
}

/// Why a target counts as down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    #[error("the page was not to be had")]
    Fetch { source: FetchError },
    #[error("the page is not in the format it claims")]
    Parse { source: ParseError },
    #[error("a sample of the page can't be stored")]
    Series { source: InvalidSeries },
    #[error("the page has {samples} samples; expected at most {limit}")]
    TooManySamples { samples: usize, limit: usize },
}

impl Memory {
    /// Takes in what came of fetching a page. `at` is the scrape's time, `took` is asked at the end how
    /// long the scrape has taken.
    pub fn absorb(
        &mut self,
        labels: &Labels,
        limits: &Limits,
        page: Result<Page, FetchError>,
        at: Timestamp,
        took: impl FnOnce() -> Duration,
    ) -> Scrape {
        let (page, fetch_error) = match page {
            Ok(page) => (Some(page), None),
            Err(source) => (None, Some(ScrapeError::Fetch { source })),
        };
        self.round = self.round.wrapping_add(1).max(1);
        let mut walk = Walk::new(self, labels, at);
        let error = page.as_ref().and_then(|page| walk.page(page, limits).err()).or(fetch_error);
        let Walk { mut entries, counts, order, mut changed, .. } = walk;
        let before = self.slots.len();
        if error.is_some() {
            entries.clear();
            self.roll_back(limits);
        }
        changed |= self.mark_stale(at, &mut entries);
        // An empty page is to Prometheus what a failed scrape is: nothing is forgotten.
        if error.is_none() && page.is_some_and(|page| !page.body.is_empty()) {
            self.settle(&order);
        }
        changed |= self.slots.len() < before;
        self.report(labels, at, took(), error.is_none(), counts, &mut entries);
        Scrape { entries, error, counts, memory_changed: changed }
    }

    /// Of a page that failed nothing was passed on, though its series are remembered.
    fn roll_back(&mut self, limits: &Limits) {
        let round = self.round;
        for (index, slot) in (0..).zip(&mut self.slots).filter(|(_, slot)| slot.seen == round) {
            slot.last_at = slot.before;
            self.exemplars.remove(&index);
        }
        // A page that fails each time, with other series each time, must not fill the memory.
        if 2 * limits.samples < self.slots.len() {
            let books = |(_, slot): &(u32, &Slot)| round - 1 <= slot.tracked;
            let keep: Vec<u32> =
                (0..).zip(&self.slots).filter(books).map(|(index, _)| index).collect();
            self.keep(keep);
        }
    }

    /// Ends the series that the scrape before had and this one has not. Tells whether there were any.
    fn mark_stale(&self, at: Timestamp, entries: &mut Vec<Entry>) -> bool {
        let before = entries.len();
        let last_round = self.round - 1;
        for slot in &self.slots {
            let vanished = last_round != 0 && slot.tracked == last_round;
            if vanished && slot.last_at != NEVER && slot.last_at < at {
                entries.push(Entry::new(slot.series.clone(), Sample::stale(at)));
            }
        }
        before < entries.len()
    }

    fn report(
        &self,
        labels: &Labels,
        at: Timestamp,
        took: Duration,
        up: bool,
        counts: Counts,
        entries: &mut Vec<Entry>,
    ) {
        let values = [
            f64::from(u8::from(up)),
            took.as_secs_f64(),
            count(counts.scraped),
            count(counts.kept),
            count(counts.added),
        ];
        for (name, value) in OWN_SERIES.into_iter().zip(values) {
            let Ok(series) = labels.series(name) else { continue };
            // A page may have a series of this very name; then its value stands, as in Prometheus.
            let taken = self.find_series(&series).is_some_and(|index| {
                let slot = &self.slots[index];
                up && slot.seen == self.round && slot.last_at == at
            });
            if !taken {
                entries.push(Entry::new(series, Sample::new(value, at)));
            }
        }
    }
}

/// The walk down a page.
struct Walk<'m, 'p> {
    memory: &'m mut Memory,
    labels: &'m Labels,
    at: Timestamp,
    family: Family<'p>,
    entries: Vec<Entry>,
    counts: Counts,
    /// The slots in the order of the page.
    order: Vec<u32>,
    starts: HashMap<Group, Timestamp>,
    /// The slots of `entries`, kept only where a start may be found for them.
    groups: Vec<(usize, Group)>,
    changed: bool,
}

/// The family that was declared last.
#[derive(Default)]
struct Family<'p> {
    name: &'p str,
    kind: Option<Kind>,
    help: String,
    unit: &'p str,
    /// Made when the first new series asks for it.
    metadata: Option<Arc<Metadata>>,
}

impl<'m, 'p> Walk<'m, 'p> {
    fn new(memory: &'m mut Memory, labels: &'m Labels, at: Timestamp) -> Self {
        let known = memory.slots.len();
        Self {
            memory,
            labels,
            at,
            family: Family::default(),
            entries: Vec::with_capacity(known + OWN_SERIES.len()),
            counts: Counts::default(),
            order: Vec::with_capacity(known),
            starts: HashMap::new(),
            groups: Vec::new(),
            changed: false,
        }
    }

    fn page(&mut self, page: &'p Page, limits: &Limits) -> Result<(), ScrapeError> {
        let mut next = 0;
        let mut reader = Reader::with_limits(&page.body, page.format, limits.lines);
        while let Some(line) = reader.next_like(self.memory.text(next)) {
            match line.map_err(|source| ScrapeError::Parse { source })? {
                Line::Sample(sample) if self.counts.scraped < limits.samples => {
                    let known = reader.met_expected().then_some(next);
                    next = 1 + self.sample(&sample, known)?;
                }
                // Counted to the end, so that the message can say how far beyond the limit the page is.
                Line::Sample(_) => self.counts.scraped += 1,
                Line::Type { family, kind } => self.family(family).kind = Some(kind),
                Line::Help { family, text } => self.family(family).help = text.into_owned(),
                Line::Unit { family, unit } => self.family(family).unit = unit,
            }
        }
        if limits.samples < self.counts.scraped {
            let (samples, limit) = (self.counts.scraped, limits.samples);
            return Err(ScrapeError::TooManySamples { samples, limit });
        }
        for (index, group) in &self.groups {
            if let (Some(start), Datum::Sample(sample)) =
                (self.starts.get(group), &mut self.entries[*index].datum)
            {
                *sample = sample.with_start(*start);
            }
        }
        Ok(())
    }

    fn family(&mut self, name: &'p str) -> &mut Family<'p> {
        if self.family.name != name {
            self.family = Family { name, ..Family::default() };
        }
        self.family.metadata = None;
        &mut self.family
    }

    /// Takes one line in, whose slot may be known; returns its slot.
    fn sample(
        &mut self,
        sample: &exposition::Sample<'p>,
        known: Option<usize>,
    ) -> Result<usize, ScrapeError> {
        let (index, new) = match known.or_else(|| self.memory.find(sample.series())) {
            Some(index) => (index, false),
            None => self.add(sample)?,
        };
        self.order.push(u32::try_from(index).unwrap_or(u32::MAX));
        let round = self.memory.round;
        let slot = &mut self.memory.slots[index];
        let first = std::mem::replace(&mut slot.seen, round) != round;
        let (series, place) = (&slot.series, slot.books);
        let group = match slot.role() {
            Role::Created { group } => {
                if let Some(start) = milliseconds(sample.value) {
                    self.starts.insert(group, start);
                }
                return Ok(index);
            }
            Role::Value { group } => group,
        };
        self.counts.scraped += 1;
        self.counts.kept += 1;

        let at = sample.timestamp_ms.map_or(self.at, Timestamp::from_millis);
        let mut entry = Entry::new(series.clone(), Sample::new(sample.value, at));
        let books = place as usize;
        let slot = &mut self.memory.slots[books];
        if slot.seen != round || books == index && first {
            (slot.seen, slot.before) = (round, slot.last_at);
        }
        if sample.timestamp_ms.is_none() {
            // Told from the round before, a series that is back has to be remembered anew.
            self.changed |= slot.tracked != round && slot.tracked != round - 1;
            slot.tracked = round;
        }
        if at <= slot.last_at || self.at + AHEAD < at {
            // The same value again, an older one, or one from the future: a receiver would refuse it.
            return Ok(index);
        }
        slot.last_at = at;
        self.counts.added += usize::from(new);
        entry.exemplar = sample.exemplar.as_ref().and_then(|found| {
            let exemplar = exemplar(found, at)?;
            let hash = hash(&exemplar);
            let known = self.memory.exemplars.insert(place, hash);
            (known != Some(hash)).then(|| Box::new(exemplar))
        });
        if let Some(group) = group {
            self.groups.push((self.entries.len(), group));
        }
        self.entries.push(entry);
        Ok(index)
    }

    /// The slot of a text that was not there before, and whether its series is new too.
    fn add(&mut self, sample: &exposition::Sample<'p>) -> Result<(usize, bool), ScrapeError> {
        let series = self.labels.series_of(sample).map_err(|source| {
            // The line was read, and Prometheus counts it before it looks at its labels.
            self.counts.scraped += 1;
            ScrapeError::Series { source }
        })?;
        let kind = self.family.kind.unwrap_or(Kind::Unknown);
        let role = role(sample, self.family.name, kind);
        let series = match self.family.metadata_of(sample.name()) {
            Some(metadata) => series.with_metadata(metadata),
            None => series,
        };
        self.changed |= self.memory.find_series(&series).is_none();
        Ok(self.memory.add(sample.series(), series, role))
    }
}

impl Family<'_> {
    /// What was declared about the family, if the sample `name` is part of it.
    fn metadata_of(&mut self, name: &str) -> Option<Arc<Metadata>> {
        let suffix = name.strip_prefix(self.name).filter(|_| !self.name.is_empty())?;
        let parts = ["", "_total", "_bucket", "_sum", "_count", "_info", "_gsum", "_gcount"];
        if !parts.contains(&suffix) {
            return None;
        }
        let metadata = self.metadata.get_or_insert_with(|| {
            Arc::new(Metadata {
                kind: self.kind.map_or(MetricKind::Unknown, metric_kind),
                help: self.help.clone(),
                unit: self.unit.to_owned(),
            })
        });
        Some(Arc::clone(metadata))
    }
}

fn metric_kind(kind: Kind) -> MetricKind {
    match kind {
        Kind::Counter => MetricKind::Counter,
        Kind::Gauge => MetricKind::Gauge,
        Kind::Histogram => MetricKind::Histogram,
        Kind::GaugeHistogram => MetricKind::GaugeHistogram,
        Kind::Summary => MetricKind::Summary,
        Kind::Info => MetricKind::Info,
        Kind::StateSet => MetricKind::StateSet,
        Kind::Unknown => MetricKind::Unknown,
    }
}

/// `None` for an exemplar that is longer than receivers take.
fn exemplar(found: &exposition::Exemplar<'_>, sample_at: Timestamp) -> Option<Exemplar> {
    let labels: Vec<(String, String)> =
        found.labels().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    let chars: usize =
        labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    let at = found.timestamp_ms.map_or(sample_at, Timestamp::from_millis);
    (chars <= EXEMPLAR_CHARS).then_some(Exemplar { labels, value: found.value, at })
}

/// Of an exemplar without its time: one that has none of its own gets a new one with each scrape.
fn hash(exemplar: &Exemplar) -> u64 {
    let mut hasher = DefaultHasher::new();
    exemplar.labels.hash(&mut hasher);
    exemplar.value.to_bits().hash(&mut hasher);
    hasher.finish()
}

/// Seconds of a `_created` line; `None` for what can be no time.
fn milliseconds(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    (0.0..1e12).contains(&seconds).then(|| Timestamp::from_millis((seconds * 1000.0) as i64))
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 samples fit on a page")]
fn count(number: usize) -> f64 {
    number as f64
}

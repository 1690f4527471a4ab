//! Reads the lines of a page: their series in the memory, their samples, the limits.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::time::Duration;

use exposition::protobuf::NativeHistogram;
use exposition::{Kind, Line, Reader};
use samples::{Datum, Entry, Exemplar, Sample, Series, Timestamp};

use crate::created::{Group, Role, role};
use crate::family::Families;
use crate::memory::{FEW, Memory, PACK};
use crate::native::native_at;
use crate::received::Page;
use crate::result::{Counts, LimitError, ScrapeError};
use crate::target::{Labels, Limits, OWN_SERIES, Relabeled};

/// Characters of an exemplar's labels, at most: the limit of OpenMetrics, which Prometheus applies.
const EXEMPLAR_CHARS: usize = 128;

/// Largest time of a sample after the scrape. Prometheus drops samples beyond it.
const AHEAD: Duration = Duration::from_mins(10);

/// Reads a page line by line into the memory of its target.
pub(crate) struct Walk<'m, 'p> {
    memory: &'m mut Memory,
    labels: &'m Labels,
    limits: &'m Limits,
    at: Timestamp,
    families: Families<'p>,
    /// The type that was declared last.
    declared: Kind,
    pub(crate) entries: Vec<Entry>,
    pub(crate) counts: Counts,
    /// The slots in the order of the page.
    pub(crate) order: Vec<u32>,
    /// The slot of the next line, if the page has not changed.
    next: usize,
    /// Lines before the current one that are not in the body.
    omitted: usize,
    starts: HashMap<Group, Timestamp>,
    /// The first slot that is not packed, and the entries of the new slots since then.
    unpacked: (usize, Vec<(usize, usize)>),
    /// Series without timestamps, and those of them that were so in the last scrape too.
    pub(crate) tracked: usize,
    pub(crate) still_tracked: usize,
    /// The slots of `entries`, kept only where a start may be found for them.
    groups: Vec<(usize, Group)>,
    pub(crate) changed: bool,
}

/// What a line of a protobuf page has and a line of text has not.
#[derive(Clone, Copy)]
struct More<'p> {
    histogram: Option<&'p NativeHistogram>,
    start: Option<Timestamp>,
}

impl<'m, 'p> Walk<'m, 'p> {
    pub(crate) fn new(
        memory: &'m mut Memory,
        labels: &'m Labels,
        limits: &'m Limits,
        at: Timestamp,
    ) -> Self {
        let known = memory.slots.len();
        Self {
            memory,
            labels,
            limits,
            at,
            families: Families::default(),
            declared: Kind::Unknown,
            entries: Vec::with_capacity(known + OWN_SERIES.len()),
            counts: Counts::default(),
            order: Vec::with_capacity(known),
            next: 0,
            omitted: 0,
            starts: HashMap::new(),
            unpacked: (known, Vec::new()),
            tracked: 0,
            still_tracked: 0,
            groups: Vec::new(),
            changed: false,
        }
    }

    /// Reads the whole page, up to the first error.
    pub(crate) fn page(&mut self, page: &'p Page) -> Result<(), ScrapeError> {
        for (family, unit) in &page.units {
            self.families.declare(family.as_str().into()).unit = unit;
        }
        let known = &page.known;
        let (mut values, mut times) = (known.values.iter(), known.times.iter());
        let mut at = 0;
        for run in &known.runs {
            self.lines(page, at..run.at, false)?;
            at = run.at;
            for index in run.first..run.first + run.count {
                let timestamp_ms = if run.is_timed { times.next().copied() } else { None };
                let Some(value) = values.next().copied() else { break };
                self.known_line(index, value, timestamp_ms);
            }
            self.omitted += run.count;
        }
        self.lines(page, at..page.body.len(), true)?;
        self.pack(FEW);
        if let Some(limit) = self.limits.samples.filter(|limit| *limit < self.counts.kept) {
            let samples = self.counts.kept;
            return Err(ScrapeError::Limit { source: LimitError::Samples { samples, limit } });
        }
        for (index, group) in &self.groups {
            if let (Some(start), Datum::Sample(sample)) =
                (self.starts.get(group), &mut self.entries[*index].datum)
            {
                *sample = sample.with_start(*start);
            }
        }
        if self.memory.declare(self.families.hash()) {
            self.update_metadata();
        }
        Ok(())
    }

    /// After a change of types or help texts: known series get the new ones, from the next scrape on.
    fn update_metadata(&mut self) {
        let round = self.memory.round;
        for slot in self.memory.slots.iter_mut().filter(|slot| slot.seen == round) {
            let Some(series) = &slot.series else { continue };
            if let Some(metadata) = self.families.metadata_of(series.name())
                && series.metadata() != Some(&metadata)
            {
                slot.series = Some(series.clone().with_metadata(metadata));
                self.memory.are_replaced = true;
            }
        }
    }

    /// Packs the series of new slots, also in their entries.
    fn pack(&mut self, at_least: usize) {
        let (first, entries) = &mut self.unpacked;
        let are_packed = self.memory.pack(*first, at_least);
        for (slot, entry) in entries.drain(..).filter(|_| are_packed) {
            if let Some(series) = &self.memory.slots[slot].series {
                self.entries[entry].series.clone_from(series);
            }
        }
        *first = self.memory.slots.len();
    }

    /// Reads lines of the body, which may be the last ones of the page.
    fn lines(
        &mut self,
        page: &'p Page,
        range: Range<usize>,
        are_last: bool,
    ) -> Result<(), ScrapeError> {
        let (before, lines) = (range.start, &page.body[range]);
        let mut reader = if are_last {
            Reader::new(lines, page.format)
        } else {
            Reader::of_part(lines, page.format)
        };
        let mut histograms = page.histograms.iter().peekable();
        let mut starts = page.starts.iter().peekable();
        let mut number = 0..;
        while let Some(line) = reader.next_if_like(|text| self.memory.length_at(self.next, text)) {
            let number = number.next();
            let histogram = histograms.next_if(|(at, _)| Some(*at) == number);
            let start = starts.next_if(|(at, _)| Some(*at) == number);
            let line = line.map_err(|mut source| {
                source.line += self.omitted;
                source.line += memchr::memchr_iter(b'\n', &page.body[..before]).count();
                ScrapeError::Parse { source }
            });
            match line? {
                Line::Sample(sample) => {
                    let known = reader.met_expected().then_some(self.next);
                    if self.limits.samples.is_some_and(|most| most <= self.counts.kept) {
                        self.count_over_limit(&sample, known)?;
                    } else {
                        let more = More {
                            histogram: histogram.map(|(_, found)| found),
                            start: start.map(|(_, at)| Timestamp::from_millis(*at)),
                        };
                        self.next = 1 + self.sample(&sample, known, more)?;
                    }
                }
                Line::Type { family, kind } => {
                    self.declared = kind;
                    self.families.declare(family).kind = Some(kind);
                }
                Line::Help { family, text } => {
                    self.families.declare(family).help = text.into_owned();
                }
                Line::Unit { family, unit } => self.families.declare(family).unit = unit,
            }
        }
        Ok(())
    }

    /// Processes a line that has the series of a slot, a value and perhaps a timestamp.
    fn known_line(&mut self, index: usize, value: f64, timestamp_ms: Option<i64>) {
        self.next = index + 1;
        if self.limits.samples.is_some_and(|most| most <= self.counts.kept) {
            let is_kept = self.memory.slots[index].series.is_some();
            self.count_sample(is_kept);
        } else {
            self.put(index, false, timestamp_ms, |at| Datum::Sample(Sample::new(value, at)), None);
        }
    }

    /// Processes one sample, whose slot may be known; returns its slot.
    fn sample(
        &mut self,
        sample: &exposition::Sample<'p>,
        known: Option<usize>,
        more: More<'_>,
    ) -> Result<usize, ScrapeError> {
        let (index, new) = match known.or_else(|| self.memory.find(sample.series())) {
            Some(index) => (index, false),
            None => self.add(sample)?,
        };
        let datum = |at| match (more.histogram, more.start) {
            (Some(native), _) => Datum::Histogram(Box::new(native_at(native, at))),
            (None, Some(start)) => Datum::Sample(Sample::new(sample.value, at).with_start(start)),
            (None, None) => Datum::Sample(Sample::new(sample.value, at)),
        };
        self.put(index, new, sample.timestamp_ms, datum, sample.exemplar.as_ref());
        Ok(index)
    }

    /// Processes a sample of a slot, which may be new.
    fn put(
        &mut self,
        index: usize,
        new: bool,
        timestamp_ms: Option<i64>,
        datum: impl FnOnce(Timestamp) -> Datum,
        exemplar: Option<&exposition::Exemplar<'_>>,
    ) {
        self.order.push(u32::try_from(index).unwrap_or(u32::MAX));
        let round = self.memory.round;
        let slot = &mut self.memory.slots[index];
        let first = std::mem::replace(&mut slot.seen, round) != round;
        let Some(series) = slot.series.clone() else {
            self.counts.scraped += 1;
            return;
        };
        let timestamp = timestamp_ms.filter(|_| !self.labels.ignores_timestamps);
        let at = timestamp.map_or(self.at, Timestamp::from_millis);
        let datum = datum(at);
        let place = slot.main;
        let group = match slot.role() {
            Role::Created { group } => {
                if let Some(start) = created(&datum) {
                    self.starts.insert(group, start);
                }
                None
            }
            Role::Value { group } => group,
        };
        self.count_sample(true);

        let main = place as usize;
        let slot = &mut self.memory.slots[main];
        if slot.seen != round || main == index && first {
            (slot.seen, slot.before) = (round, slot.last_at);
        }
        if timestamp.is_none() {
            // A series that was missing in the last scrape changes the stored state.
            let before = std::mem::replace(&mut slot.tracked, round);
            self.changed |= before != round && before != round - 1;
            self.tracked += usize::from(before != round);
            self.still_tracked += usize::from(before != 0 && before == round - 1);
        }
        if at <= slot.last_at || self.at + AHEAD < at {
            // A repeated, older or future sample: a receiver would reject it.
            return;
        }
        slot.last_at = at;
        self.counts.added += usize::from(new);
        let exemplar = exemplar.and_then(|found| self.new_exemplar(place, found, at));
        if let Some(group) = group {
            self.groups.push((self.entries.len(), group));
        }
        if self.unpacked.0 <= index {
            self.unpacked.1.push((index, self.entries.len()));
        }
        self.entries.push(Entry { series, datum, exemplar });
    }

    /// An exemplar that the page did not have in the last scrape.
    fn new_exemplar(
        &mut self,
        place: u32,
        found: &exposition::Exemplar<'_>,
        at: Timestamp,
    ) -> Option<Box<Exemplar>> {
        let exemplar = exemplar(found, at)?;
        let hash = hash(&exemplar, found.timestamp_ms);
        let known = self.memory.exemplars.insert(place, hash);
        (known != Some(hash)).then(|| Box::new(exemplar))
    }

    fn count_sample(&mut self, is_kept: bool) {
        self.counts.scraped += 1;
        self.counts.kept += usize::from(is_kept);
    }

    /// The slot of a text that is not in the memory, and whether its series is new too.
    fn add(&mut self, sample: &exposition::Sample<'p>) -> Result<(usize, bool), ScrapeError> {
        let name = sample.name();
        let (family, kind) = self.families.of(&name);
        let role = role(sample, family, kind);
        let series = match self.relabeled(sample, self.declared)? {
            Relabeled::Kept(series) => series,
            Relabeled::Dropped => return Ok((self.memory.add_dropped(sample.series()), false)),
        };
        let series = match self.families.metadata_of(&name) {
            Some(metadata) => series.with_metadata(metadata),
            None => series,
        };
        self.changed |= self.memory.find_series(&series).is_none();
        if self.unpacked.0 + PACK <= self.memory.slots.len() {
            self.pack(PACK / 2);
        }
        Ok(self.memory.add(sample.series(), series, role))
    }

    /// The series of a sample, within the limits of its labels.
    fn relabeled(
        &mut self,
        sample: &exposition::Sample<'p>,
        kind: Kind,
    ) -> Result<Relabeled, ScrapeError> {
        let relabeled = self.labels.series_of(sample, kind).map_err(|source| {
            // Prometheus counts a sample before it checks its labels.
            self.counts.scraped += 1;
            ScrapeError::Series { source }
        })?;
        let Relabeled::Kept(series) = relabeled else { return Ok(relabeled) };
        if let Some(source) = over_limit(&series, self.limits) {
            self.counts.scraped += 1;
            return Err(ScrapeError::Limit { source });
        }
        // The limits are about the labels of the target and its page only.
        let series = self.labels.completed(series);
        Ok(Relabeled::Kept(series.map_err(|source| ScrapeError::Series { source })?))
    }

    /// Counts a sample of a page that has too many. It is not added to the memory.
    fn count_over_limit(
        &mut self,
        sample: &exposition::Sample<'p>,
        known: Option<usize>,
    ) -> Result<(), ScrapeError> {
        let is_kept = match known.or_else(|| self.memory.find(sample.series())) {
            Some(index) => self.memory.slots[index].series.is_some(),
            None => matches!(self.relabeled(sample, Kind::Unknown)?, Relabeled::Kept(_)),
        };
        self.count_sample(is_kept);
        Ok(())
    }
}

/// The limit that the labels of a series are over, if any.
fn over_limit(series: &Series, limits: &Limits) -> Option<LimitError> {
    let name = || series.name().chars().take(50).collect::<String>();
    let labels = series.label_count();
    if let Some(limit) = limits.labels.filter(|limit| *limit < labels) {
        return Some(LimitError::Labels { series: name(), labels, limit });
    }
    for (label, value) in series.labels() {
        let short = || label.chars().take(50).collect::<String>();
        if let Some(limit) = limits.label_name_bytes.filter(|limit| *limit < label.len()) {
            let (series, label, bytes) = (name(), short(), label.len());
            return Some(LimitError::LabelName { series, label, bytes, limit });
        }
        if let Some(limit) = limits.label_value_bytes.filter(|limit| *limit < value.len()) {
            let (series, label, bytes) = (name(), short(), value.len());
            return Some(LimitError::LabelValue { series, label, bytes, limit });
        }
    }
    None
}

/// `None` for an exemplar that is too long for receivers.
fn exemplar(found: &exposition::Exemplar<'_>, sample_at: Timestamp) -> Option<Exemplar> {
    let labels: Vec<(String, String)> =
        found.labels().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let chars: usize =
        labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    let at = found.timestamp_ms.map_or(sample_at, Timestamp::from_millis);
    (chars <= EXEMPLAR_CHARS).then_some(Exemplar { labels, value: found.value, at })
}

/// Hash of an exemplar, with the time that the page has: without one, it has the time of each scrape.
fn hash(exemplar: &Exemplar, timestamp_ms: Option<i64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    timestamp_ms.hash(&mut hasher);
    exemplar.labels.hash(&mut hasher);
    exemplar.value.to_bits().hash(&mut hasher);
    hasher.finish()
}

/// The value of a `_created` line; `None` if it is not a time.
fn created(datum: &Datum) -> Option<Timestamp> {
    let Datum::Sample(Sample { value: seconds, .. }) = *datum else { return None };
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    (0.0..1e12).contains(&seconds).then(|| Timestamp::from_millis((seconds * 1000.0) as i64))
}

//! Requests that were encoded before.
//!
//! An agent sends the same series again at each scrape, with other values. Such a request differs from the
//! last one in the values and times only, so these are replaced in the encoded bytes. For a request that is
//! sent again, the copies that make it smallest are searched; the next requests use them too.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::snappy::{Compressor, Copies};
use crate::{Datum, Entry, Protocol, Sample, Series};

/// Times whose varint has six bytes: from 1971 to 2109.
const TIMES: std::ops::Range<i64> = 1 << 35..1 << 42;

/// Bytes of the value and of the tag of the time, before the time.
const BEFORE_TIME: usize = 9;

/// The copies are searched again after this many requests, or after fewer if the request becomes larger.
const SEARCH_AFTER: u32 = 1024;
const SEARCH_LARGER_AFTER: u32 = 64;

/// Protocol and address of the first series.
type Key = (Protocol, (usize, u32));

/// Templates by their protocol and the address of their first series, which they keep alive.
#[derive(Default)]
pub(crate) struct Cache {
    templates: HashMap<Key, Template>,
    bytes: usize,
    /// Bytes of all templates, at most.
    limit: usize,
    /// Counts requests.
    now: u64,
}

/// A request in which values and times can be replaced.
pub(crate) struct Template {
    series: Vec<Series>,
    plain: Vec<u8>,
    /// Where the values are in `plain`.
    places: Vec<u32>,
    copies: Copies,
    /// Length of the compressed request for which the copies were searched.
    searched_length: usize,
    /// Requests since then.
    uses: u32,
    /// Its values are alike in another way each time, so that copies of an earlier request are not worth it.
    is_irregular: bool,
    /// The copies are to be searched with the next request.
    is_due: bool,
    /// The last request, if the search is due.
    before: Option<Vec<u8>>,
    last_used: u64,
}

impl Template {
    fn bytes(&self) -> usize {
        self.plain.len() + 20 * self.series.len() + self.copies.bytes()
    }

    pub(crate) fn plain_length(&self) -> usize {
        self.plain.len()
    }

    pub(crate) fn samples(&self) -> usize {
        self.series.len()
    }

    /// Replaces values and times. Returns whether the entries have the series of the template.
    fn fill(&mut self, entries: &[Entry], picked: &[u32]) -> bool {
        if picked.len() != self.series.len() {
            return false;
        }
        self.before = self.is_due.then(|| self.plain.clone());
        let known = self.series.iter().zip(&self.places);
        picked.iter().zip(known).all(|(index, (series, place))| {
            let entry = &entries[*index as usize];
            let Some(sample) = simple(entry).filter(|_| entry.series.is_same_object(series)) else {
                return false;
            };
            let place = *place as usize;
            let Some(bytes) = self.plain.get_mut(place..place + BEFORE_TIME + 6) else {
                return false;
            };
            bytes[..8].copy_from_slice(&sample.value.to_bits().to_le_bytes());
            put_time(&mut bytes[BEFORE_TIME..], sample.at.as_millis());
            true
        })
    }

    pub(crate) fn compress(&mut self, compressor: &mut Compressor, packed: &mut Vec<u8>) {
        self.uses += 1;
        if let Some(before) = self.before.take() {
            self.search(&before, compressor, packed);
        } else if self.is_irregular {
            compressor.compress(&self.plain, packed);
        } else {
            self.copies.replay(&self.plain, packed);
        }
        let is_larger = self.searched_length * 33 / 32 < packed.len();
        self.is_due = SEARCH_AFTER <= self.uses || is_larger && SEARCH_LARGER_AFTER <= self.uses;
    }

    fn search(&mut self, before: &[u8], compressor: &mut Compressor, packed: &mut Vec<u8>) {
        self.copies = Copies::of(&self.without_changes(before));
        self.copies.replay(&self.plain, packed);
        let mut other = Vec::new();
        compressor.compress(&self.plain, &mut other);
        self.is_irregular = other.len() * 9 / 8 < packed.len();
        if self.is_irregular {
            self.copies = Copies::default();
            packed.clone_from(&other);
        }
        (self.searched_length, self.uses) = (packed.len(), 0);
    }

    /// The request with other bytes instead of those of values that differ from `before`, since a copy of them
    /// would not hold in the next request. Values that were equal before and are equal now stay equal.
    fn without_changes(&self, before: &[u8]) -> Vec<u8> {
        let mut plain = self.plain.clone();
        for place in &self.places {
            let value = *place as usize..*place as usize + 8;
            let mut hasher = DefaultHasher::new();
            (&before[value.clone()], &plain[value.clone()]).hash(&mut hasher);
            for (at, other) in value.zip(hasher.finish().to_le_bytes()) {
                if plain[at] != before[at] {
                    plain[at] = other;
                }
            }
        }
        plain
    }
}

/// A time in six bytes, as a varint.
fn put_time(bytes: &mut [u8], millis: i64) {
    let mut rest = millis.cast_unsigned();
    let last = bytes.len() - 1;
    for byte in &mut bytes[..last] {
        *byte = rest.to_le_bytes()[0] | 0x80;
        rest >>= 7;
    }
    bytes[last] = rest.to_le_bytes()[0];
}

/// The sample of an entry that a template can have.
fn simple(entry: &Entry) -> Option<Sample> {
    match entry.datum {
        Datum::Sample(sample) if entry.exemplar.is_none() && sample.start().is_none() => {
            TIMES.contains(&sample.at.as_millis()).then_some(sample)
        }
        _ => None,
    }
}

fn key(protocol: Protocol, entries: &[Entry], picked: &[u32]) -> Option<Key> {
    let first = *picked.first()?;
    Some((protocol, entries[first as usize].series.address()))
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.limit > 0
    }

    /// The template of these series, with the values and times of the entries.
    pub(crate) fn filled(
        &mut self,
        protocol: Protocol,
        entries: &[Entry],
        picked: &[u32],
    ) -> Option<&mut Template> {
        self.now += 1;
        let template = self.templates.get_mut(&key(protocol, entries, picked)?)?;
        template.last_used = self.now;
        template.fill(entries, picked).then_some(template)
    }

    /// Keeps an encoded request of which each series has one sample, at `places`.
    pub(crate) fn insert(
        &mut self,
        protocol: Protocol,
        entries: &[Entry],
        picked: &[u32],
        plain: &[u8],
        places: &[u32],
    ) {
        let Some(key) = key(protocol, entries, picked) else { return };
        let all_simple = picked.iter().all(|index| simple(&entries[*index as usize]).is_some());
        if !all_simple || places.len() != picked.len() {
            return;
        }
        let series = picked.iter().map(|index| entries[*index as usize].series.clone());
        let template = Template {
            series: series.collect(),
            plain: plain.to_vec(),
            places: places.to_vec(),
            copies: Copies::default(),
            searched_length: 0,
            uses: 0,
            is_irregular: false,
            is_due: true,
            before: None,
            last_used: self.now,
        };
        if let Some(old) = self.templates.remove(&key) {
            self.bytes -= old.bytes().min(self.bytes);
        }
        if self.bytes + template.bytes() > self.limit {
            // Those that were not used in the last rounds belong to series that are gone.
            let rounds = 4 * (self.templates.len() as u64 + 1);
            let oldest = self.now.saturating_sub(rounds);
            self.templates.retain(|_, template| template.last_used >= oldest);
            self.bytes = self.templates.values().map(Template::bytes).sum();
        }
        if self.bytes + template.bytes() <= self.limit {
            self.bytes += template.bytes();
            self.templates.insert(key, template);
        }
    }
}

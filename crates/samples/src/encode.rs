//! Encodes entries as the compressed body of a remote write request.
//!
//! The protobuf encoder is hand-written because the labels of a series are stored already encoded and
//! most labels of a series equal those of the previous one: encoding through the derived types of
//! [`crate::wire`] allocates each label. The tests compare both byte by byte.

mod cache;
mod groups;
mod metadata;
mod snappy;
mod symbols;

use std::sync::Arc;

use prost::Message;

pub use self::metadata::{encode_metadata, family_name};

use self::cache::Cache;
use self::groups::Groups;
use self::snappy::Compressor;
use self::symbols::Symbols;
use crate::series::LabelBytes;
use crate::wire::v1;
use crate::{Datum, Entry, Exemplar, Histogram, Metadata, Protocol, Sample, Series, varint};

/// Encodes requests. Keep one encoder for all requests of a sender: it reuses its buffers.
#[derive(Default)]
pub struct Encoder {
    exemplars_over_1_0: bool,
    groups: Groups,
    symbols: Symbols,
    /// Symbols of the names and values of the previous series.
    refs: Vec<(u32, u32)>,
    one: Vec<u8>,
    timeseries: Vec<u8>,
    plain: Vec<u8>,
    packed: Vec<u8>,
    compressor: Compressor,
    cache: Cache,
    /// Where the value of each series is in `plain`, while the cache is enabled.
    places: Vec<u32>,
}

/// The body of a request and what it contains.
#[derive(Debug)]
pub struct Encoded<'a> {
    /// The request as a snappy block.
    pub body: &'a [u8],
    /// Length before compression.
    pub plain_length: usize,
    pub samples: usize,
    pub histograms: usize,
    pub exemplars: usize,
    /// Entries that were not encoded, since their series has another value at the same time.
    pub clashes: &'a [u32],
}

impl Encoder {
    /// Also encodes exemplars over 1.0, in a field that the specification reserves and Prometheus reads.
    #[must_use]
    pub fn with_exemplars_over_1_0(self) -> Self {
        Self { exemplars_over_1_0: true, ..self }
    }

    /// Keeps up to `bytes` of encoded requests, so that a request with the same series is encoded faster.
    /// For a sender that sends the same [`Series`] objects again and again.
    #[must_use]
    pub fn with_cache(self, bytes: usize) -> Self {
        Self { cache: Cache::new(bytes), ..self }
    }

    /// The body for the entries at the indices `picked`.
    ///
    /// Series keep the order of their first entry; the samples of a series are in rising time. 1.0 carries
    /// metadata only in requests of its own, see [`encode_metadata`], and native histograms in a field that
    /// the specification does not have and Prometheus reads.
    ///
    /// # Panics
    /// When an index is out of range or the request exceeds 4 GiB.
    pub fn encode(&mut self, protocol: Protocol, entries: &[Entry], picked: &[u32]) -> Encoded<'_> {
        if let Some(template) = self.cache.filled(protocol, entries, picked) {
            template.compress(&mut self.compressor, &mut self.packed);
            return Encoded {
                body: &self.packed,
                plain_length: template.plain_length(),
                samples: template.samples(),
                histograms: 0,
                exemplars: 0,
                clashes: &[],
            };
        }
        self.groups.gather(entries, picked);
        self.plain.clear();
        self.places.clear();
        let counts = match protocol {
            Protocol::V1 => self.encode_v1(entries),
            Protocol::V2 => self.encode_v2(entries),
        };
        self.compressor.compress(&self.plain, &mut self.packed);
        if self.cache.is_enabled() && counts.samples == picked.len() {
            self.cache.insert(protocol, entries, picked, &self.plain, &self.places);
        }
        Encoded {
            body: &self.packed,
            plain_length: self.plain.len(),
            samples: counts.samples,
            histograms: counts.histograms,
            exemplars: counts.exemplars,
            clashes: &self.groups.clashes,
        }
    }

    fn encode_v1(&mut self, entries: &[Entry]) -> Counts {
        let mut counts = Counts::default();
        let explicit = self.cache.is_enabled();
        for group in self.groups.iter() {
            self.one.clear();
            for sample in group.iter().filter_map(|(.., place)| entries[*place as usize].sample()) {
                put_sample(&mut self.one, &sample, None, explicit);
                counts.samples += 1;
            }
            let members = || group.iter().map(|(.., place)| &entries[*place as usize]);
            let series = &entries[group[0].2 as usize].series;
            if !self.one.is_empty() {
                if self.exemplars_over_1_0 {
                    let entries = members().filter(|entry| !is_histogram(entry));
                    counts.exemplars += put_v1_exemplars(&mut self.one, entries);
                }
                let value = put_v1_series(&mut self.plain, series, &self.one);
                self.places.extend(explicit.then_some(value));
            }
            // A `TimeSeries` has samples or histograms, never both.
            self.one.clear();
            for entry in members() {
                if let Datum::Histogram(histogram) = &entry.datum {
                    put_message(&mut self.one, 0x22, &without_start(histogram));
                    counts.histograms += 1;
                }
            }
            if !self.one.is_empty() {
                if self.exemplars_over_1_0 {
                    let entries = members().filter(|entry| is_histogram(entry));
                    counts.exemplars += put_v1_exemplars(&mut self.one, entries);
                }
                put_v1_series(&mut self.plain, series, &self.one);
            }
        }
        counts
    }

    fn encode_v2(&mut self, entries: &[Entry]) -> Counts {
        let mut counts = Counts::default();
        self.symbols.clear();
        self.timeseries.clear();
        self.refs.clear();
        let mut before: Option<&Series> = None;
        let mut known: Option<(&Arc<Metadata>, [u32; 2])> = None;
        let explicit = self.cache.is_enabled();
        for group in self.groups.iter() {
            let series = &entries[group[0].2 as usize].series;
            refer(&mut self.symbols, &mut self.refs, before, series);
            before = Some(series);
            let metadata = series.metadata().map(|metadata| match known {
                Some((last, places)) if Arc::ptr_eq(last, metadata) => (metadata, places),
                _ => {
                    let places = [&metadata.help, &metadata.unit];
                    (metadata, places.map(|text| self.symbols.intern(text.as_bytes())))
                }
            });
            known = metadata.or(known);
            let members = group.iter().map(|(.., place)| &entries[*place as usize]);
            // A `TimeSeries` has samples or histograms, never both.
            for histograms in [false, true] {
                let members = members.clone().filter(|entry| is_histogram(entry) == histograms);
                if members.clone().next().is_none() {
                    continue;
                }
                self.one.clear();
                put_packed(&mut self.one, &self.refs);
                let value = self.one.len() + VALUE;
                for entry in members.clone() {
                    match &entry.datum {
                        Datum::Sample(sample) => {
                            put_sample(&mut self.one, sample, sample.start(), explicit);
                            counts.samples += 1;
                        }
                        Datum::Histogram(histogram) => {
                            put_message(&mut self.one, 0x1a, histogram.as_ref());
                            counts.histograms += 1;
                        }
                    }
                }
                for exemplar in members.filter_map(|entry| entry.exemplar.as_deref()) {
                    put_exemplar(&mut self.one, &mut self.symbols, exemplar);
                    counts.exemplars += 1;
                }
                if let Some((metadata, places)) = metadata {
                    put_metadata(&mut self.one, metadata, places);
                }
                self.timeseries.push(0x2a);
                varint::put(&mut self.timeseries, self.one.len() as u64);
                if explicit {
                    self.places.push(place(self.timeseries.len() + value));
                }
                self.timeseries.extend_from_slice(&self.one);
            }
        }
        self.symbols.write(&mut self.plain);
        let symbols = place(self.plain.len());
        self.places.iter_mut().for_each(|place| *place += symbols);
        self.plain.extend_from_slice(&self.timeseries);
        counts
    }
}

/// Returns how many there are.
fn put_v1_exemplars<'e>(out: &mut Vec<u8>, entries: impl Iterator<Item = &'e Entry>) -> usize {
    let exemplars = entries.filter_map(|entry| entry.exemplar.as_deref());
    exemplars.map(|exemplar| put_message(out, 0x1a, &v1_exemplar(exemplar))).count()
}

/// Writes a `TimeSeries` with the labels of `series` and further `fields`; returns the place of the value of
/// its first sample.
fn put_v1_series(out: &mut Vec<u8>, series: &Series, fields: &[u8]) -> u32 {
    out.push(0x0a);
    varint::put(out, (series.encoded_length() + fields.len()) as u64);
    series.put_block(out);
    let value = place(out.len() + VALUE);
    out.extend_from_slice(fields);
    value
}

fn is_histogram(entry: &Entry) -> bool {
    matches!(entry.datum, Datum::Histogram(_))
}

/// 1.0 has the message of 2.0 without the start time.
fn without_start(histogram: &Histogram) -> Histogram {
    Histogram { start_timestamp: 0, ..histogram.clone() }
}

#[derive(Default)]
struct Counts {
    samples: usize,
    histograms: usize,
    exemplars: usize,
}

/// Sets `refs` to the places of `series`' labels, taking over what `before` has alike.
fn refer(
    symbols: &mut Symbols,
    refs: &mut Vec<(u32, u32)>,
    before: Option<&Series>,
    series: &Series,
) {
    let mut old = before.map(Series::label_bytes);
    let mut count = 0;
    for LabelBytes { name, value, .. } in series.label_bytes() {
        let last = old.as_mut().and_then(Iterator::next);
        let known = refs.get(count).copied();
        let pair = match (last, known) {
            (Some(last), Some(known)) => (
                if last.name == name { known.0 } else { symbols.intern(name) },
                if last.value == value { known.1 } else { symbols.intern(value) },
            ),
            _ => (symbols.intern(name), symbols.intern(value)),
        };
        match refs.get_mut(count) {
            Some(place) => *place = pair,
            None => refs.push(pair),
        }
        count += 1;
    }
    refs.truncate(count);
}

fn put_packed(out: &mut Vec<u8>, refs: &[(u32, u32)]) {
    let length = |place: u32| varint::len(u64::from(place));
    out.push(0x0a);
    let total: usize = refs.iter().map(|(name, value)| length(*name) + length(*value)).sum();
    varint::put(out, total as u64);
    for (name, value) in refs {
        varint::put(out, u64::from(*name));
        varint::put(out, u64::from(*value));
    }
}

/// Bytes of a sample before its value, if it has one.
const VALUE: usize = 3;

/// A place in a request.
fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a request is far below 4 GiB")
}

/// Field 2 of `TimeSeries`, which is the same in both versions. `explicit`: also a value of 0, the default,
/// is written.
fn put_sample(out: &mut Vec<u8>, sample: &Sample, start: Option<crate::Timestamp>, explicit: bool) {
    let at = sample.at.as_millis().cast_unsigned();
    let start = start.map_or(0, |start| start.as_millis().cast_unsigned());
    // Compares bits: `== 0.0` is also true for negative zero, which must be encoded.
    let bits = sample.value.to_bits();
    let has_value = explicit || bits != 0;
    let value_length = if has_value { 9 } else { 0 };
    let length = value_length + int_length(at) + int_length(start);
    out.push(0x12);
    varint::put(out, length as u64);
    if has_value {
        out.push(0x09);
        out.extend_from_slice(&bits.to_le_bytes());
    }
    put_int(out, 0x10, at);
    put_int(out, 0x18, start);
}

fn int_length(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint::len(value) }
}

/// Writes a number unless it is 0, the default.
fn put_int(out: &mut Vec<u8>, tag: u8, value: u64) {
    if value != 0 {
        out.push(tag);
        varint::put(out, value);
    }
}

fn put_message(out: &mut Vec<u8>, tag: u8, message: &impl Message) {
    out.push(tag);
    varint::put(out, message.encoded_len() as u64);
    message.encode_raw(out);
}

fn put_exemplar(out: &mut Vec<u8>, symbols: &mut Symbols, exemplar: &Exemplar) {
    let mut place = |text: &String| symbols.intern(text.as_bytes());
    let labels_refs = exemplar.labels.iter().flat_map(|(name, value)| [place(name), place(value)]);
    let message = crate::wire::v2::Exemplar {
        labels_refs: labels_refs.collect(),
        value: exemplar.value,
        timestamp: exemplar.at.as_millis(),
    };
    put_message(out, 0x22, &message);
}

fn v1_exemplar(exemplar: &Exemplar) -> v1::Exemplar {
    let label =
        |(name, value): &(String, String)| v1::Label { name: name.clone(), value: value.clone() };
    v1::Exemplar {
        labels: exemplar.labels.iter().map(label).collect(),
        value: exemplar.value,
        timestamp: exemplar.at.as_millis(),
    }
}

fn put_metadata(out: &mut Vec<u8>, metadata: &Metadata, [help_ref, unit_ref]: [u32; 2]) {
    let message = crate::wire::v2::Metadata { r#type: metadata.kind as i32, help_ref, unit_ref };
    put_message(out, 0x2a, &message);
}

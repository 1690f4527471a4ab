//! Native histograms.

use super::wire::{Field, fields, zigzag};
use super::{Histograms, ProtobufError};

/// A native histogram as it is exposed. Either the deltas or the counts of its buckets are used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// A gauge histogram: its values may fall.
    pub is_gauge: bool,
    /// Counts are floats.
    pub is_float: bool,
    pub count: u64,
    pub count_float: f64,
    pub sum: f64,
    /// −4 to 8.
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: u64,
    pub zero_count_float: f64,
    pub negative_spans: Vec<Span>,
    pub negative_deltas: Vec<i64>,
    pub negative_counts: Vec<f64>,
    pub positive_spans: Vec<Span>,
    pub positive_deltas: Vec<i64>,
    pub positive_counts: Vec<f64>,
    /// Milliseconds since 1970, if known.
    pub start_ms: Option<i64>,
}

/// Buckets side by side, after a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub offset: i32,
    pub length: u32,
}

/// Buckets of a native histogram, at most. Clients keep far fewer: 160 by default.
const MOST_BUCKETS: u64 = 65_536;

impl NativeHistogram {
    /// Whether the exposed histogram has native buckets, by the rule of Prometheus.
    pub(super) fn is_native(&self) -> bool {
        !self.positive_spans.is_empty()
            || !self.negative_spans.is_empty()
            || 0.0 < self.zero_threshold
            || 0 < self.zero_count
    }

    /// Reads a field of the message `Histogram`, if it belongs to the native histogram.
    pub(super) fn field(&mut self, field: Field<'_>) -> Result<(), ProtobufError> {
        match field.number {
            1 => self.count = field.int()?,
            2 => self.sum = field.float()?,
            4 => self.count_float = field.float()?,
            5 => self.schema = i32::try_from(zigzag(field.int()?)).unwrap_or(i32::MAX),
            6 => self.zero_threshold = field.float()?,
            7 => self.zero_count = field.int()?,
            8 => self.zero_count_float = field.float()?,
            9 => self.negative_spans.push(span(field.bytes()?)?),
            10 => field.signed(&mut self.negative_deltas)?,
            11 => field.floats(&mut self.negative_counts)?,
            12 => self.positive_spans.push(span(field.bytes()?)?),
            13 => field.signed(&mut self.positive_deltas)?,
            14 => field.floats(&mut self.positive_counts)?,
            _ => {}
        }
        Ok(())
    }

    /// Removes empty buckets and spans, as Prometheus does. The histogram must be valid.
    pub(super) fn compact(&mut self) {
        for (spans, deltas, counts) in [
            (&mut self.negative_spans, &mut self.negative_deltas, &mut self.negative_counts),
            (&mut self.positive_spans, &mut self.positive_deltas, &mut self.positive_counts),
        ] {
            if self.is_float {
                let filled = filled(spans, counts.iter().copied(), |count| *count != 0.0);
                *spans = spans_of(filled.iter().map(|(place, _)| *place));
                *counts = filled.into_iter().map(|(_, count)| count).collect();
            } else {
                let absolute = deltas.iter().scan(0, |count: &mut i64, delta| {
                    *count = count.saturating_add(*delta);
                    Some(*count)
                });
                let filled = filled(spans, absolute, |count| *count != 0);
                *spans = spans_of(filled.iter().map(|(place, _)| *place));
                let mut before = 0;
                let delta = |(_, count)| count - std::mem::replace(&mut before, count);
                *deltas = filled.into_iter().map(delta).collect();
            }
        }
    }

    /// What is not valid, by the rules of Prometheus.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !(-4..=8).contains(&self.schema) {
            return Err("its schema is not between -4 and 8");
        }
        let negative = (self.negative_deltas.as_slice(), self.negative_counts.as_slice());
        let positive = (self.positive_deltas.as_slice(), self.positive_counts.as_slice());
        let mut in_buckets = self.zero_count;
        for (spans, (deltas, counts)) in
            [(&self.negative_spans, negative), (&self.positive_spans, positive)]
        {
            let buckets: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
            let values = if self.is_float { counts.len() } else { deltas.len() };
            if !self.is_float {
                in_buckets = in_buckets.saturating_add(sum_of_counts(deltas));
            }
            if MOST_BUCKETS < buckets {
                return Err("it has more than 65536 buckets");
            }
            if buckets != values as u64 {
                return Err("its spans and its buckets differ in number");
            }
            if spans.iter().skip(1).any(|span| span.offset < 0) {
                return Err("its spans overlap");
            }
            if self.is_float && counts.iter().any(|count| *count < 0.0)
                || !self.is_float && !are_counts(deltas)
            {
                return Err("a bucket has a negative count");
            }
        }
        // A NaN is counted, but is in no bucket.
        let may_be_less = self.sum.is_nan() && in_buckets <= self.count;
        if !self.is_float && in_buckets != self.count && !may_be_less {
            return Err("its count is not the sum of its buckets");
        }
        Ok(())
    }
}

/// The place and the count of each bucket that is not empty.
fn filled<T>(
    spans: &[Span],
    counts: impl Iterator<Item = T>,
    is_filled: impl Fn(&T) -> bool,
) -> Vec<(i64, T)> {
    let mut next = 0;
    let places = spans.iter().flat_map(|span| {
        let first = next + i64::from(span.offset);
        next = first + i64::from(span.length);
        first..next
    });
    places.zip(counts).filter(|(_, count)| is_filled(count)).collect()
}

/// The spans of these places, which are in ascending order.
fn spans_of(places: impl Iterator<Item = i64>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut next = 0;
    for place in places {
        match spans.last_mut() {
            Some(span) if place == next => span.length += 1,
            // Prometheus adds offsets as 32 bits too.
            _ => spans
                .push(Span { offset: i32::try_from(place - next).unwrap_or(i32::MAX), length: 1 }),
        }
        next = place + 1;
    }
    spans
}

/// Whether the sum of the deltas up to each bucket is a count.
fn are_counts(deltas: &[i64]) -> bool {
    let mut count = Some(0_i64);
    deltas.iter().all(|delta| {
        count = count.and_then(|count| count.checked_add(*delta));
        count.is_some_and(|count| 0 <= count)
    })
}

fn sum_of_counts(deltas: &[i64]) -> u64 {
    let mut count = 0_i64;
    deltas.iter().fold(0, |sum: u64, delta| {
        count = count.saturating_add(*delta);
        sum.saturating_add(u64::try_from(count).unwrap_or(0))
    })
}

/// Whether this histogram is read as a native one.
pub(super) fn reads_native(native: &NativeHistogram, histograms: Histograms) -> bool {
    histograms != Histograms::Classic && native.is_native()
}

fn span(message: &[u8]) -> Result<Span, ProtobufError> {
    let mut span = Span::default();
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => span.offset = i32::try_from(zigzag(field.int()?)).unwrap_or(i32::MIN),
            2 => span.length = u32::try_from(field.int()?).unwrap_or(u32::MAX),
            _ => {}
        }
    }
    Ok(span)
}

//! Reads a metric family and its metrics.

use super::histogram::{NativeHistogram, reads_native};
use super::text::{Example, Pair, Text};
use super::wire::{Field, fields};
use super::{Histograms, ProtobufError};
use crate::format::Kind;
use crate::number::float_text;

/// Milliseconds of a second.
const SECOND: i64 = 1000;

pub(super) fn read(
    message: &[u8],
    histograms: Histograms,
    text: &mut Text,
) -> Result<(), ProtobufError> {
    let (mut name, mut help, mut kind, mut unit) = ("", "", 0, "");
    let mut has_metrics = false;
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => help = field.text()?,
            3 => kind = field.int()?,
            4 => has_metrics = true,
            5 => unit = field.text()?,
            _ => {}
        }
    }
    if !has_metrics {
        // As in Prometheus, nothing of such a family is read.
        return Ok(());
    }
    if name.is_empty() {
        return Err(ProtobufError::NoName);
    }
    let kind = kind_of(kind)?;
    if !unit.is_empty() && !ends_with_unit(name, kind, unit) {
        return Err(ProtobufError::Unit { family: name.to_owned(), unit: unit.to_owned() });
    }
    text.family(name, kind, help, unit);
    // The metrics follow in a second pass: the fields of a message may have any order.
    for field in fields(message) {
        let field = field?;
        if field.number == 4 {
            let metric = Metric::read(field.bytes()?)?;
            metric.write(Family { name, kind, histograms }, text)?;
            text.check()?;
        }
    }
    Ok(())
}

/// Whether the name of a family ends with its unit; that of a counter may end with `_total` after it.
fn ends_with_unit(name: &str, kind: Kind, unit: &str) -> bool {
    let total = name.strip_suffix("_total").filter(|_| kind == Kind::Counter);
    total.unwrap_or(name).strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'))
}

fn kind_of(number: u64) -> Result<Kind, ProtobufError> {
    Ok(match number {
        0 => Kind::Counter,
        1 => Kind::Gauge,
        2 => Kind::Summary,
        3 => Kind::Unknown,
        4 => Kind::Histogram,
        5 => Kind::GaugeHistogram,
        _ => return Err(ProtobufError::Field),
    })
}

#[derive(Clone, Copy)]
struct Family<'a> {
    name: &'a str,
    kind: Kind,
    histograms: Histograms,
}

impl Family<'_> {
    fn named(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.name)
    }
}

/// A metric whose value is still a message.
#[derive(Default)]
struct Metric<'a> {
    labels: Vec<Pair<'a>>,
    timestamp_ms: Option<i64>,
    gauge: Option<&'a [u8]>,
    counter: Option<&'a [u8]>,
    summary: Option<&'a [u8]>,
    untyped: Option<&'a [u8]>,
    histogram: Option<&'a [u8]>,
}

impl<'a> Metric<'a> {
    fn read(message: &'a [u8]) -> Result<Self, ProtobufError> {
        let mut metric = Self::default();
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => metric.labels.push(label(field.bytes()?)?),
                2 => metric.gauge = Some(field.bytes()?),
                3 => metric.counter = Some(field.bytes()?),
                4 => metric.summary = Some(field.bytes()?),
                5 => metric.untyped = Some(field.bytes()?),
                // Prometheus takes 0 for no time.
                6 => metric.timestamp_ms = Some(field.int()?.cast_signed()).filter(|at| *at != 0),
                7 => metric.histogram = Some(field.bytes()?),
                _ => {}
            }
        }
        Ok(metric)
    }

    fn write(&self, family: Family<'_>, text: &mut Text) -> Result<(), ProtobufError> {
        let message = match family.kind {
            Kind::Counter => self.counter,
            Kind::Gauge => self.gauge,
            Kind::Summary => self.summary,
            Kind::Histogram | Kind::GaugeHistogram => self.histogram,
            _ => self.untyped,
        };
        // As in Prometheus, a metric without a value of the family's type has the value 0.
        let message = message.unwrap_or_default();
        match family.kind {
            Kind::Summary => self.write_summary(message, family, text),
            Kind::Histogram | Kind::GaugeHistogram => self.write_histogram(message, family, text),
            _ => self.write_value(message, family, text),
        }
    }

    /// A counter, a gauge or a metric without a type.
    fn write_value(
        &self,
        message: &[u8],
        family: Family<'_>,
        text: &mut Text,
    ) -> Result<(), ProtobufError> {
        let (mut value, mut example, mut start_ms) = (0.0, None, None);
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => value = field.float()?,
                2 if family.kind == Kind::Counter => example = Some(exemplar(field.bytes()?)?),
                3 if family.kind == Kind::Counter => start_ms = Some(time(field)?),
                _ => {}
            }
        }
        text.begin(start_ms);
        text.sample(family.name, &self.labels, value, self.timestamp_ms, example.as_ref());
        Ok(())
    }

    fn write_summary(
        &self,
        message: &[u8],
        family: Family<'_>,
        text: &mut Text,
    ) -> Result<(), ProtobufError> {
        let (mut count, mut sum, mut quantiles, mut start_ms) = (0, 0.0, Vec::new(), None);
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => count = field.int()?,
                2 => sum = field.float()?,
                3 => quantiles.push(quantile(field.bytes()?)?),
                4 => start_ms = Some(time(field)?),
                _ => {}
            }
        }
        text.begin(start_ms);
        self.put(text, &family.named("_count"), float(count));
        self.put(text, &family.named("_sum"), sum);
        for (bound, value) in quantiles {
            let bound = float_text(bound);
            let labels = self.labels_and(("quantile", &bound));
            text.sample(family.name, &labels, value, self.timestamp_ms, None);
        }
        Ok(())
    }

    fn write_histogram(
        &self,
        message: &[u8],
        family: Family<'_>,
        text: &mut Text,
    ) -> Result<(), ProtobufError> {
        let mut native = NativeHistogram::default();
        let (mut buckets, mut examples) = (Vec::new(), Vec::new());
        for field in fields(message) {
            let field = field?;
            match field.number {
                3 => buckets.push(Bucket::read(field.bytes()?)?),
                15 => native.start_ms = Some(time(field)?),
                16 => examples.push(exemplar(field.bytes()?)?),
                _ => native.field(field)?,
            }
        }
        text.begin(native.start_ms);
        native.is_gauge = family.kind == Kind::GaugeHistogram;
        native.is_float = 0.0 < native.count_float || 0.0 < native.zero_count_float;
        let count = if native.is_float { native.count_float } else { float(native.count) };
        let sum = native.sum;
        let is_native = reads_native(&native, family.histograms);
        // As in Prometheus, a native histogram without buckets has no classic series.
        let is_classic = !is_native || family.histograms == Histograms::Both && !buckets.is_empty();
        if is_native {
            native.check().map_err(|what| ProtobufError::Histogram {
                family: family.name.to_owned(),
                what,
            })?;
            native.compact();
            examples.extend(buckets.iter().filter_map(|bucket| bucket.example.clone()));
            // An entry has one exemplar: the newest. Prometheus takes none without a time.
            let newest = examples.iter().filter(|one| one.timestamp_ms.is_some());
            let newest = newest.max_by_key(|one| one.timestamp_ms);
            text.histogram(family.name, &self.labels, native, self.timestamp_ms, newest);
        }
        if is_classic {
            self.put(text, &family.named("_count"), count);
            self.put(text, &family.named("_sum"), sum);
            self.write_buckets(&mut buckets, count, &family.named("_bucket"), text);
        }
        Ok(())
    }

    /// The classic buckets. The last one is always `+Inf`.
    fn write_buckets(
        &self,
        buckets: &mut Vec<Bucket<'_>>,
        count: f64,
        name: &str,
        text: &mut Text,
    ) {
        if buckets.last().is_none_or(|last| last.bound < f64::INFINITY) {
            buckets.push(Bucket { count, bound: f64::INFINITY, example: None });
        }
        for bucket in buckets {
            let bound = float_text(bucket.bound);
            let labels = self.labels_and(("le", &bound));
            text.sample(name, &labels, bucket.count, self.timestamp_ms, bucket.example.as_ref());
        }
    }

    fn put(&self, text: &mut Text, name: &str, value: f64) {
        text.sample(name, &self.labels, value, self.timestamp_ms, None);
    }

    fn labels_and<'b>(&self, more: Pair<'b>) -> Vec<Pair<'b>>
    where
        'a: 'b,
    {
        self.labels.iter().copied().chain([more]).collect()
    }
}

struct Bucket<'a> {
    /// Of all values up to the bound.
    count: f64,
    bound: f64,
    example: Option<Example<'a>>,
}

impl<'a> Bucket<'a> {
    fn read(message: &'a [u8]) -> Result<Self, ProtobufError> {
        let (mut count, mut count_float, mut bound, mut example) = (0, 0.0, 0.0, None);
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => count = field.int()?,
                2 => bound = field.float()?,
                3 => example = Some(exemplar(field.bytes()?)?),
                4 => count_float = field.float()?,
                _ => {}
            }
        }
        let count = if 0.0 < count_float { count_float } else { float(count) };
        Ok(Self { count, bound, example })
    }
}

fn label(message: &[u8]) -> Result<Pair<'_>, ProtobufError> {
    let mut label = ("", "");
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => label.0 = field.text()?,
            2 => label.1 = field.text()?,
            _ => {}
        }
    }
    Ok(label)
}

fn quantile(message: &[u8]) -> Result<(f64, f64), ProtobufError> {
    let mut pair = (0.0, 0.0);
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => pair.0 = field.float()?,
            2 => pair.1 = field.float()?,
            _ => {}
        }
    }
    Ok(pair)
}

fn exemplar(message: &[u8]) -> Result<Example<'_>, ProtobufError> {
    let mut example = Example::default();
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => example.labels.push(label(field.bytes()?)?),
            2 => example.value = field.float()?,
            3 => example.timestamp_ms = Some(time(field)?),
            _ => {}
        }
    }
    Ok(example)
}

/// Milliseconds of a `google.protobuf.Timestamp`.
fn time(field: Field<'_>) -> Result<i64, ProtobufError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    for field in fields(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => seconds = field.int()?.cast_signed(),
            2 => nanos = field.int()?.cast_signed(),
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(SECOND).saturating_add(nanos / 1_000_000))
}

#[expect(clippy::cast_precision_loss, reason = "as Prometheus does it")]
fn float(count: u64) -> f64 {
    count as f64
}

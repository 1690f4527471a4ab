//! What a series carries: values, native histograms, exemplars, and what is known of the metric.

use std::num::NonZeroI64;
use std::time::{Duration, SystemTime};

use crate::Series;
use crate::wire::v2;

/// A native histogram, passed through as remote write 2.0 writes it.
pub use crate::wire::v2::Histogram;

/// The value that says "this series ended here". Compare bits, not values: it is one of many NaNs.
pub const STALE_MARKER_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Milliseconds since 1970-01-01 UTC, the only time remote write knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()),
            Err(error) => i64::try_from(error.duration().as_millis()).map(|before| -before),
        };
        Self(millis.unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        let duration = Duration::from_millis(timestamp.0.unsigned_abs());
        let time = if timestamp.0 < 0 {
            Self::UNIX_EPOCH.checked_sub(duration)
        } else {
            Self::UNIX_EPOCH.checked_add(duration)
        };
        time.unwrap_or(Self::UNIX_EPOCH)
    }
}

/// One value of a series.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub value: f64,
    pub at: Timestamp,
    start: Option<NonZeroI64>,
}

impl Sample {
    #[must_use]
    pub const fn new(value: f64, at: Timestamp) -> Self {
        Self { value, at, start: None }
    }

    /// The marker that ends a series at `at`.
    #[must_use]
    pub const fn stale(at: Timestamp) -> Self {
        Self::new(f64::from_bits(STALE_MARKER_BITS), at)
    }

    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.value.to_bits() == STALE_MARKER_BITS
    }

    /// Since when a counter counts; only remote write 2.0 can say so. 1970 itself means unknown.
    #[must_use]
    pub fn with_start(self, start: Timestamp) -> Self {
        Self { start: NonZeroI64::new(start.0), ..self }
    }

    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.start.map(|millis| Timestamp(millis.get()))
    }
}

/// Bits decide, so that a stale marker equals itself.
impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.value.to_bits() == other.value.to_bits()
            && self.at == other.at
            && self.start == other.start
    }
}

impl Eq for Sample {}

/// One thing to send: a series and what it had at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub series: Series,
    pub datum: Datum,
    /// Travels only together with its sample, as remote write 2.0 demands; 1.0 has no place for it.
    pub exemplar: Option<Box<Exemplar>>,
}

/// A value, or a whole native histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    Sample(Sample),
    Histogram(Box<v2::Histogram>),
}

impl Entry {
    #[must_use]
    pub fn new(series: Series, sample: Sample) -> Self {
        Self { series, datum: Datum::Sample(sample), exemplar: None }
    }

    #[must_use]
    pub fn histogram(series: Series, histogram: v2::Histogram) -> Self {
        Self { series, datum: Datum::Histogram(Box::new(histogram)), exemplar: None }
    }

    #[must_use]
    pub fn at(&self) -> Timestamp {
        match &self.datum {
            Datum::Sample(sample) => sample.at,
            Datum::Histogram(histogram) => Timestamp(histogram.timestamp),
        }
    }

    /// `None` for a native histogram.
    #[must_use]
    pub fn sample(&self) -> Option<Sample> {
        match &self.datum {
            Datum::Sample(sample) => Some(*sample),
            Datum::Histogram(_) => None,
        }
    }
}

/// A trace, or whatever else stands behind one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Such as `trace_id`; in the order given.
    pub labels: Vec<(String, String)>,
    pub value: f64,
    pub at: Timestamp,
}

/// What is known of a metric; only remote write 2.0 has a place for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub kind: MetricKind,
    /// Empty when unknown.
    pub help: String,
    /// Empty when unknown.
    pub unit: String,
}

/// The types of Prometheus and OpenMetrics, numbered as remote write 2.0 does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum MetricKind {
    #[default]
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    GaugeHistogram = 4,
    Summary = 5,
    Info = 6,
    StateSet = 7,
}

impl From<i32> for MetricKind {
    fn from(number: i32) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_marker_is_told_from_other_nans_and_equals_itself() {
        let marker = Sample::stale(Timestamp::from_millis(1));
        assert!(marker.is_stale() && marker == Sample::stale(Timestamp::from_millis(1)));
        assert!(!Sample::new(f64::NAN, Timestamp::from_millis(1)).is_stale());
    }

    #[test]
    fn times_convert_both_ways_and_never_overflow() {
        let stamp = Timestamp::from_millis(1_795_332_392_507);
        assert_eq!(Timestamp::from(SystemTime::from(stamp)), stamp);
        let before = Timestamp::from_millis(-1);
        assert_eq!(Timestamp::from(SystemTime::from(before)), before);
        assert_eq!(Timestamp(i64::MAX) + Duration::MAX, Timestamp(i64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(7)), Duration::ZERO);
        assert_eq!(Timestamp(7).since(Timestamp(5)), Duration::from_millis(2));
    }
}

//! Values, native histograms and exemplars.

use std::num::NonZeroI64;

use crate::wire::v2;
use crate::{InvalidSeries, Series, Timestamp};

/// A native histogram in the form of remote write 2.0.
pub use crate::wire::v2::Histogram;

/// The bits of a stale marker, which says that a series ended. Compare bits, not values: it is one of
/// many NaNs.
pub const STALE_MARKER_BITS: u64 = 0x7ff0_0000_0000_0002;

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

    /// The stale marker that ends a series at `at`.
    #[must_use]
    pub const fn stale(at: Timestamp) -> Self {
        Self::new(f64::from_bits(STALE_MARKER_BITS), at)
    }

    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.value.to_bits() == STALE_MARKER_BITS
    }

    /// The start time of a counter, which only remote write 2.0 carries. 1970-01-01 means unknown.
    #[must_use]
    pub fn with_start(self, start: Timestamp) -> Self {
        Self { start: NonZeroI64::new(start.as_millis()), ..self }
    }

    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.start.map(|millis| Timestamp::from_millis(millis.get()))
    }
}

/// Compares bits, so that a stale marker equals itself.
impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.value.to_bits() == other.value.to_bits()
            && self.at == other.at
            && self.start == other.start
    }
}

impl Eq for Sample {}

/// A series with one sample or histogram: the unit that is queued and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub series: Series,
    pub datum: Datum,
    /// Sent only together with its sample, as remote write 2.0 requires. 1.0 does not carry it.
    pub exemplar: Option<Box<Exemplar>>,
}

/// A float value or a native histogram.
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

    /// A value of the series with this name and labels (`__name__` left out). `None` is a stale marker.
    pub fn of<'a>(
        name: &'a str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: Option<f64>,
        at: Timestamp,
    ) -> Result<Self, InvalidSeries> {
        let sample = match value {
            Some(value) => Sample::new(value, at),
            None => Sample::stale(at),
        };
        Ok(Self::new(Series::new(name, labels)?, sample))
    }

    #[must_use]
    pub fn histogram(series: Series, histogram: v2::Histogram) -> Self {
        Self { series, datum: Datum::Histogram(Box::new(histogram)), exemplar: None }
    }

    #[must_use]
    pub fn at(&self) -> Timestamp {
        match &self.datum {
            Datum::Sample(sample) => sample.at,
            Datum::Histogram(histogram) => Timestamp::from_millis(histogram.timestamp),
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

/// A reference from a value to its cause, such as a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Such as `trace_id`; in the order given.
    pub labels: Vec<(String, String)>,
    pub value: f64,
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_marker_differs_from_nan_and_equals_itself() {
        let marker = Sample::stale(Timestamp::from_millis(1));
        assert!(marker.is_stale() && marker == Sample::stale(Timestamp::from_millis(1)));
        assert!(!Sample::new(f64::NAN, Timestamp::from_millis(1)).is_stale());
    }

    #[test]
    fn entry_without_a_value_is_a_stale_marker() {
        let at = Timestamp::from_millis(5);
        let some = Entry::of("up", [("job", "j")], Some(1.0), at).unwrap();
        assert_eq!(
            (some.series.to_string().as_str(), some.sample()),
            (r#"up{job="j"}"#, Some(Sample::new(1.0, at)))
        );
        let none = Entry::of("up", [("job", "j")], None, at).unwrap();
        assert_eq!(none.sample(), Some(Sample::stale(at)));
        assert!(Entry::of("up", [("a", "1"), ("a", "2")], None, at).is_err());
    }
}

//! Checks of samples before they are sent.
//!
//! The answer of a receiver is about a whole request: one bad sample can lose two thousand good ones or
//! always get 500. A sample far in the future makes Prometheus 2.42 reject all later samples.

use std::time::Duration;

use samples::{Datum, Entry, Protocol, Timestamp};

/// Limits of what is sent. Only the limit of future samples is set by default, as in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// Largest age. `VictoriaMetrics` accepts any age, Prometheus about an hour.
    pub max_age: Option<Duration>,
    /// Largest time ahead of now. Prometheus 3 accepts ten minutes.
    pub max_future: Duration,
    /// Labels of a series, `__name__` included. `VictoriaMetrics` drops series with more than 40.
    pub max_labels: Option<usize>,
    /// Bytes of a label value. `VictoriaMetrics` drops series with a value over 4 KiB.
    pub max_value_bytes: Option<usize>,
    /// Send native histograms over 1.0, whose specification does not have them. Off by default, as in
    /// Prometheus.
    pub histograms_over_1_0: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            max_age: None,
            max_future: Duration::from_secs(600),
            max_labels: None,
            max_value_bytes: None,
            histograms_over_1_0: false,
        }
    }
}

/// Why a sample is not sent. A retry gives the same result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    TooOld,
    TooFarInFuture,
    TooManyLabels,
    TooLongValue,
    /// Another sample of the series has the same time and another value.
    SameTime,
    /// Native histograms over remote write 1.0 are not enabled.
    HistogramOver1_0,
}

impl Refusal {
    /// A stable word, for counting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::TooFarInFuture => "too_far_in_future",
            Self::TooManyLabels => "too_many_labels",
            Self::TooLongValue => "too_long_value",
            Self::SameTime => "same_time",
            Self::HistogramOver1_0 => "histogram_not_for_1_0",
        }
    }
}

impl Checks {
    /// Why `entry` is not sent over `protocol`; `None` when it is sent.
    #[must_use]
    pub fn refusal(&self, entry: &Entry, now: Timestamp, protocol: Protocol) -> Option<Refusal> {
        let at = entry.at();
        if at > now + self.max_future {
            return Some(Refusal::TooFarInFuture);
        }
        if self.max_age.is_some_and(|age| at < now - age) {
            return Some(Refusal::TooOld);
        }
        // UTF-8 names are sent over 1.0 too, as Prometheus 3 does: 2.42 and 3.x store them.
        let is_carried = protocol != Protocol::V1 || self.histograms_over_1_0;
        if !is_carried && matches!(entry.datum, Datum::Histogram(_)) {
            return Some(Refusal::HistogramOver1_0);
        }
        if self.max_labels.is_some_and(|most| entry.series.label_count() > most) {
            return Some(Refusal::TooManyLabels);
        }
        if self.max_value_bytes.is_some_and(|most| entry.series.longest_value() > most) {
            return Some(Refusal::TooLongValue);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samples::{Histogram, Sample, Series};

    const NOW: i64 = 1_795_332_392_507;

    fn entry(name: &str, labels: &[(&str, &str)], at: i64) -> Entry {
        let series = Series::new(name, labels.iter().copied()).unwrap();
        Entry::new(series, Sample::new(1.0, Timestamp::from_millis(at)))
    }

    #[test]
    fn entry_over_a_limit_is_refused() {
        let value = |length: usize| "x".repeat(length);
        let names: Vec<String> = (0..40).map(|number| format!("l{number}")).collect();
        let labels: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let histogram = Histogram { timestamp: NOW, ..Histogram::default() };
        let histogram = Entry::histogram(Series::new("h", []).unwrap(), histogram);
        let hour = 3_600_000;
        let cases: &[(&str, Entry, Protocol, Option<Refusal>)] = &[
            ("now", entry("m", &[], NOW), Protocol::V1, None),
            ("just young enough", entry("m", &[], NOW - hour), Protocol::V1, None),
            ("too old", entry("m", &[], NOW - hour - 1), Protocol::V1, Some(Refusal::TooOld)),
            ("ten minutes ahead", entry("m", &[], NOW + 600_000), Protocol::V1, None),
            (
                "far ahead",
                entry("m", &[], NOW + 600_001),
                Protocol::V1,
                Some(Refusal::TooFarInFuture),
            ),
            (
                "the end of time",
                entry("m", &[], i64::MAX),
                Protocol::V2,
                Some(Refusal::TooFarInFuture),
            ),
            ("dots over 1.0", entry("a.b", &[], NOW), Protocol::V1, None),
            ("dots over 2.0", entry("a.b", &[], NOW), Protocol::V2, None),
            ("40 labels", entry("m", &labels[..39], NOW), Protocol::V1, None),
            ("41 labels", entry("m", &labels, NOW), Protocol::V1, Some(Refusal::TooManyLabels)),
            ("4 KiB", entry("m", &[("l", &value(4096))], NOW), Protocol::V1, None),
            (
                "more",
                entry("m", &[("l", &value(4097))], NOW),
                Protocol::V1,
                Some(Refusal::TooLongValue),
            ),
            (
                "histogram over 1.0",
                histogram.clone(),
                Protocol::V1,
                Some(Refusal::HistogramOver1_0),
            ),
            ("histogram over 2.0", histogram, Protocol::V2, None),
        ];
        let checks = Checks {
            max_age: Some(Duration::from_secs(3600)),
            max_labels: Some(40),
            max_value_bytes: Some(4096),
            ..Checks::default()
        };
        assert_eq!(
            Checks::default().refusal(
                &entry("m", &labels, NOW),
                Timestamp::from_millis(NOW),
                Protocol::V1
            ),
            None
        );
        let enabled = Checks { histograms_over_1_0: true, ..Checks::default() };
        let histogram = &cases[cases.len() - 1].1;
        let refusal = enabled.refusal(histogram, Timestamp::from_millis(NOW), Protocol::V1);
        assert_eq!(refusal, None);
        for (name, entry, protocol, expected) in cases {
            let actual = checks.refusal(entry, Timestamp::from_millis(NOW), *protocol);
            assert_eq!(actual, *expected, "{name}");
        }
    }
}

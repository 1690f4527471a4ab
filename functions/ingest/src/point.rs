//! A data point of a metric stream, independent of its format.

use std::borrow::Cow;

use samples::{Entry, Sample, Series, Timestamp};

use crate::name;

/// Bytes of a label value, at most. Values of CloudWatch have at most 1,024 characters.
const VALUE_BYTES: usize = 4096;

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("line {line} is not a metric of a metric stream in JSON")]
    Json { line: usize, source: serde_json::Error },
    #[error("the format is neither JSON nor OpenTelemetry 1.0")]
    Protobuf { source: prost::DecodeError },
    #[error(
        "the format is OpenTelemetry 0.7; expected JSON or OpenTelemetry 1.0\nhint: set the metric stream's output format to `opentelemetry1.0`"
    )]
    OldOpenTelemetry,
}

/// Labels of all samples.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) environment: &'a str,
    pub(crate) location: &'a str,
}

/// A data point of a metric stream.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    pub(crate) account: Cow<'a, str>,
    pub(crate) region: Cow<'a, str>,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) metric: Cow<'a, str>,
    pub(crate) dimensions: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The start of the minute, as in CloudWatch.
    pub(crate) at: Timestamp,
    pub(crate) count: f64,
    pub(crate) sum: f64,
    /// `Minimum`, `Maximum` and the additional statistics of the stream, such as `p99`.
    pub(crate) others: Vec<(Cow<'a, str>, f64)>,
}

impl Point<'_> {
    /// Adds a sample for each statistic; returns how many values are invalid and were dropped.
    pub(crate) fn entries(&self, labels: Labels<'_>, entries: &mut Vec<Entry>) -> usize {
        let average = (0.0 < self.count).then(|| ("Average", self.sum / self.count));
        let own = [("SampleCount", self.count), ("Sum", self.sum)];
        let others = self.others.iter().map(|(name, value)| (&**name, *value));
        let statistics = own.into_iter().chain(average).chain(others);

        let dimensions: Vec<_> =
            self.dimensions.iter().map(|(name, value)| (name::dimension(name), &**value)).collect();
        let named = !self.namespace.is_empty() && !self.metric.is_empty();
        let short = dimensions.iter().all(|(_, value)| value.len() <= VALUE_BYTES);
        let mut invalid = 0;
        for (statistic, value) in statistics {
            let series = Series::new(
                &name::metric(&self.namespace, &self.metric, statistic),
                dimensions.iter().map(|(name, value)| (name.as_str(), *value)).chain([
                    ("account_id", &*self.account),
                    ("region", &*self.region),
                    ("environment", labels.environment),
                    ("location", labels.location),
                ]),
            );
            match series {
                Ok(series) if named && short && value.is_finite() => {
                    entries.push(Entry::new(series, Sample::new(value, self.at)));
                }
                _ => invalid += 1,
            }
        }
        invalid
    }
}

//! What is scraped beside a probe's runs, with the names and meanings of Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::scrape_http::ScrapeHttp;
use crate::wire;

/// Time limit of a scrape whose interval is not shorter.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The app's own metrics, forwarded to Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrape {
    /// Path on the target's host.
    pub path: String,
    /// Unique within a probe.
    pub job: String,
    /// A multiple of 5 s up to an hour; see [`is_scrape_interval`].
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
    /// `None`: the interval, at most 10 s.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "timeout_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    #[serde(flatten)]
    pub options: ScrapeOptions,
    #[serde(flatten)]
    pub http: ScrapeHttp,
}

impl Scrape {
    /// Time limit of one scrape.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT).min(self.every)
    }
}

/// Whether a target may be scraped at this interval: multiples of 5 s from 5 s to an hour.
#[must_use]
pub fn is_scrape_interval(every: Duration) -> bool {
    every.subsec_nanos() == 0
        && every.as_secs().is_multiple_of(5)
        && (5..=3_600).contains(&every.as_secs())
}

/// Settings of a scrape that Prometheus has too. Limits are off by default, except those on memory.
#[expect(clippy::struct_excessive_bools, reason = "the settings of Prometheus, one by one")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeOptions {
    /// Of the URL's query.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub honor_labels: bool,
    /// `honor_timestamps: false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_timestamps: bool,
    /// Keep `le` and `quantile` as the target writes them, like Prometheus 2.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bounds_as_written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<TextFormat>,
    /// Request protobuf first, and read its native histograms.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scrape_native_histograms: bool,
    /// Read the classic buckets of a native histogram too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub always_scrape_classic_histograms: bool,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_size_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_name_length_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_value_length_limit: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_relabel_configs: Vec<relabel::Config>,
}

/// The format of a page without a known content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextFormat {
    #[serde(rename = "PrometheusText0.0.4", alias = "PrometheusText1.0.0")]
    Prometheus,
    #[serde(rename = "OpenMetricsText1.0.0", alias = "OpenMetricsText0.0.1")]
    OpenMetrics,
}

/// `#[serde(with = "one_or_many")]`: a list. One scrape may be written without a list, the form of
/// programs that know one scrape for each probe.
pub(crate) mod one_or_many {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Scrape;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(Box<Scrape>),
        Many(Vec<Scrape>),
    }

    pub(crate) fn serialize<S: Serializer>(scrapes: &[Scrape], to: S) -> Result<S::Ok, S::Error> {
        match scrapes {
            [one] => one.serialize(to),
            many => many.serialize(to),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Scrape>, D::Error> {
        Ok(match OneOrMany::deserialize(from)? {
            OneOrMany::One(one) => vec![*one],
            OneOrMany::Many(many) => many,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_scrape_is_read_with_and_without_a_list() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Holder(#[serde(with = "one_or_many")] Vec<Scrape>);
        let one = json!({ "path": "/metrics", "job": "bots", "every_seconds": 15.0 });
        let read: Holder = serde_json::from_value(one.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), one);
        assert_eq!(read, serde_json::from_value(json!([one])).unwrap());
        let two: Holder = serde_json::from_value(json!([one, one])).unwrap();
        assert_eq!((two.0.len(), two.0[0].timeout().as_secs()), (2, 10));
    }
}

//! The labels of a target's series, and the limits of a page.

use std::borrow::Cow;

use exposition::Kind;
use samples::{InvalidSeries, NAME, Series};
use url::Url;

use crate::buckets::canonical;

/// The series that Prometheus writes about each scrape, in its order.
pub(crate) const OWN_SERIES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// The labels of every series of a target: `job`, `instance` and those of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    labels: Vec<(String, String)>,
    bounds_as_written: bool,
}

impl Labels {
    /// A label without a value is dropped, as in Prometheus. If a name occurs twice the last value is used,
    /// so that a label of the user can replace `job` or `instance`.
    pub fn new<'a>(
        job: &'a str,
        instance: &'a str,
        more: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut labels: Vec<(String, String)> = Vec::new();
        for (name, value) in [("job", job), ("instance", instance)].into_iter().chain(more) {
            labels.retain(|(earlier, _)| earlier != name);
            if !value.is_empty() {
                labels.push((name.to_owned(), value.to_owned()));
            }
        }
        Self { labels, bounds_as_written: false }
    }

    /// Keeps `le` and `quantile` as the target writes them, like Prometheus 2. By default they get the
    /// canonical form of Prometheus 3, in which `1` is `1.0`.
    #[must_use]
    pub fn with_bounds_as_written(self) -> Self {
        Self { bounds_as_written: true, ..self }
    }

    /// The series `name` of the target itself, such as `up`.
    pub(crate) fn series(&self, name: &str) -> Result<Series, InvalidSeries> {
        Series::new(name, self.iter())
    }

    /// The series of a sample. A label that the target has too becomes `exported_NAME`, with `exported_`
    /// repeated until the name is free; the shortest name goes first, as in Prometheus.
    pub(crate) fn series_of(
        &self,
        sample: &exposition::Sample<'_>,
        kind: Kind,
    ) -> Result<Series, InvalidSeries> {
        let mut labels: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(8);
        labels.push((NAME.into(), sample.name()));
        let mut clashing = Vec::new();
        for (name, value) in sample.labels().filter(|(_, value)| !value.is_empty()) {
            let value = if self.bounds_as_written { value } else { canonical(kind, &name, value) };
            if self.has(&name) {
                clashing.push((name, value));
            } else {
                labels.push((name, value));
            }
        }
        clashing.sort_by_key(|(name, _)| name.len());
        for (name, value) in clashing {
            let mut exported = format!("exported_{name}");
            while self.has(&exported) || labels.iter().any(|(taken, _)| *taken == exported) {
                exported.insert_str(0, "exported_");
            }
            labels.push((exported.into(), value));
        }
        let own = self.iter();
        Series::from_labels(labels.iter().map(|(name, value)| (&**name, &**value)).chain(own))
    }

    fn has(&self, name: &str) -> bool {
        self.labels.iter().any(|(own, _)| own == name)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Limits of a page. A page over a limit fails as a whole: `up` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the page, after decompression.
    pub body_bytes: usize,
    /// `None`: no limit, as in Prometheus.
    pub samples: Option<usize>,
    /// Limits of the labels of a sample.
    pub lines: exposition::Limits,
}

impl Default for Limits {
    /// 512 MiB, and no other limit.
    fn default() -> Self {
        Self { body_bytes: 512 << 20, samples: None, lines: exposition::Limits::default() }
    }
}

impl Limits {
    /// Limits for a process with this memory that makes one scrape at a time.
    ///
    /// A scrape holds the page, its samples and their encoded form: measured, 7 times the bytes of the
    /// page. The runtime and the AWS clients use up to 64 MiB.
    #[must_use]
    pub fn for_memory(bytes: usize) -> Self {
        let body_bytes = (bytes.saturating_sub(64 << 20) / 7).max(1 << 20);
        Self { body_bytes, ..Self::default() }
    }
}

/// The label `instance` as Prometheus sets it: host and port. `None` for a URL without a host.
#[must_use]
pub fn instance_of(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let labels = Labels::new("bots", "bot:7860", [("environment", "prod"), ("empty", "")]);
        let mut lines = exposition::Reader::new(line.as_bytes(), exposition::Format::Prometheus);
        let Some(Ok(exposition::Line::Sample(sample))) = lines.next() else { panic!("{line}") };
        let series = labels.series_of(&sample, Kind::Unknown).map(|series| series.to_string());
        assert_eq!(series.unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn labels_of_the_target_replace_those_of_the_sample() {
        check("a 1", r#"a{environment="prod",instance="bot:7860",job="bots"}"#);
        check(
            r#"a{job="mine"} 1"#,
            r#"a{environment="prod",exported_job="mine",instance="bot:7860",job="bots"}"#,
        );
        check(
            r#"a{job="mine",exported_job="x"} 1"#,
            r#"a{environment="prod",exported_exported_job="mine",exported_job="x",instance="bot:7860",job="bots"}"#,
        );
        check(r#"a{x="",job=""} 1"#, r#"a{environment="prod",instance="bot:7860",job="bots"}"#);
        check(r#"a{x="1",x="2"} 1"#, "`a` has the label `x` twice");
        check(r#"a{__name__="b"} 1"#, "`a` has the label `__name__` twice");
    }

    #[test]
    fn instance_has_the_default_port_of_the_scheme() {
        for (url, expected) in [
            ("http://bot:7860/metrics", "bot:7860"),
            ("https://bot.example.com/metrics", "bot.example.com:443"),
            ("http://[::1]/", "[::1]:80"),
        ] {
            let url = Url::parse(url).expect("an address");
            assert_eq!(instance_of(&url).as_deref(), Some(expected));
        }
    }
}

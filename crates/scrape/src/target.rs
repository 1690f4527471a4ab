//! The labels under which a target's series are stored, and how much of a target is believed.

use std::borrow::Cow;

use samples::{InvalidSeries, NAME, Series};
use url::Url;

/// Labels that every series of a target gets: `job`, `instance` and the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// A label without a value is left out, as it is in Prometheus; of a name that comes twice the last
    /// value holds, so that the user's own may replace `job` or `instance`.
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
        Self(labels)
    }

    /// The series `name` of the target itself, such as `up`.
    pub(crate) fn series(&self, name: &str) -> Result<Series, InvalidSeries> {
        Series::new(name, self.iter())
    }

    /// The series of a sample. Labels of the sample that the target has too become `exported_NAME`, with
    /// as many `exported_` as it takes to be free; the shortest name goes first, as in Prometheus.
    pub(crate) fn series_of(
        &self,
        sample: &exposition::Sample<'_>,
    ) -> Result<Series, InvalidSeries> {
        let mut labels: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(8);
        labels.push((NAME.into(), sample.name().into()));
        let mut clashing = Vec::new();
        for (name, value) in sample.labels().filter(|(_, value)| !value.is_empty()) {
            if self.has(name) {
                clashing.push((name, value));
            } else {
                labels.push((name.into(), value));
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
        self.0.iter().any(|(own, _)| own == name)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// How much of a target's page is read before the scrape fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the page, after decompression.
    pub body_bytes: usize,
    pub samples: usize,
    /// For each line.
    pub lines: exposition::Limits,
}

impl Default for Limits {
    /// 32 MiB and 200,000 samples, several times what the largest of ordinary targets show.
    fn default() -> Self {
        Self { body_bytes: 32 << 20, samples: 200_000, lines: exposition::Limits::default() }
    }
}

/// What Prometheus would put into `instance`: host and port. `None` for an address without a host.
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
        let series = labels.series_of(&sample).map(|series| series.to_string());
        assert_eq!(series.unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn a_targets_labels_win_and_the_samples_own_are_kept_beside_them() {
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
    fn the_instance_names_the_port_also_where_the_address_does_not() {
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

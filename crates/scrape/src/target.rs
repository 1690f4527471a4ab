//! The labels of a target's series, and the limits of a page.

use std::borrow::Cow;

use exposition::Kind;
use relabel::{LabelSet, Rule};
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

/// The labels of every series of a target: `job`, `instance`, those of the user, and the rules that change
/// them.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    own: Vec<(String, String)>,
    external: Vec<(String, String)>,
    rules: Vec<Rule>,
    bounds_as_written: bool,
    honors_samples: bool,
    pub(crate) ignores_timestamps: bool,
}

/// What the rules made of a sample's labels.
pub(crate) enum Relabeled {
    Kept(Series),
    Dropped,
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
        Self { own: labels, ..Self::default() }
    }

    /// Keeps `le` and `quantile` as the target writes them, like Prometheus 2. By default they get the
    /// canonical form of Prometheus 3, in which `1` is `1.0`.
    #[must_use]
    pub fn with_bounds_as_written(self) -> Self {
        Self { bounds_as_written: true, ..self }
    }

    /// `metric_relabel_configs`: rules for the samples of the page, not for `up` and the like.
    #[must_use]
    pub fn with_rules(self, rules: Vec<Rule>) -> Self {
        Self { rules, ..self }
    }

    /// `external_labels`: added to every series that does not have them.
    #[must_use]
    pub fn with_external(self, external: Vec<(String, String)>) -> Self {
        Self { external, ..self }
    }

    /// `honor_labels`: a label of a sample replaces that of the target.
    #[must_use]
    pub fn with_honored_labels(self) -> Self {
        Self { honors_samples: true, ..self }
    }

    /// `honor_timestamps: false`: samples have the time of the scrape.
    #[must_use]
    pub fn without_timestamps(self) -> Self {
        Self { ignores_timestamps: true, ..self }
    }

    /// The series `up` of the target, which identifies it.
    pub fn up(&self) -> Result<Series, InvalidSeries> {
        self.series("up")
    }

    /// The series `name` of the target itself, such as `up`.
    pub(crate) fn series(&self, name: &str) -> Result<Series, InvalidSeries> {
        let external = self.external.iter().filter(|(name, _)| !self.has(name));
        let external = external.map(|(name, value)| (name.as_str(), value.as_str()));
        Series::new(name, self.iter().chain(external))
    }

    /// The series of a sample, without the external labels. A label that the target has too becomes `exported_NAME`, with `exported_`
    /// repeated until the name is free; the shortest name goes first, as in Prometheus.
    pub(crate) fn series_of(
        &self,
        sample: &exposition::Sample<'_>,
        kind: Kind,
    ) -> Result<Relabeled, InvalidSeries> {
        let mut labels: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(8);
        labels.push((NAME.into(), sample.name()));
        let mut clashing = Vec::new();
        for (name, value) in sample.labels() {
            // An empty label of a sample that is honored removes the label of the target.
            if value.is_empty() && !(self.honors_samples && self.has(&name)) {
                continue;
            }
            let value = if self.bounds_as_written { value } else { canonical(kind, &name, value) };
            if !self.honors_samples && self.has(&name) {
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
        for (name, value) in self.iter() {
            if !self.honors_samples || labels.iter().all(|(taken, _)| taken != name) {
                labels.push((name.into(), value.into()));
            }
        }
        labels.retain(|(_, value)| !value.is_empty());
        if !self.rules.is_empty() {
            // Checked before, since a map hides a label that occurs twice.
            Series::from_labels(labels.iter().map(|(name, value)| (&**name, &**value)))?;
            let mut set: LabelSet = labels
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            if !relabel::apply(&self.rules, &mut set) || set.is_empty() {
                return Ok(Relabeled::Dropped);
            }
            labels = set.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        }
        let series = Series::from_labels(labels.iter().map(|(name, value)| (&**name, &**value)))?;
        Ok(Relabeled::Kept(series))
    }

    /// The series with the external labels.
    pub(crate) fn completed(&self, series: Series) -> Result<Series, InvalidSeries> {
        if self.external.is_empty() {
            return Ok(series);
        }
        let is_free = |name: &str| series.labels().all(|(taken, _)| taken != name);
        let external = self.external.iter().filter(|(name, _)| is_free(name));
        let external = external.map(|(name, value)| (name.as_str(), value.as_str()));
        Series::from_labels(series.labels().chain(external))
    }

    fn has(&self, name: &str) -> bool {
        self.own.iter().any(|(own, _)| own == name)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Limits of a page. A page over a limit fails as a whole: `up` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A page, after decompression, has fewer bytes.
    pub body_bytes: usize,
    /// Bytes of a protobuf page as text, at most. Its lines repeat what the page has once.
    pub text_bytes: usize,
    /// Samples that the rules of the target keep. `None`: no limit, as in Prometheus, here and below.
    pub samples: Option<usize>,
    /// Labels of a series, those of the target and the name included.
    pub labels: Option<usize>,
    /// Bytes of a label name.
    pub label_name_bytes: Option<usize>,
    /// Bytes of a label value, the metric name included.
    pub label_value_bytes: Option<usize>,
}

impl Default for Limits {
    /// 512 MiB, and no other limit.
    fn default() -> Self {
        Self {
            body_bytes: 512 << 20,
            text_bytes: 512 << 20,
            samples: None,
            labels: None,
            label_name_bytes: None,
            label_value_bytes: None,
        }
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
        Self { body_bytes, text_bytes: body_bytes, ..Self::default() }
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
        check_with(&labels(), line, expected);
    }

    fn labels() -> Labels {
        Labels::new("bots", "bot:7860", [("environment", "prod"), ("empty", "")])
    }

    fn check_with(labels: &Labels, line: &str, expected: &str) {
        let mut lines = exposition::Reader::new(line.as_bytes(), exposition::Format::Prometheus);
        let Some(Ok(exposition::Line::Sample(sample))) = lines.next() else { panic!("{line}") };
        let text = match labels.series_of(&sample, Kind::Unknown) {
            Ok(Relabeled::Kept(series)) => labels.completed(series).unwrap().to_string(),
            Ok(Relabeled::Dropped) => "dropped".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn honored_labels_replace_those_of_the_target() {
        let labels = labels().with_honored_labels();
        check_with(
            &labels,
            r#"a{job="mine",x="1"} 1"#,
            r#"a{environment="prod",instance="bot:7860",job="mine",x="1"}"#,
        );
        check_with(&labels, r#"a{job=""} 1"#, r#"a{environment="prod",instance="bot:7860"}"#);
    }

    #[test]
    fn rules_see_the_labels_of_the_target() {
        let rule = |action: &str, source: &str, regex: &str| {
            let config = relabel::Config {
                action: action.to_owned(),
                source_labels: vec![source.to_owned()],
                regex: regex.to_owned(),
                target_label: "team".to_owned(),
                ..relabel::Config::default()
            };
            Rule::new(&config).unwrap()
        };
        let external = vec![("region".to_owned(), "eu".to_owned())];
        let labels = labels().with_external(external).with_rules(vec![
            rule("drop", "__name__", "go_.*"),
            rule("replace", "job", "(.*)s"),
            rule("labeldrop", "", "environment|instance"),
        ]);
        check_with(&labels, "go_threads 1", "dropped");
        check_with(&labels, "a 1", r#"a{job="bots",region="eu",team="bot"}"#);
        check_with(&labels, r#"a{x="1",x="2"} 1"#, "`a` has the label `x` twice");
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

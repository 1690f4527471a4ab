//! Compares what two senders sent for a page.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use samples::Histogram;
use samples::wire::v1;
use samples::wire::v2::BucketSpan;

use super::sender::Sender;
use super::servers::{END, Progress, Servers, milliseconds};

/// By Prometheus version and page: samples that only Vigie (`+`) or only Prometheus (`-`) sent, with the
/// number of the scrape.
pub(crate) type Differences = BTreeMap<(&'static str, String), Vec<String>>;

/// The samples of a page by scrape, and those with a time of their own.
struct Stored {
    scrapes: Vec<Vec<String>>,
    own_times: Vec<String>,
}

pub(crate) fn all(servers: &Servers) -> anyhow::Result<Differences> {
    let mut differences = Differences::new();
    let instance = servers.target.get().context("no target was started")?.to_string();
    let vigie = Recording::new(servers.progress_of(Sender::Vigie), &instance)?;
    for sender in [Sender::Prometheus2, Sender::Prometheus3] {
        let prometheus = Recording::new(servers.progress_of(sender), &instance)?;
        for (page, script) in servers.set() {
            let of = |recording: &Recording| recording.stored(page, script.answers.len());
            let found = compare(&of(&vigie)?, &of(&prometheus)?);
            if !found.is_empty() {
                differences.insert((sender.name(), page.clone()), found);
            }
        }
        let mut found = Vec::new();
        one("metadata", vigie.metadata.clone(), &prometheus.metadata, &mut found);
        if !found.is_empty() {
            differences.insert((sender.name(), "metadata".to_owned()), found);
        }
    }
    Ok(differences)
}

/// How the names of families begin whose metadata is compared: they are on one page only. Types and help texts are
/// sent without the page.
const WITH_METADATA: &str = "meta_";

/// The samples of a sender by page.
struct Recording {
    /// Of families with [`WITH_METADATA`], each once.
    metadata: Vec<String>,
    series: BTreeMap<String, Vec<v1::TimeSeries>>,
    base_ms: i64,
    instance: String,
}

impl Recording {
    fn new(progress: Progress, instance: &str) -> anyhow::Result<Self> {
        let base = progress.base.context("nothing was received")?;
        let mut series: BTreeMap<String, Vec<v1::TimeSeries>> = BTreeMap::new();
        for one in progress.received {
            let job = label(&one, "job").unwrap_or_default().to_owned();
            series.entry(job).or_default().push(one);
        }
        let compared = progress.metadata.iter();
        let compared = compared.filter(|one| one.metric_family_name.starts_with(WITH_METADATA));
        let metadata: BTreeSet<String> = compared
            .map(|one| {
                let v1::MetricMetadata { r#type, metric_family_name, help, unit } = one;
                format!("{metric_family_name} type {type} help {help:?} unit {unit:?}")
            })
            .collect();
        let (metadata, base_ms) = (metadata.into_iter().collect(), milliseconds(base));
        Ok(Self { metadata, series, base_ms, instance: instance.to_owned() })
    }

    /// The samples of the `scrapes` scrapes before the one that read the end of the script.
    fn stored(&self, page: &str, scrapes: usize) -> anyhow::Result<Stored> {
        let mut by_time: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        let (mut times, mut end, mut exemplars) = (Vec::new(), i64::MAX, Vec::new());
        for series in self.series.get(page).with_context(|| format!("no series of `{page}`"))? {
            let name = label(series, "__name__").unwrap_or_default();
            for sample in &series.samples {
                if name == "scrape_duration_seconds" {
                    times.push(sample.timestamp);
                }
                if name == END {
                    end = end.min(sample.timestamp);
                }
                let value = value_of(name, sample.value);
                let text = format!("{} {value}", self.written(series, page));
                by_time.entry(sample.timestamp).or_default().push(text);
            }
            for histogram in &series.histograms {
                let text = format!("{} {}", self.written(series, page), histogram_of(histogram));
                by_time.entry(histogram.timestamp).or_default().push(text);
            }
            for exemplar in &series.exemplars {
                let text = format!("{} {}", self.written(series, page), exemplar_of(exemplar));
                exemplars.push((exemplar.timestamp, text));
            }
        }
        times.retain(|at| *at < end);
        times.sort_unstable();
        times.dedup();
        ensure!(scrapes <= times.len(), "`{page}` was scraped {} times", times.len());
        let of_script = times.split_off(times.len() - scrapes);
        let mut scrapes: Vec<Vec<String>> =
            of_script.iter().map(|at| by_time.remove(at).unwrap_or_default()).collect();
        by_time.retain(|at, _| *at < end && !times.contains(at));
        let own = by_time.into_iter().flat_map(|(at, samples)| {
            let offset = at - self.base_ms;
            samples.into_iter().map(move |sample| format!("{sample} @{offset:+}"))
        });
        // A Prometheus agent never sends samples that are older than its start.
        let mut own_times: Vec<String> = own.filter(|sample| !sample.contains("@-")).collect();
        for (at, text) in exemplars {
            match of_script.iter().position(|scrape| *scrape == at) {
                Some(scrape) => scrapes[scrape].push(text),
                None if (at - self.base_ms).abs() < 3_600_000 => {
                    own_times.push(format!("{text} @{:+}", at - self.base_ms));
                }
                None => own_times.push(format!("{text} {at}")),
            }
        }
        Ok(Stored { scrapes, own_times })
    }

    /// Name and labels.
    fn written(&self, series: &v1::TimeSeries, page: &str) -> String {
        let name = label(series, "__name__").unwrap_or_default();
        let mut rest = Vec::new();
        for label in &series.labels {
            match (label.name.as_str(), label.value.as_str()) {
                ("__name__", _) => {}
                ("job", job) if job == page => {}
                ("instance", instance) if instance == self.instance => {}
                (name, value) => rest.push(format!("{name}={}", shortened(&bound(name, value)))),
            }
        }
        rest.sort();
        let labels =
            if rest.is_empty() { String::new() } else { format!("{{{}}}", rest.join(",")) };
        format!("{name}{labels}")
    }
}

fn histogram_of(histogram: &Histogram) -> String {
    if histogram.sum.to_bits() == samples::STALE_MARKER_BITS {
        return "histogram stale".to_owned();
    }
    let spans = |spans: &[BucketSpan]| {
        let spans = spans.iter().map(|span| format!("{:+}:{}", span.offset, span.length));
        spans.collect::<Vec<_>>().join(" ")
    };
    let Histogram { count, sum, schema, zero_threshold, zero_count, reset_hint, .. } = histogram;
    let (negative, positive) = (&histogram.negative_spans, &histogram.positive_spans);
    format!(
        "histogram count {count:?} sum {sum} schema {schema} zero {zero_threshold} {zero_count:?} negative {} {:?} {:?} positive {} {:?} {:?} reset {reset_hint}",
        spans(negative),
        histogram.negative_deltas,
        histogram.negative_counts,
        spans(positive),
        histogram.positive_deltas,
        histogram.positive_counts,
    )
}

fn exemplar_of(exemplar: &v1::Exemplar) -> String {
    let labels = exemplar.labels.iter();
    let mut labels: Vec<String> =
        labels.map(|label| format!("{}={}", label.name, shortened(&label.value))).collect();
    labels.sort();
    format!("# {{{}}} {}", labels.join(","), exemplar.value)
}

/// `le` and `quantile` in one form: Prometheus 3 and Vigie write `1` as `1.0`, Prometheus 2 does not.
fn bound(name: &str, value: &str) -> String {
    let number = ["le", "quantile"].contains(&name).then(|| value.parse::<f64>().ok()).flatten();
    number.map_or(value.to_owned(), |number| number.to_string())
}

fn shortened(value: &str) -> String {
    let start: String = value.chars().take(60).collect();
    if start.len() < value.len() {
        format!("{start:?}… ({} bytes)", value.len())
    } else {
        format!("{start:?}")
    }
}

fn value_of(name: &str, value: f64) -> String {
    if value.to_bits() == samples::STALE_MARKER_BITS {
        "stale".to_owned()
    } else if name == "scrape_duration_seconds" {
        "(some time)".to_owned()
    } else if value.is_nan() {
        format!("NaN {:x}", value.to_bits())
    } else {
        // Prometheus loses the sign of a zero when it writes the message.
        (value + 0.0).to_string()
    }
}

fn label<'s>(series: &'s v1::TimeSeries, name: &str) -> Option<&'s str> {
    series.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
}

fn compare(vigie: &Stored, prometheus: &Stored) -> Vec<String> {
    let mut found = Vec::new();
    for (number, (vigie, prometheus)) in vigie.scrapes.iter().zip(&prometheus.scrapes).enumerate() {
        one(&number.to_string(), vigie.clone(), prometheus, &mut found);
    }
    one("own", vigie.own_times.clone(), &prometheus.own_times, &mut found);
    found.sort();
    found
}

fn one(place: &str, mut vigie: Vec<String>, prometheus: &[String], found: &mut Vec<String>) {
    for sample in prometheus {
        match vigie.iter().position(|each| each == sample) {
            Some(index) => drop(vigie.swap_remove(index)),
            None => found.push(format!("{place} -{sample}")),
        }
    }
    found.extend(vigie.into_iter().map(|sample| format!("{place} +{sample}")));
}

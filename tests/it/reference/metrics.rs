//! CloudWatch metrics and Prometheus series.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use cloudwatch::{BY_LOCATION, MetricInfo, NAMESPACE, OwnMetric, PROBE_METRICS};
use domain::metrics::{COMMON_LABELS, PHASES, PUBLISHED, Unit};
use testkit::dashboards::root;

use crate::repository::list;

pub(super) const SOURCE: &str =
    "crates/cloudwatch/src/names.rs and crates/domain/src/metrics/prometheus.rs";

const HEADER: &str = "| metric | unit | meaning | absent |\n| --- | --- | --- | --- |\n";

pub(super) fn page() -> String {
    let mut page = cloudwatch_metrics();
    let labels: Vec<String> = COMMON_LABELS.iter().map(|label| format!("`{label}`")).collect();
    let phases: Vec<String> = PHASES.iter().map(|phase| format!("`{phase}`")).collect();
    let _ = write!(
        page,
        "\n## Prometheus\n\nEvery series has the labels {} and those under `labels` in the probe file. The phases are {}.\n\n\
         | series | meaning | absent |\n| --- | --- | --- |\n",
        labels.join(", "),
        phases.join(", "),
    );
    for series in PUBLISHED {
        let own = series.labels.join(", ");
        let own = if own.is_empty() { own } else { format!("{{{own}}}") };
        let _ = writeln!(
            page,
            "| `{}{own}` | {} | {} |",
            series.name,
            super::cell(series.meaning),
            super::cell(series.absent)
        );
    }
    page.push_str(
        "\nA series without a value for five minutes disappears from instant queries. For probes that run less often use \
         `last_over_time(…)`, as the rules and dashboards in `infra/observability` do.\n",
    );
    page
}

fn cloudwatch_metrics() -> String {
    let mut page = format!(
        "## CloudWatch\n\nNamespace `{NAMESPACE}`. A metric that is absent has no value for that run or minute.\n\n\
         ### Metrics of a probe\n\nDimensions `Environment` and `Probe`. A value is one run, stamped with the time at \
         which the run was due. A metric with `Metrics=full` in its meaning is not published by default.\n\n{HEADER}"
    );
    page.extend(PROBE_METRICS.iter().map(row));
    let by_location: Vec<String> = BY_LOCATION.iter().map(|name| format!("`{name}`")).collect();
    let _ = write!(
        page,
        "\n{} are also published with the dimension `Location` if the parameter `Locations` is set.\n\n\
         ### Metrics about Vigie itself\n\nDimension `Environment`.\n\n{HEADER}",
        by_location.join(" and ")
    );
    page.extend(OwnMetric::ALL.iter().map(|metric| row(&metric.info())));
    page
}

fn row(metric: &MetricInfo) -> String {
    let unit = match metric.unit {
        Unit::Count => "Count",
        Unit::Seconds => "Seconds",
        Unit::Unitless => "None",
    };
    let further: Vec<String> = metric
        .dimensions
        .iter()
        .filter(|name| !["Environment", "Probe"].contains(name))
        .map(|name| format!(" (with dimension `{name}`)"))
        .collect();
    format!(
        "| `{}`{} | {unit} | {} | {} |\n",
        metric.name,
        further.concat(),
        super::cell(metric.meaning),
        super::cell(metric.absent)
    )
}

/// The names that follow `start` in the source files of the functions and crates, except the crate with the names.
fn named_in_sources(start: &str) -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["crates", "functions"] {
        list(&root().join(folder), false, &mut files);
    }
    let names = root().join("crates/cloudwatch");
    let is_source = |path: &std::path::PathBuf| {
        path.extension() == Some("rs".as_ref()) && !path.starts_with(&names)
    };
    let files: Vec<_> = files.into_iter().filter(is_source).collect();
    assert!(files.len() > 300, "{} files", files.len());
    let texts = files.iter().map(|path| fs::read_to_string(path).expect("a source file"));
    texts.flat_map(|text| names_after(&text, start)).collect()
}

/// The words that follow `start`.
fn names_after(text: &str, start: &str) -> Vec<String> {
    let word = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    text.split(start).skip(1).map(word).collect()
}

#[test]
fn metrics_about_vigie_are_listed_and_published() {
    let published = named_in_sources("OwnMetric::");
    let listed: BTreeSet<String> =
        OwnMetric::ALL.iter().map(|metric| metric.name().to_owned()).collect();
    assert_eq!(published, listed);
}

#[test]
fn alarms_and_dashboards_use_published_metrics() {
    let known: BTreeSet<&str> = PROBE_METRICS
        .iter()
        .map(|metric| metric.name)
        .chain(OwnMetric::ALL.iter().map(|metric| metric.name()))
        .collect();
    let mut used = BTreeSet::new();
    let mut files = Vec::new();
    list(&root().join("infra"), true, &mut files);
    for path in files.iter().filter(|path| path.extension() == Some("yaml".as_ref())) {
        let text = fs::read_to_string(path).expect("a template");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let of_alarms = lines.windows(2).filter(|pair| pair[0].ends_with("Namespace: Vigie"));
        used.extend(of_alarms.flat_map(|pair| names_after(pair[1], "MetricName: ")));
        used.extend(names_after(&text, "[ \"Vigie\", \""));
        let searches = lines.iter().filter(|line| line.contains("SEARCH('{Vigie,"));
        used.extend(searches.flat_map(|line| names_after(line, "MetricName=\\\"")));
    }
    assert!(used.len() > 20, "{used:?}");
    let unknown: Vec<_> = used.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

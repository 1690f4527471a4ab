//! The metrics of the CloudWatch dashboards are published.
//!
//! The emulator does not support `SEARCH`, so the names and dimensions are compared instead.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use testkit::dashboards::{searched_metric, searches};

use harness::environment::LocalEnvironment;

/// Metrics that are published only when Vigie itself fails.
const ONLY_ON_FAULTS: &[(&str, &str)] = &[
    ("RunsLate", "a run that was picked up an interval too late"),
    ("RunsLost", "a run whose invocation died"),
    ("RunErrors", "a run that failed because of Vigie"),
    ("RunsStalled", "a run that was decided by CPU starvation"),
    ("ProbesWithoutAlarm", "a probe whose alarms were not rendered"),
    ("StatusPageErrors", "a page that could not be written"),
    ("LocationDeadLetters", "a run that a location returned five times"),
    ("SamplesRefused", "a sample that the receiver will never take"),
    ("SamplesDeadLettered", "likewise"),
    ("SamplesArchived", "a sample too old for the receiver"),
    ("SamplesTooLarge", "a sample larger than a queue message"),
    ("ScrapesLate", "a scrape that was picked up an interval too late"),
    ("RecordsRejected", "a record of a metric stream that could not be read"),
];

/// A metric of a dashboard: its name, and the names of its dimensions.
type Asked = (String, BTreeSet<String>);

pub(super) async fn are_published_as_the_dashboards_ask(
    env: &LocalEnvironment,
) -> anyhow::Result<()> {
    let mut published = BTreeSet::new();
    let mut pages = env.cloudwatch.list_metrics().namespace("Vigie").into_paginator().send();
    while let Some(page) = pages.next().await {
        for metric in page?.metrics() {
            let dimensions = metric.dimensions().iter().filter_map(|dimension| dimension.name());
            let dimensions = dimensions.map(str::to_owned).collect();
            published.insert((metric.metric_name().unwrap_or_default().to_owned(), dimensions));
        }
    }
    let deployed = env.cloudwatch.get_dashboard().dashboard_name("vigie-local").send().await?;
    let body: serde_json::Value =
        serde_json::from_str(deployed.dashboard_body().context("the dashboard is empty")?)?;
    let grafana = searches().into_iter().filter_map(|(_, search)| searched_metric(&search));
    let asked: BTreeSet<Asked> = of_the_template(&body).chain(grafana).collect();
    ensure!(asked.len() > 10, "{asked:?}");
    let missing: Vec<_> = asked
        .difference(&published)
        .filter(|(name, _)| ONLY_ON_FAULTS.iter().all(|(rare, _)| rare != name))
        .collect();
    ensure!(missing.is_empty(), "not published: {missing:?}; published: {published:?}");
    Ok(())
}

fn of_the_template(body: &serde_json::Value) -> impl Iterator<Item = Asked> {
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let metrics = widgets.filter_map(|widget| widget["properties"]["metrics"].as_array());
    metrics.flatten().filter_map(|metric| {
        if let Some(expression) = metric[0]["expression"].as_str() {
            return searched_metric(expression);
        }
        // A dot repeats the value of the metric above.
        if metric[0] == "Vigie" || metric[0] == "." {
            return Some((metric[1].as_str()?.to_owned(), ["Environment".to_owned()].into()));
        }
        None
    })
}

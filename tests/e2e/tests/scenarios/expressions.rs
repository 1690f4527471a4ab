//! Evaluates every expression of the repository in the Prometheus that received the whole run.
//!
//! A panel without data or a rule with an error looks healthy, so both fail here. Expressions without data
//! in this run are listed with the reason; an entry that has data is a failure too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde_json::Value;
use testkit::dashboards::{Expression, Kind, choices, expressions};

use harness::environment::LocalEnvironment;
use harness::prometheus::Prometheus;

/// Series that are not published in this run.
const NOT_PUBLISHED: &[(&str, &str)] =
    &[("probe_ssl_earliest_cert_expiry", "the bots of the run speak plain HTTP")];

/// Rules with a subquery, evaluated at the next point of its grid, so that the range includes a run of any
/// length.
const ON_A_GRID: &[(&str, u64, &str)] =
    &[("rule `probe:runs_in_16m:max2d`", 480, "its inner window is looked at every eight minutes")];

/// How far a graph looks back; longer than the run.
const GRAPH: Duration = Duration::from_secs(900);
const STEP: Duration = Duration::from_secs(15);

pub(super) async fn all_find_what_they_ask_for(env: &LocalEnvironment) -> anyhow::Result<()> {
    let prometheus = &env.prometheus;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut blank = Vec::new();
    for expression in expressions() {
        let found = answered(prometheus, &expression, now).await;
        let unpublished: Vec<_> =
            NOT_PUBLISHED.iter().filter(|(name, _)| expression.metrics().contains(*name)).collect();
        let problem = match (found, unpublished.first()) {
            (Err(error), _) => format!("{error:#}"),
            (Ok(true), None) | (Ok(false), Some(_)) => continue,
            (Ok(false), None) => "finds nothing".to_owned(),
            (Ok(true), Some((name, reason))) => {
                format!("finds `{name}`, although {reason}; take it off the table")
            }
        };
        let Expression { file, place, promql, .. } = &expression;
        blank.push(format!("{file}, {place}: {problem}\n  {promql}"));
    }
    for choice in choices() {
        let values = prometheus.label_values(&choice.label, &choice.selector).await?;
        if values.is_empty() {
            blank.push(format!("{}, variable `{}`: no values", choice.file, choice.variable));
        }
    }
    ensure!(blank.is_empty(), "{}", blank.join("\n"));
    Ok(())
}

/// Whether the answer has at least one number. The series of an alert must exist even if it does not fire.
async fn answered(
    prometheus: &Prometheus,
    expression: &Expression,
    now: u64,
) -> anyhow::Result<bool> {
    let promql = expression.promql.as_str();
    match expression.kind {
        Kind::Range => prometheus.graph(promql, now - GRAPH.as_secs(), now, STEP).await,
        Kind::Instant => prometheus.holds(promql, now).await,
        Kind::Recording => {
            let grid = ON_A_GRID.iter().find(|(place, ..)| *place == expression.place);
            let at = grid.map_or(now, |(_, seconds, _)| now.next_multiple_of(*seconds));
            prometheus.holds(promql, at).await
        }
        Kind::Alert => {
            // The whole expression must be valid …
            if prometheus.holds(promql, now).await? {
                return Ok(true);
            }
            // … and each of its series must exist.
            for selector in expression.selectors() {
                let recorded = selector.starts_with("probe:");
                let seen = format!("last_over_time({selector}[15m])");
                // Recorded series have their own entries, some with a grid.
                if !recorded && !prometheus.holds(&seen, now).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

/// The rules run in that Prometheus without errors, and the expected ones fire.
pub(super) async fn rules_fire(env: &LocalEnvironment) -> anyhow::Result<()> {
    let prometheus = &env.prometheus;
    let rules = prometheus.api("rules", &[]).await?;
    let mut count = 0;
    for group in rules["groups"].as_array().context("no groups of rules")? {
        for rule in group["rules"].as_array().into_iter().flatten() {
            count += 1;
            let (name, health) = (&rule["name"], &rule["health"]);
            ensure!(health == "ok", "rule {name} is {health}: {}", rule["lastError"]);
        }
    }
    ensure!(count > 15, "{count} rules");

    let alerts = prometheus.api("alerts", &[]).await?;
    let alerts = alerts["alerts"].as_array().context("no list of alerts")?;
    let firing: Vec<(&str, &str)> = alerts
        .iter()
        .filter(|alert| alert["state"] == "firing")
        .map(|alert| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
            (label("alertname"), label("probe"))
        })
        .collect();
    for wanted in [("Watchdog", ""), ("ProbeDown", "gone"), ("InstanceDown", "gone")] {
        ensure!(firing.contains(&wanted), "{wanted:?} does not fire; what does: {firing:?}");
    }
    let wrong: Vec<_> = firing
        .iter()
        .filter(|(alert, probe)| *probe == "steady" || *alert == "VigieSilent")
        .collect();
    ensure!(wrong.is_empty(), "{wrong:?} fire although that bot answers");
    let reasons = alerts.iter().filter(|alert| alert["labels"]["alertname"] == "ProbeDown");
    let text: Vec<&Value> = reasons
        .filter(|alert| alert["labels"]["probe"] == "gone")
        .map(|alert| &alert["annotations"]["description"])
        .collect();
    let text = text.first().and_then(|text| text.as_str()).unwrap_or_default();
    ensure!(text.ends_with("Reason of the last run: connect."), "ProbeDown says: {text}");
    Ok(())
}

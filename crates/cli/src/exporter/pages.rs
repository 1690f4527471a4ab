//! HTTP pages of `vigie serve` for Prometheus and for health checks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::{Probe, Report, TargetUrl, Template};
use exposition::{Family, Format, Kind, WriteError, Writer};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Exporter, rounded};
use crate::output::prometheus::Times;
use crate::output::{pretty, prometheus, visible};

/// Age at which a result is removed from `/metrics`. Prometheus rejects samples older than one hour.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(50);

/// The pages for Prometheus and for health checks.
pub(crate) fn router(exporter: Arc<Exporter>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/probe", get(probe))
        .route("/-/healthy", get(async || "healthy\n"))
        .route("/-/ready", get(ready))
        .with_state(exporter)
}

/// Ready when every probe has a result.
async fn ready(State(exporter): State<Arc<Exporter>>) -> (StatusCode, String) {
    let state = exporter.state();
    let missing = state.probes.keys().filter(|name| !state.latest.contains_key(*name)).count();
    if missing == 0 {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{missing} probes have no result yet\n"))
    }
}

async fn metrics(State(exporter): State<Arc<Exporter>>, headers: HeaderMap) -> Response {
    let format = format(&headers);
    let mut page = Writer::new(format);
    let latest: Vec<Arc<Report>> = exporter.state().latest.values().cloned().collect();
    let reports: Vec<&Report> = latest.iter().map(|report| &**report).collect();
    let now = Timestamp::now();
    let shown = reports.iter().copied().filter(|report| is_shown(report.due, now));
    let written = prometheus::write(&shown.collect::<Vec<_>>(), Times::Due, &mut page)
        .and_then(|()| own_series(&exporter, &reports, &mut page));
    respond(written.map(|()| page.finish()), format)
}

fn is_shown(due: Timestamp, now: Timestamp) -> bool {
    now.duration_since(due) < MAX_AGE
}

/// The format that the client accepts. `OpenMetrics` only if its `Accept` header names it.
fn format(headers: &HeaderMap) -> Format {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("application/openmetrics-text") {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    }
}

fn respond(page: Result<String, WriteError>, format: Format) -> Response {
    match page {
        Ok(page) => ([(CONTENT_TYPE, format.content_type())], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Series about `vigie serve` itself.
fn own_series(
    exporter: &Exporter,
    reports: &[&Report],
    page: &mut Writer,
) -> Result<(), WriteError> {
    let family = |name, kind, help, unit| Family { name, kind, help, unit };
    page.family(family("vigie_build_info", Kind::Gauge, "Version of the exporter, always 1.", ""))?;
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)?;
    page.family(family(
        "vigie_start_time_seconds",
        Kind::Gauge,
        "Start time of the exporter, in Unix seconds.",
        "seconds",
    ))?;
    page.sample(&[], exporter.started.as_duration().as_secs_f64())?;
    page.family(family(
        "vigie_last_run_timestamp_seconds",
        Kind::Gauge,
        "Due time of a probe's latest run, in Unix seconds.",
        "seconds",
    ))?;
    for report in reports {
        page.sample(&[("probe", report.probe.as_str())], report.due.as_duration().as_secs_f64())?;
    }
    let state = exporter.state();
    page.family(family("vigie_runs", Kind::Counter, "Runs by probe and outcome.", ""))?;
    for ((probe, outcome), count) in &state.runs {
        page.sample(&[("probe", probe.as_str()), ("outcome", outcome)], float(*count))?;
    }
    page.family(family(
        "vigie_runs_skipped",
        Kind::Counter,
        "Runs skipped because the previous run had not ended.",
        "",
    ))?;
    page.sample(&[], float(state.skipped))?;
    page.family(family(
        "vigie_runs_not_stored",
        Kind::Counter,
        "Runs that are missing from the history: the disk was too slow or full, or the history is damaged.",
        "",
    ))?;
    page.sample(&[], float(exporter.recorder.not_stored()))?;
    page.family(family(
        "vigie_reload_success",
        Kind::Gauge,
        "1 if the last reload of the probe files succeeded, else 0.",
        "",
    ))?;
    page.sample(&[], if state.reload_failed { 0.0 } else { 1.0 })?;
    drop(state);
    if let Some(queue) = &exporter.queue {
        let counts = queue.counts();
        let counters = [
            ("vigie_remote_write_sent", "Samples accepted by the receiver.", counts.sent),
            (
                "vigie_remote_write_dropped",
                "Samples dropped because the queue was full.",
                counts.dropped,
            ),
            (
                "vigie_remote_write_refused",
                "Samples that were not sent or rejected by the receiver.",
                counts.refused.values().sum(),
            ),
        ];
        for (name, help, count) in counters {
            page.family(family(name, Kind::Counter, help, ""))?;
            page.sample(&[], float(u64::try_from(count).unwrap_or(u64::MAX)))?;
        }
        page.family(family("vigie_remote_write_queued", Kind::Gauge, "Samples in the queue.", ""))?;
        page.sample(&[], float(u64::try_from(counts.queued).unwrap_or(u64::MAX)))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[derive(Debug, Deserialize)]
struct ProbeQuery {
    probe: String,
    target: Option<String>,
    #[serde(default)]
    debug: bool,
}

/// Runs a probe once, like `blackbox_exporter`.
async fn probe(
    State(exporter): State<Arc<Exporter>>,
    Query(query): Query<ProbeQuery>,
    headers: HeaderMap,
) -> Response {
    let refuse = |status, text: String| (status, text + "\n").into_response();
    let known =
        query.probe.parse().ok().and_then(|name| exporter.state().probes.get(&name).cloned());
    let Some(known) = known else {
        let message = format!("there is no probe `{}`", visible(&query.probe, 80));
        return refuse(StatusCode::NOT_FOUND, message);
    };
    let mut probe = Probe::clone(&known);
    if let Some(target) = query.target.filter(|target| !target.is_empty())
        && let Err((status, message)) = set_target(&exporter, &mut probe, &target)
    {
        return refuse(status, message);
    }
    if let Some(limit) = scrape_timeout(&headers) {
        probe.timeout = probe.timeout.min(limit);
    }
    let Ok(_permit) = exporter.on_demand.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many concurrent runs".to_owned());
    };
    let report = exporter.prober.run(&probe, rounded(Timestamp::now()), &mut |_| {}).await;
    if query.debug {
        return refuse(StatusCode::OK, debug(&report));
    }
    let format = format(&headers);
    respond(prometheus::page(&[&report], format), format)
}

/// Sets another target: one that a probe file names, or any if allowed. The credentials of the probe's own
/// target are never sent to another one.
fn set_target(
    exporter: &Exporter,
    probe: &mut Probe,
    target: &str,
) -> Result<(), (StatusCode, String)> {
    let own = probe.target.url.text();
    if own.as_deref() == Ok(target) {
        return Ok(());
    }
    let configured = exporter
        .state()
        .probes
        .values()
        .find(|other| other.target.url.text().as_deref() == Ok(target))
        .map(|other| other.target.clone());
    if let Some(configured) = configured {
        // The configured target with its own credentials.
        probe.target = configured;
        return Ok(());
    }
    if !exporter.allow_any_target {
        let message = "no probe file names this target\nhint: see `--allow-any-target`".to_owned();
        return Err((StatusCode::FORBIDDEN, message));
    }
    if target.parse::<TargetUrl>().is_err() {
        return Err((
            StatusCode::BAD_REQUEST,
            "expected a target such as `https://chat.example.com`".to_owned(),
        ));
    }
    probe.target.url = Template::literal(target);
    probe.target.auth = None;
    if !conversation::target::secret_references(&probe.target).is_empty() {
        let message =
            "the inputs of this probe hold secrets, which are sent only to its own target"
                .to_owned();
        return Err((StatusCode::FORBIDDEN, message));
    }
    Ok(())
}

/// The scrape timeout of Prometheus, less half a second for the response.
fn scrape_timeout(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 =
        headers.get("x-prometheus-scrape-timeout-seconds")?.to_str().ok()?.parse().ok()?;
    (0.1..=3_600.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64((seconds - 0.5).max(seconds / 2.0)))
}

/// The report as text, then the series.
fn debug(report: &Report) -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = pretty::write(report, &mut text);
    let text = String::from_utf8_lossy(&text);
    let series = prometheus::page(&[report], Format::Prometheus).unwrap_or_default();
    format!("{}\n{series}", anstream::adapter::strip_str(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_is_removed_before_prometheus_rejects_it() {
        let due: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let shown = |minutes| is_shown(due, due + SignedDuration::from_mins(minutes));
        assert!(shown(0) && shown(49));
        assert!(!shown(50) && !shown(60));
    }
}

//! The exporter's pages.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use domain::{Probe, Report, TargetUrl, Template};
use exposition::{Family, Format, Kind, WriteError, Writer};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Exporter, rounded};
use crate::output::prometheus::Times;
use crate::output::{pretty, prometheus, visible};

/// A result of a slow probe leaves the page after this time: whoever scrapes has it by then, and a Prometheus
/// refuses what is older than an hour.
const SHOWN: SignedDuration = SignedDuration::from_mins(50);

/// Every page of the exporter.
pub(crate) fn router(exporter: Arc<Exporter>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/probe", get(probe))
        .route("/-/healthy", get(async || "healthy\n"))
        .route("/-/ready", get(ready))
        .with_state(exporter)
}

async fn index() -> Html<&'static str> {
    Html(
        "<!doctype html><title>Vigie</title><h1>Vigie</h1><ul><li><a href=\"/metrics\">/metrics</a>\
         <li>/probe?probe=NAME<li><a href=\"/-/healthy\">/-/healthy</a><li><a href=\"/-/ready\">/-/ready</a></ul>\n",
    )
}

/// Ready when every probe has been visited once.
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
        .and_then(|()| own(&exporter, &reports, &mut page));
    answer(written.map(|()| page.finish()), format)
}

fn is_shown(due: Timestamp, now: Timestamp) -> bool {
    now.duration_since(due) < SHOWN
}

/// What a client says it can read: `OpenMetrics` only when it is asked for.
fn format(headers: &HeaderMap) -> Format {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("application/openmetrics-text") {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    }
}

fn answer(page: Result<String, WriteError>, format: Format) -> Response {
    match page {
        Ok(page) => ([(CONTENT_TYPE, format.content_type())], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The exporter's own series.
fn own(exporter: &Exporter, reports: &[&Report], page: &mut Writer) -> Result<(), WriteError> {
    let family = |name, kind, help, unit| Family { name, kind, help, unit };
    page.family(family("vigie_build_info", Kind::Gauge, "Version of the exporter, always 1.", ""))?;
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)?;
    page.family(family(
        "vigie_start_time_seconds",
        Kind::Gauge,
        "When the exporter was started, Unix time.",
        "seconds",
    ))?;
    page.sample(&[], exporter.started.as_duration().as_secs_f64())?;
    page.family(family(
        "vigie_last_run_timestamp_seconds",
        Kind::Gauge,
        "When the newest visit of a probe was due, Unix time.",
        "seconds",
    ))?;
    for report in reports {
        page.sample(&[("probe", report.probe.as_str())], report.due.as_duration().as_secs_f64())?;
    }
    let state = exporter.state();
    page.family(family("vigie_runs", Kind::Counter, "Visits by probe and outcome.", ""))?;
    for ((probe, outcome), count) in &state.runs {
        page.sample(&[("probe", probe.as_str()), ("outcome", outcome)], float(*count))?;
    }
    page.family(family(
        "vigie_runs_skipped",
        Kind::Counter,
        "Visits left out because the one before was still going on.",
        "",
    ))?;
    page.sample(&[], float(state.skipped))?;
    page.family(family(
        "vigie_reload_success",
        Kind::Gauge,
        "Whether the probe files could be read at the last reload.",
        "",
    ))?;
    page.sample(&[], if state.reload_failed { 0.0 } else { 1.0 })?;
    drop(state);
    if let Some(queue) = &exporter.queue {
        let counts = queue.counts();
        let counters = [
            ("vigie_remote_write_sent", "Samples that the receiver took.", counts.sent),
            (
                "vigie_remote_write_dropped",
                "Samples that made room for newer ones.",
                counts.dropped,
            ),
            (
                "vigie_remote_write_refused",
                "Samples that were never sent or never taken.",
                counts.refused.values().sum(),
            ),
        ];
        for (name, help, count) in counters {
            page.family(family(name, Kind::Counter, help, ""))?;
            page.sample(&[], float(u64::try_from(count).unwrap_or(u64::MAX)))?;
        }
        page.family(family("vigie_remote_write_queued", Kind::Gauge, "Samples that wait.", ""))?;
        page.sample(&[], float(u64::try_from(counts.queued).unwrap_or(u64::MAX)))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[derive(Debug, Deserialize)]
struct Asked {
    probe: String,
    target: Option<String>,
    #[serde(default)]
    debug: bool,
}

/// One visit now, as `blackbox_exporter` does.
async fn probe(
    State(exporter): State<Arc<Exporter>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let refuse = |status, text: String| (status, text + "\n").into_response();
    let known =
        asked.probe.parse().ok().and_then(|name| exporter.state().probes.get(&name).cloned());
    let Some(known) = known else {
        let message = format!("there is no probe `{}`", visible(&asked.probe, 80));
        return refuse(StatusCode::NOT_FOUND, message);
    };
    let mut probe = Probe::clone(&known);
    if let Some(target) = asked.target.filter(|target| !target.is_empty())
        && let Err((status, message)) = aim(&exporter, &mut probe, &target)
    {
        return refuse(status, message);
    }
    if let Some(limit) = scrape_timeout(&headers) {
        probe.timeout = probe.timeout.min(limit);
    }
    let Ok(_place) = exporter.on_demand.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many visits at once".to_owned());
    };
    let report = exporter.prober.run(&probe, rounded(Timestamp::now()), &mut |_| {}).await;
    if asked.debug {
        return refuse(StatusCode::OK, debug(&report));
    }
    let format = format(&headers);
    answer(prometheus::page(&[&report], format), format)
}

/// Aims a probe at another target: one that some probe file names, or any when that is allowed; and
/// never with the credentials of its own.
fn aim(exporter: &Exporter, probe: &mut Probe, target: &str) -> Result<(), (StatusCode, String)> {
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
        // The target as it is configured, its own credentials included.
        probe.target = configured;
        return Ok(());
    }
    if !exporter.allow_any_target {
        let message = "no probe file names this target; see `--allow-any-target`".to_owned();
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
            "the inputs of this probe hold secrets, which go to its own target alone".to_owned();
        return Err((StatusCode::FORBIDDEN, message));
    }
    Ok(())
}

/// What Prometheus grants a scrape, less a little for the answer's way.
fn scrape_timeout(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 =
        headers.get("x-prometheus-scrape-timeout-seconds")?.to_str().ok()?.parse().ok()?;
    (0.1..=3_600.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64((seconds - 0.5).max(seconds / 2.0)))
}

/// The reasons, then the series.
fn debug(report: &Report) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = pretty::write(report, &mut text);
    let text = String::from_utf8_lossy(&text);
    let series = prometheus::page(&[report], Format::Prometheus).unwrap_or_default();
    format!("{}\n{series}", anstream::adapter::strip_str(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_leaves_the_page_before_prometheus_would_refuse_it() {
        let due: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let shown = |minutes| is_shown(due, due + SignedDuration::from_mins(minutes));
        assert!(shown(0) && shown(49));
        assert!(!shown(50) && !shown(60));
    }
}

//! Records as the data of the pages.

use std::time::Duration;

use domain::maintenance::Maintenance;
use domain::{Outcome, Probe, ProbeName, Report, TargetUrl, Verdict};
use jiff::Timestamp;
use run_record::{Counts, GroupTimes, Histogram, Percentiles, RunGroup, RunRecord, Summary};

use crate::Disclosure;
use crate::model::{Configuration, Latency, Point, RunView, Runs};

/// What the public may see of a probe.
#[must_use]
pub fn disclosure(probe: &Probe) -> Disclosure {
    probe.public
}

/// Rounded down to a multiple of `step` since 1970: an hour or a day of UTC.
pub(super) fn rounded(at: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_secs()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_second(at.as_second().div_euclid(step) * step).unwrap_or(at)
}

/// Such as `0 2 ? * SUN *, 1h, Europe/Paris`.
fn window(of: &Maintenance) -> String {
    let minutes = of.length.as_secs() / 60;
    let length = if minutes.is_multiple_of(60) {
        format!("{}h", minutes / 60)
    } else {
        format!("{minutes}m")
    };
    format!("{}, {length}, {}", of.cron, of.time_zone)
}

/// The path of the report of a run.
#[must_use]
pub fn report_path(probe: &ProbeName, due: Timestamp) -> String {
    format!("/probes/{probe}/runs/{}", due.as_millisecond())
}

pub(super) fn runs(counts: &Counts) -> Runs {
    Runs {
        up: counts.verdict(Verdict::Up),
        degraded: counts.verdict(Verdict::Degraded),
        down: counts.verdict(Verdict::Down),
        errors: counts.run_errors(),
        maintenance: counts.maintenance(),
    }
}

pub(super) fn latency(histogram: &Histogram) -> Latency {
    Latency { p50: histogram.percentile(50), p95: histogram.percentile(95) }
}

/// A point of the charts from the runs of a step.
pub(super) fn group_point(group: &RunGroup) -> Point {
    let GroupTimes { first_chunk, reply, queue, dns, connect, tls, describe } = group.times;
    let latency = |times: Percentiles| Latency { p50: times.p50, p95: times.p95 };
    Point {
        at: group.at,
        runs: runs(&group.counts),
        first_chunk: latency(first_chunk),
        reply: latency(reply),
        queue,
        phases: [dns, connect, tls, describe],
    }
}

/// A point of the charts from the totals of a day: percentiles from histograms, means of the phases.
pub(super) fn day_point((at, totals): &(Timestamp, Summary)) -> Point {
    Point {
        at: *at,
        runs: runs(&totals.counts),
        first_chunk: latency(&totals.first_chunk),
        reply: latency(&totals.reply),
        queue: totals.queue.percentile(50),
        phases: totals.phases().map(|(_, mean)| mean),
    }
}

/// The totals of all days or hours.
pub(super) fn merged(parts: &[(Timestamp, Summary)]) -> Summary {
    parts.iter().fold(Summary::default(), |mut total, (_, part)| {
        total.merge(part);
        total
    })
}

pub(super) fn run_view(probe: &ProbeName, run: &RunRecord) -> RunView {
    RunView {
        due: run.due,
        verdict: run.outcome.verdict(),
        reason: match run.outcome {
            Outcome::Down { reason } => Some(reason.as_str()),
            Outcome::RunError { fault } => Some(fault.as_str()),
            Outcome::Up | Outcome::Degraded => None,
        },
        in_maintenance: run.in_maintenance,
        duration: run.duration,
        first_chunk: run.first_chunk,
        reply: run.reply,
        retries: run.retries,
        report: run.has_report.then(|| report_path(probe, run.due)),
    }
}

/// The address in the probe file, without credentials and query; `None` if a secret is in it.
fn address(probe: &Probe) -> Option<String> {
    let text = probe.target.url.text().ok()?;
    Some(text.parse::<TargetUrl>().ok()?.without_secrets())
}

pub(super) fn configuration(probe: &Probe, report: Option<&Report>) -> Configuration {
    let app = report.and_then(|report| report.last()?.app.as_ref());
    let turn = |turn: &domain::Turn| {
        (turn.say.to_string(), turn.expect.iter().map(ToString::to_string).collect())
    };
    Configuration {
        address: report.and_then(|report| report.url.clone()).or_else(|| address(probe)),
        every: probe.every,
        timeout: probe.timeout,
        retries: probe.retry.attempts,
        first_chunk_objective: probe.objectives.first_chunk,
        reply_objective: probe.objectives.reply,
        down_rule: probe.alarm.down.to_string(),
        degraded_rule: probe.alarm.degraded.to_string(),
        maintenance: probe.maintenance.iter().map(window).collect(),
        labels: probe.labels.clone().into_iter().collect(),
        runbook: probe.runbook.clone(),
        conversation: probe.conversation.iter().map(turn).collect(),
        app: app.map(|app| format!("Gradio {}, {} {}", app.gradio, app.protocol, app.endpoint)),
    }
}

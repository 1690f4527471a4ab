//! Records as the data of the pages.

use std::time::Duration;

use domain::maintenance::Maintenance;
use domain::{Outcome, Probe, ProbeName, Report, TargetUrl, Verdict};
use jiff::Timestamp;
use run_record::{Counts, Histogram, RunRecord, Summary};

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

/// Groups runs by `step`. Percentiles are measured values, not estimates from a histogram.
pub(super) fn points(records: &[RunRecord], step: Duration) -> Vec<Point> {
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    let group = |run: &RunRecord| run.due.as_millisecond().div_euclid(step);
    let groups = records.chunk_by(|a, b| group(a) == group(b));
    groups.filter_map(|runs| Some(point(runs.first()?.due, runs))).collect()
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

fn point(at: Timestamp, records: &[RunRecord]) -> Point {
    let times = |value: fn(&RunRecord) -> Option<Duration>| {
        let counted = records.iter().filter(|run| !run.in_maintenance);
        Times(counted.filter_map(value).collect())
    };
    let median = |value| times(value).percentile(50);
    Point {
        at,
        runs: runs(&Counts::of(records)),
        first_chunk: times(|run| run.first_chunk).latency(),
        reply: times(|run| run.reply).latency(),
        queue: median(|run| run.queue),
        phases: [
            median(|run| run.dns),
            median(|run| run.connect),
            median(|run| run.tls),
            median(|run| run.describe),
        ],
    }
}

/// Measured times, in no order.
struct Times(Vec<Duration>);

impl Times {
    /// The nearest rank, without sorting all: a page of 90 days has 900,000 times.
    fn percentile(&mut self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        (rank <= self.0.len()).then(|| *self.0.select_nth_unstable(rank - 1).1)
    }

    fn latency(mut self) -> Latency {
        Latency { p50: self.percentile(50), p95: self.percentile(95) }
    }
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

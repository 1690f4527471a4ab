//! Reads the history into the data of the pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::maintenance::{Maintenance, is_maintenance};
use domain::{AvailabilityObjective, Outcome, Probe, ProbeName, Report, Verdict};
use history::{HistoryError, Incident, IncidentId, IncidentKind, Reader, RunRecord, Summary};
use jiff::Timestamp;
use status_page::model::{
    Configuration, IncidentPage, IncidentView, Latency, Overview, Point, ProbePage, ProbeSummary,
    Range, RunView, Runs, Slot, StateCounts,
};
use status_page::{Disclosure, State};

/// Probes on one page of the overview.
const PROBES_PER_PAGE: usize = 50;
/// Days with a bar.
const DAYS: u64 = 90;
/// Runs in the list of a probe.
const LAST_RUNS: usize = 50;
/// Incidents on a page.
const INCIDENTS: usize = 50;
/// The overview shows incidents that ended within this time.
const RECENT: Duration = Duration::from_secs(14 * 86_400);
/// A probe has no data after this many intervals without a verdict.
const NO_DATA_AFTER: u32 = 3;

const HOUR: Duration = Duration::from_secs(3_600);

/// Everything that the pages are made from.
pub(crate) struct Views<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) probes: &'a BTreeMap<ProbeName, Arc<Probe>>,
    /// The newest report of each probe.
    pub(crate) latest: &'a BTreeMap<ProbeName, Arc<Report>>,
    pub(crate) now: Timestamp,
}

impl Views<'_> {
    /// The overview, the worst probes first. Pages count from 1.
    pub(crate) fn overview(&self, page: usize) -> Result<Overview, HistoryError> {
        let mut counts = StateCounts::default();
        let mut order = Vec::new();
        for (name, probe) in self.probes {
            let (state, _) = self.state(probe)?;
            counts.add(state);
            order.push((state, name, probe));
        }
        order.sort_by_key(|(state, name, _)| (*state, *name));
        let pages = order.len().div_ceil(PROBES_PER_PAGE).max(1);
        let page = page.clamp(1, pages);
        let shown = order.iter().skip((page - 1) * PROBES_PER_PAGE).take(PROBES_PER_PAGE);
        let probes = shown.map(|(_, _, probe)| self.summary(probe)).collect::<Result<_, _>>()?;
        let oldest = self.before(RECENT);
        let mut incidents = self.incidents(None)?;
        incidents.retain(|incident| incident.ended.is_none_or(|ended| oldest <= ended));
        Ok(Overview { probes, counts, page, pages, incidents })
    }

    /// The newest incidents of the configured probes, or of one.
    pub(crate) fn incidents(
        &self,
        probe: Option<&ProbeName>,
    ) -> Result<Vec<IncidentView>, HistoryError> {
        let incidents = self.reader.incidents(probe, INCIDENTS)?;
        let known = |incident: &Incident| self.probes.contains_key(&incident.what.probe);
        Ok(incidents.into_iter().filter(known).map(|one| self.incident_view(one)).collect())
    }

    /// The page of an incident.
    pub(crate) fn incident(&self, id: IncidentId) -> Result<Option<IncidentPage>, HistoryError> {
        let Some(incident) = self.reader.incident(id)? else { return Ok(None) };
        let Some(probe) = self.probes.get(&incident.what.probe) else { return Ok(None) };
        let mut view = self.incident_view(incident);
        let end = view.ended.unwrap_or(self.now);
        let during = self.reader.runs(&probe.name, view.began, end)?;
        // The run at the end is the first good one.
        let during = during.iter().filter(|run| run.due < end || view.ended.is_none());
        view.runs = runs(&Summary::of(during));
        let from = view.began.saturating_sub(probe.every * 5).unwrap_or(view.began);
        let until = end.saturating_add(probe.every * 5).unwrap_or(end);
        let around = self.reader.runs(&probe.name, from, until)?;
        let list = around.iter().rev().take(2 * LAST_RUNS).map(|run| run_view(&probe.name, run));
        Ok(Some(IncidentPage { runs: list.collect(), incident: view }))
    }

    /// The page of a probe; `None` if there is no such probe.
    pub(crate) fn probe(
        &self,
        name: &ProbeName,
        range: Range,
    ) -> Result<Option<ProbePage>, HistoryError> {
        let Some(probe) = self.probes.get(name) else { return Ok(None) };
        let since = self.before(HOUR * u32::try_from(range.hours()).unwrap_or(u32::MAX));
        let records = self.reader.runs(name, since, self.now)?;
        let step = match range.step_hours() {
            0 => probe.every.max(Duration::from_secs(60)),
            hours => HOUR * u32::try_from(hours).unwrap_or(1),
        };
        let last = self.reader.last_runs(name, LAST_RUNS)?;
        let report = self.latest.get(name);
        let attempt = report.and_then(|report| report.last());
        Ok(Some(ProbePage {
            summary: self.summary(probe)?,
            range,
            points: points(&records, step),
            reasons: Summary::of(&records).reasons(),
            runs: last.iter().map(|run| run_view(name, run)).collect(),
            incidents: self.incidents(Some(name))?,
            certificate_expires: attempt.and_then(|attempt| attempt.certificate_expires),
            configuration: configuration(probe, report.map(|report| &**report)),
        }))
    }

    /// A probe on the overview.
    pub(crate) fn summary(&self, probe: &Probe) -> Result<ProbeSummary, HistoryError> {
        let (name, now) = (&probe.name, self.now);
        let period = |days: u32| self.reader.summary(name, self.before(HOUR * 24 * days), now);
        let last_24_hours = period(1)?;
        let hours = self.reader.hours(name, self.before(HOUR * 23), now)?;
        let (state, since) = self.state(probe)?;
        Ok(ProbeSummary {
            name: name.clone(),
            public: disclosure(probe),
            state,
            since,
            in_maintenance: is_maintenance(&probe.maintenance, now),
            last_7_days: runs(&period(7)?),
            last_30_days: runs(&period(30)?),
            last_90_days: runs(&period(90)?),
            objective: probe.objective.map(AvailabilityObjective::percent),
            days: self.days(name)?,
            first_chunk: latency(&last_24_hours.first_chunk),
            first_chunk_hours: self.each_hour(&hours),
            last_24_hours: runs(&last_24_hours),
        })
    }

    /// The state of a probe and since when.
    fn state(&self, probe: &Probe) -> Result<(State, Option<Timestamp>), HistoryError> {
        let count = usize::try_from(NO_DATA_AFTER).unwrap_or(1);
        let last = self.reader.last_runs(&probe.name, count)?;
        let judged = last.iter().find_map(|run| Some((run.outcome.verdict()?, run.due)));
        let fresh = self.before(probe.every * NO_DATA_AFTER + probe.timeout);
        match judged {
            Some((verdict, due)) if fresh <= due => {
                Ok((verdict.into(), self.reader.since(&probe.name, verdict)?))
            }
            Some((_, due)) => Ok((State::NoData, Some(due))),
            None => Ok((State::NoData, last.last().map(|run| run.due))),
        }
    }

    /// One slot for each of the last days, also without runs.
    fn days(&self, name: &ProbeName) -> Result<Vec<Slot>, HistoryError> {
        let first = self.before(HOUR * 24 * u32::try_from(DAYS - 1).unwrap_or(0));
        let stored: BTreeMap<Timestamp, Summary> =
            self.reader.days(name, first, self.now)?.into_iter().collect();
        let start = rounded(first, HOUR * 24);
        let day = |index: u64| {
            let start = start.checked_add(HOUR * 24 * u32::try_from(index).ok()?).ok()?;
            Some(Slot { start, runs: stored.get(&start).map(runs).unwrap_or_default() })
        };
        Ok((0..DAYS).filter_map(day).collect())
    }

    /// The median first chunk of each of the last 24 hours.
    fn each_hour(&self, hours: &[(Timestamp, Summary)]) -> Vec<Option<Duration>> {
        let start = rounded(self.before(HOUR * 23), HOUR);
        let median = |index: u32| {
            let at = start.checked_add(HOUR * index).ok()?;
            let (_, summary) = hours.iter().find(|(hour, _)| *hour == at)?;
            summary.first_chunk.percentile(50)
        };
        (0..24).map(median).collect()
    }

    fn incident_view(&self, incident: Incident) -> IncidentView {
        let Incident { id, what, ended, acknowledged } = incident;
        let (acknowledged_by, acknowledged_at) = acknowledged.map(|one| (one.by, one.at)).unzip();
        IncidentView {
            number: id.0,
            public: self.probes.get(&what.probe).map(|probe| disclosure(probe)).unwrap_or_default(),
            state: match what.kind {
                IncidentKind::Down => State::Down,
                IncidentKind::Degraded => State::Degraded,
            },
            began: what.began,
            ended,
            reason: what.reason,
            detail: what.detail,
            turn: what.turn,
            expected: what.expected,
            found: what.found,
            acknowledged_by,
            acknowledged_at,
            runs: Runs::default(),
            report: what.report_due.map(|due| report_path(&what.probe, due)),
            probe: what.probe,
        }
    }

    fn before(&self, time: Duration) -> Timestamp {
        self.now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// What the public may see of a probe.
pub(crate) fn disclosure(_probe: &Probe) -> Disclosure {
    Disclosure::default()
}

/// Rounded down to a multiple of `step` since 1970: an hour or a day of UTC.
fn rounded(at: Timestamp, step: Duration) -> Timestamp {
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

fn report_path(probe: &ProbeName, due: Timestamp) -> String {
    format!("/probes/{probe}/runs/{}", due.as_millisecond())
}

fn runs(summary: &Summary) -> Runs {
    Runs {
        up: summary.verdict(Verdict::Up),
        degraded: summary.verdict(Verdict::Degraded),
        down: summary.verdict(Verdict::Down),
        errors: summary.run_errors(),
        maintenance: summary.maintenance(),
    }
}

fn latency(histogram: &history::Histogram) -> Latency {
    Latency { p50: histogram.percentile(50), p95: histogram.percentile(95) }
}

/// Groups runs by `step`. Percentiles are measured values, not estimates from a histogram.
fn points(records: &[RunRecord], step: Duration) -> Vec<Point> {
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    let group = |run: &RunRecord| run.due.as_millisecond().div_euclid(step);
    let groups = records.chunk_by(|a, b| group(a) == group(b));
    groups.filter_map(|runs| Some(point(runs.first()?.due, runs))).collect()
}

fn point(at: Timestamp, records: &[RunRecord]) -> Point {
    let sorted = |value: fn(&RunRecord) -> Option<Duration>| {
        let counted = records.iter().filter(|run| !run.in_maintenance);
        let mut values: Vec<Duration> = counted.filter_map(value).collect();
        values.sort_unstable();
        values
    };
    let rank = |values: &[Duration], percent: usize| {
        let rank = (values.len() * percent).div_ceil(100).max(1);
        values.get(rank - 1).copied()
    };
    let both = |values: Vec<Duration>| Latency { p50: rank(&values, 50), p95: rank(&values, 95) };
    let median = |value| rank(&sorted(value), 50);
    Point {
        at,
        runs: runs(&Summary::of(records)),
        first_chunk: both(sorted(|run| run.first_chunk)),
        reply: both(sorted(|run| run.reply)),
        queue: median(|run| run.queue),
        phases: [
            median(|run| run.dns),
            median(|run| run.connect),
            median(|run| run.tls),
            median(|run| run.describe),
        ],
    }
}

fn run_view(probe: &ProbeName, run: &RunRecord) -> RunView {
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

fn configuration(probe: &Probe, report: Option<&Report>) -> Configuration {
    let app = report.and_then(|report| report.last()?.app.as_ref());
    let turn = |turn: &domain::Turn| {
        (turn.say.to_string(), turn.expect.iter().map(ToString::to_string).collect())
    };
    Configuration {
        address: report.and_then(|report| report.url.clone()),
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

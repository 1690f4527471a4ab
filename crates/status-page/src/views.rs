//! Makes the data of the pages from the history of runs.

mod convert;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::maintenance::is_maintenance;
use domain::{AvailabilityObjective, LocationName, Probe, ProbeName, Report, Verdict};
use jiff::Timestamp;
use run_record::{
    Counts, Incident, IncidentId, IncidentKind, LocatedRun, RunRecord, RunSource, Summary,
};

use crate::State;
use crate::model::{
    IncidentPage, IncidentView, LocationRow, Overview, ProbePage, ProbeSummary, Range, Runs, Slot,
    StateCounts,
};

use convert::{configuration, day_point, group_point, latency, merged, rounded, run_view, runs};
pub use convert::{disclosure, report_path};

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

/// The verdict and due time of the first of `runs` that has a verdict.
pub fn last_judged<'a>(
    mut runs: impl Iterator<Item = &'a RunRecord>,
) -> Option<(Verdict, Timestamp)> {
    runs.find_map(|run| Some((run.outcome.verdict()?, run.due)))
}

/// Whether a run that was due at `due` still says how the probe is.
#[must_use]
pub fn is_fresh(probe: &Probe, due: Timestamp, now: Timestamp) -> bool {
    let kept = probe.every * NO_DATA_AFTER + probe.timeout;
    now.checked_sub(kept).is_ok_and(|oldest| oldest <= due)
}

/// Each location of a probe in the last 24 hours; empty unless there are several. `found` must be in the order of the due
/// times.
#[must_use]
pub fn locations(probe: &Probe, found: &[LocatedRun], now: Timestamp) -> Vec<LocationRow> {
    let since = now.checked_sub(HOUR * 24).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut by_name: BTreeMap<&LocationName, Vec<&RunRecord>> = BTreeMap::new();
    for run in found.iter().filter(|run| since <= run.record.due) {
        if let Some(name) = &run.location {
            by_name.entry(name).or_default().push(&run.record);
        }
    }
    if by_name.len() < 2 {
        return Vec::new();
    }
    let row = |(name, records): (&LocationName, Vec<&RunRecord>)| {
        let last = last_judged(records.iter().rev().copied());
        let fresh = last.filter(|(_, due)| is_fresh(probe, *due, now));
        let totals = Summary::of(records);
        LocationRow {
            name: name.clone(),
            state: fresh.map_or(State::NoData, |(verdict, _)| verdict.into()),
            last: last.map(|(_, due)| due),
            runs: runs(&totals.counts),
            first_chunk: latency(&totals.first_chunk),
        }
    };
    by_name.into_iter().map(row).collect()
}

/// Incidents that are open or ended within the last days.
fn recent(mut incidents: Vec<IncidentView>, now: Timestamp) -> Vec<IncidentView> {
    let oldest = now.checked_sub(RECENT).unwrap_or(Timestamp::UNIX_EPOCH);
    incidents.retain(|incident| incident.ended.is_none_or(|ended| oldest <= ended));
    incidents
}

/// Every page of the overview, from summaries and incidents.
#[must_use]
pub fn overviews(
    mut probes: Vec<ProbeSummary>,
    incidents: Vec<IncidentView>,
    now: Timestamp,
) -> Vec<Overview> {
    let mut counts = StateCounts::default();
    for probe in &probes {
        counts.add(probe.state);
    }
    probes.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
    let incidents = recent(incidents, now);
    let pages = probes.len().div_ceil(PROBES_PER_PAGE).max(1);
    let page = |page: usize| Overview {
        probes: probes.iter().skip(page * PROBES_PER_PAGE).take(PROBES_PER_PAGE).cloned().collect(),
        counts,
        page: page + 1,
        pages,
        incidents: incidents.clone(),
    };
    (0..pages).map(page).collect()
}

/// Everything that the pages are made from.
pub struct Views<'a, S> {
    pub source: &'a S,
    pub probes: &'a BTreeMap<ProbeName, Arc<Probe>>,
    /// The newest report of each probe.
    pub latest: &'a BTreeMap<ProbeName, Arc<Report>>,
    pub now: Timestamp,
}

impl<S: RunSource> Views<'_, S> {
    /// The overview, the worst probes first. Pages count from 1.
    pub fn overview(&self, page: usize) -> Result<Overview, S::Error> {
        let mut counts = StateCounts::default();
        let mut order = Vec::new();
        for (name, probe) in self.probes {
            let state = self.last_state(probe)?;
            counts.add(state);
            order.push((state, name, probe));
        }
        order.sort_by_key(|(state, name, _)| (*state, *name));
        let pages = order.len().div_ceil(PROBES_PER_PAGE).max(1);
        let page = page.clamp(1, pages);
        let shown = order.iter().skip((page - 1) * PROBES_PER_PAGE).take(PROBES_PER_PAGE);
        let probes = shown.map(|(_, _, probe)| self.summary(probe)).collect::<Result<_, _>>()?;
        let incidents = recent(self.incidents(None)?, self.now);
        Ok(Overview { probes, counts, page, pages, incidents })
    }

    /// The newest incidents of the configured probes, or of one.
    pub fn incidents(&self, probe: Option<&ProbeName>) -> Result<Vec<IncidentView>, S::Error> {
        let incidents = self.source.incidents(probe, INCIDENTS)?;
        let known = |incident: &Incident| self.probes.contains_key(&incident.what.probe);
        Ok(incidents.into_iter().filter(known).map(|one| self.incident_view(one)).collect())
    }

    /// The page of an incident.
    pub fn incident(&self, id: IncidentId) -> Result<Option<IncidentPage>, S::Error> {
        let Some(incident) = self.source.incident(id)? else { return Ok(None) };
        let Some(probe) = self.probes.get(&incident.what.probe) else { return Ok(None) };
        let mut view = self.incident_view(incident);
        let end = view.ended.unwrap_or(self.now);
        let during = self.source.runs(&probe.name, view.began, end)?;
        // The run at the end is the first good one.
        let during = during.iter().filter(|run| run.due < end || view.ended.is_none());
        view.runs = runs(&Counts::of(during));
        let from = view.began.saturating_sub(probe.every * 5).unwrap_or(view.began);
        let until = end.saturating_add(probe.every * 5).unwrap_or(end);
        let around = self.source.runs(&probe.name, from, until)?;
        let list = around.iter().rev().take(2 * LAST_RUNS).map(|run| run_view(&probe.name, run));
        Ok(Some(IncidentPage { runs: list.collect(), incident: view }))
    }

    /// The page of a probe; `None` if there is no such probe.
    pub fn probe(&self, name: &ProbeName, range: Range) -> Result<Option<ProbePage>, S::Error> {
        let Some(probe) = self.probes.get(name) else { return Ok(None) };
        let since = self.before(HOUR * u32::try_from(range.hours()).unwrap_or(u32::MAX));
        let step = match range.step_hours() {
            0 => probe.every.max(Duration::from_secs(60)),
            hours => HOUR * u32::try_from(hours).unwrap_or(1),
        };
        let (points, counts) = if self.source.has_runs_since(since) {
            let groups = self.source.groups(name, since, self.now, step)?;
            let mut counts = Counts::default();
            for group in &groups {
                counts.merge(&group.counts);
            }
            (groups.iter().map(group_point).collect(), counts)
        } else {
            let days = self.source.days(name, since, self.now)?;
            (days.iter().map(day_point).collect(), merged(&days).counts)
        };
        let last = self.source.last_runs(name, LAST_RUNS)?;
        let report = self.latest.get(name);
        let attempt = report.and_then(|report| report.last());
        Ok(Some(ProbePage {
            summary: self.summary(probe)?,
            locations: Vec::new(),
            range,
            points,
            reasons: counts.reasons(),
            runs: last.iter().map(|run| run_view(name, run)).collect(),
            incidents: self.incidents(Some(name))?,
            certificate_expires: attempt.and_then(|attempt| attempt.certificate_expires),
            configuration: configuration(probe, report.map(|report| &**report)),
        }))
    }

    /// A probe on the overview.
    pub fn summary(&self, probe: &Probe) -> Result<ProbeSummary, S::Error> {
        let (name, now) = (&probe.name, self.now);
        let since = [7, 30, 90].map(|days| self.before(HOUR * 24 * days));
        let [last_7_days, last_30_days, last_90_days] =
            self.source.counts(name, since, now)?.map(|counts| runs(&counts));
        let hours = self.source.hours(name, self.before(HOUR * 24), now)?;
        let last_24_hours = merged(&hours);
        let (state, since) = self.state(probe)?;
        Ok(ProbeSummary {
            name: name.clone(),
            public: disclosure(probe),
            state,
            since,
            in_maintenance: is_maintenance(&probe.maintenance, now),
            last_7_days,
            last_30_days,
            last_90_days,
            objective: probe.objective.map(AvailabilityObjective::percent),
            days: self.days(name)?,
            first_chunk: latency(&last_24_hours.first_chunk),
            first_chunk_hours: self.each_hour(&hours),
            last_24_hours: runs(&last_24_hours.counts),
        })
    }

    /// The state of a probe and since when.
    fn state(&self, probe: &Probe) -> Result<(State, Option<Timestamp>), S::Error> {
        let (state, due) = self.stored_state(probe)?;
        let verdict = match state {
            State::Up => Verdict::Up,
            State::Degraded => Verdict::Degraded,
            State::Down => Verdict::Down,
            State::NoData => return Ok((state, due)),
        };
        Ok((state, self.source.since(&probe.name, verdict)?))
    }

    /// The state of a probe for the order of the overview: that of the newest report, or else the stored one. The store
    /// is not read for a thousand probes on each request.
    fn last_state(&self, probe: &Probe) -> Result<State, S::Error> {
        if let Some(report) = self.latest.get(&probe.name)
            && let Some(verdict) = report.outcome.verdict()
            && is_fresh(probe, report.due, self.now)
        {
            return Ok(verdict.into());
        }
        Ok(self.stored_state(probe)?.0)
    }

    /// The state by the last stored runs, and the run that it comes from.
    fn stored_state(&self, probe: &Probe) -> Result<(State, Option<Timestamp>), S::Error> {
        let count = usize::try_from(NO_DATA_AFTER).unwrap_or(1);
        let last = self.source.last_runs(&probe.name, count)?;
        Ok(match last_judged(last.iter()) {
            Some((verdict, due)) if is_fresh(probe, due, self.now) => (verdict.into(), Some(due)),
            Some((_, due)) => (State::NoData, Some(due)),
            None => (State::NoData, last.last().map(|run| run.due)),
        })
    }

    /// One slot for each of the last days, also without runs.
    fn days(&self, name: &ProbeName) -> Result<Vec<Slot>, S::Error> {
        let first = self.before(HOUR * 24 * u32::try_from(DAYS - 1).unwrap_or(0));
        let stored: BTreeMap<Timestamp, Counts> =
            self.source.day_counts(name, first, self.now)?.into_iter().collect();
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

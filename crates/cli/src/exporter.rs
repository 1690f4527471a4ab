//! The engine of `vigie serve`: rounds of visits, and what HTTP shows of them.

mod pages;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::Queue;
use domain::metrics;
use domain::schedule::{minute_after, plan};
use domain::{Probe, ProbeName, Report};
use jiff::Timestamp;
use samples::Entry;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::local_prober::LocalProber;

pub(crate) use pages::router;

/// So long before it begins a minute is planned: what is due in its first second would be past otherwise.
const AHEAD: Duration = Duration::from_secs(1);

/// Visits that `/probe` may make at once.
const ON_DEMAND: usize = 10;

/// What is known and what is going on.
pub(crate) struct Exporter {
    prober: LocalProber,
    state: Mutex<State>,
    queue: Option<Queue>,
    allow_any_target: bool,
    on_demand: Semaphore,
    started: Timestamp,
    /// Told when there are other probes.
    changed: Notify,
}

#[derive(Default)]
struct State {
    probes: BTreeMap<ProbeName, Arc<Probe>>,
    latest: BTreeMap<ProbeName, Arc<Report>>,
    /// Visits by probe and outcome, since the start.
    runs: BTreeMap<(ProbeName, &'static str), u64>,
    /// Visits that were left out, since the one before was still going on.
    skipped: u64,
    busy: HashSet<ProbeName>,
    reload_failed: bool,
}

impl Exporter {
    pub(crate) fn new(
        prober: LocalProber,
        probes: Vec<Probe>,
        queue: Option<Queue>,
        allow_any_target: bool,
    ) -> Self {
        let state = State { probes: by_name(probes), ..State::default() };
        Self {
            prober,
            state: Mutex::new(state),
            queue,
            allow_any_target,
            on_demand: Semaphore::new(ON_DEMAND),
            started: Timestamp::now(),
            changed: Notify::new(),
        }
    }

    /// A panic elsewhere leaves nothing half done here: each change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over other probes, or notes that they could not be read.
    pub(crate) fn reload(&self, probes: Option<Vec<Probe>>) {
        let mut state = self.state();
        state.reload_failed = probes.is_none();
        if let Some(probes) = probes {
            state.probes = by_name(probes);
            let State { probes, latest, runs, .. } = &mut *state;
            latest.retain(|name, _| probes.contains_key(name));
            runs.retain(|(name, _), _| probes.contains_key(name));
        }
        self.changed.notify_one();
    }

    /// Makes a visit that is due, unless the one before is still going on.
    async fn visit(&self, name: ProbeName, due: Timestamp) {
        let probe = {
            let mut state = self.state();
            let Some(probe) = state.probes.get(&name).cloned() else { return };
            if !state.busy.insert(name.clone()) {
                state.skipped += 1;
                return;
            }
            probe
        };
        let report = self.prober.run(&probe, due, &mut |_| {}).await;
        self.forward(&report);
        let (outcome, run) = (report.outcome.as_str(), report.run.clone());
        let duration_seconds = report.duration.as_secs_f64();
        {
            let mut state = self.state();
            state.busy.remove(&name);
            // A probe that a reload took away leaves nothing behind.
            if state.probes.contains_key(&name) {
                *state.runs.entry((name.clone(), outcome)).or_default() += 1;
                state.latest.insert(name.clone(), Arc::new(report));
            }
        }
        // Told last: who reads it finds the result on the page.
        info!(probe = %name, %run, outcome, duration_seconds, "visited");
    }

    fn forward(&self, report: &Report) {
        let Some(queue) = &self.queue else { return };
        let at = samples::Timestamp::from_millis(report.due.as_millisecond());
        let mut entries = Vec::new();
        for value in metrics::for_prometheus(report) {
            let labels = value.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            match Entry::of(value.name, labels, value.value, at) {
                Ok(entry) => entries.push(entry),
                Err(invalid) => warn!(series = value.name, %invalid, "a series is left out"),
            }
        }
        queue.push(entries);
    }
}

fn by_name(probes: Vec<Probe>) -> BTreeMap<ProbeName, Arc<Probe>> {
    probes.into_iter().map(|probe| (probe.name.clone(), Arc::new(probe))).collect()
}

/// Visits every probe once, then each on its interval, until told to stop; visits that are going on
/// by then are not waited for, since a probe may take minutes.
pub(crate) async fn rounds(exporter: Arc<Exporter>, mut stopped: watch::Receiver<bool>) {
    let mut visits = JoinSet::new();
    exporter.first_visits(&mut visits);
    // The minute that is going on counts too: its later part is still to come.
    let mut minute = minute_after(Timestamp::now());
    minute = minute.saturating_sub(Duration::from_secs(60)).unwrap_or(minute);
    loop {
        exporter.plan_minute(minute, &mut visits);
        minute = minute.saturating_add(Duration::from_secs(60)).unwrap_or(minute);
        let mut over = std::pin::pin!(tokio::time::sleep(until_planned(minute, Timestamp::now())));
        loop {
            tokio::select! {
                () = &mut over => break,
                () = exporter.changed.notified() => exporter.first_visits(&mut visits),
                _ = stopped.wait_for(|stop| *stop) => return,
            }
        }
        // What is over is forgotten.
        while visits.try_join_next().is_some() {}
    }
}

/// How long to wait before this minute is planned.
fn until_planned(minute: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(minute.duration_since(now)).unwrap_or_default().saturating_sub(AHEAD)
}

impl Exporter {
    /// Visits at once what has no result yet, so that nobody waits an hour for a probe of one hour.
    fn first_visits(self: &Arc<Self>, visits: &mut JoinSet<()>) {
        let due = rounded(Timestamp::now());
        let names: Vec<ProbeName> = {
            let state = self.state();
            let new = |name: &&ProbeName| {
                !state.latest.contains_key(*name) && !state.busy.contains(*name)
            };
            state.probes.keys().filter(new).cloned().collect()
        };
        for name in names {
            let exporter = Arc::clone(self);
            visits.spawn(async move { exporter.visit(name, due).await });
        }
    }

    /// Starts what is due from now to the end of the minute, each visit in its time.
    fn plan_minute(self: &Arc<Self>, minute: Timestamp, visits: &mut JoinSet<()>) {
        let probes: Vec<Probe> =
            self.state().probes.values().map(|probe| Probe::clone(probe)).collect();
        for request in plan(&probes, self.prober.environment(), minute) {
            let wait = request.due.duration_since(Timestamp::now());
            let Ok(wait) = Duration::try_from(wait) else { continue };
            for run in request.runs {
                let (exporter, name, due) = (Arc::clone(self), run.probe.name.clone(), request.due);
                visits.spawn(async move {
                    tokio::time::sleep(wait).await;
                    exporter.visit(name, due).await;
                });
            }
        }
    }
}

/// To the millisecond, which is what samples and reports tell.
fn rounded(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_planned_before_what_is_due_at_its_beginning() {
        let minute: Timestamp = "2026-11-25T12:01:00Z".parse().unwrap();
        let before = |millis: u64| until_planned(minute, minute - Duration::from_millis(millis));
        assert_eq!(before(60_000), Duration::from_secs(59));
        assert_eq!(before(1_000), Duration::ZERO);
        // Started within that second, or held up: at once.
        assert_eq!(before(10), Duration::ZERO);
        assert_eq!(until_planned(minute, minute + Duration::from_secs(5)), Duration::ZERO);
    }
}

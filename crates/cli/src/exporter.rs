//! The scheduler of `vigie serve` and the state that its HTTP pages show.

mod pages;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::metrics;
use domain::schedule::{minute_after, plan};
use domain::{Probe, ProbeName, Report};
use jiff::Timestamp;
use notify::Acknowledgement;
use samples::Entry;
use scrape_engine::Queue;
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::local_prober::LocalProber;
use crate::recorder::{Message, Recorder};

pub(crate) use pages::router;

/// How long before its start a minute is planned, so that runs due in its first second are not missed.
const PLAN_AHEAD: Duration = Duration::from_secs(1);

/// Number of concurrent runs for `/probe`.
const MAX_ON_DEMAND: usize = 10;

/// Probes, their latest results, and what is needed to run them.
pub(crate) struct Exporter {
    prober: LocalProber,
    state: Mutex<State>,
    queue: Option<Queue>,
    recorder: Recorder,
    allow_any_target: bool,
    on_demand: Semaphore,
    started: Timestamp,
    /// Notified when a reload changes the probes.
    changed: Notify,
}

#[derive(Default)]
struct State {
    probes: BTreeMap<ProbeName, Arc<Probe>>,
    latest: BTreeMap<ProbeName, Arc<Report>>,
    /// Number of runs by probe and outcome, since the start.
    runs: BTreeMap<(ProbeName, &'static str), u64>,
    /// Number of runs skipped because the previous run had not ended.
    skipped: u64,
    running: HashSet<ProbeName>,
    reload_failed: bool,
}

impl Exporter {
    pub(crate) fn new(
        prober: LocalProber,
        probes: Vec<Probe>,
        queue: Option<Queue>,
        recorder: Recorder,
        allow_any_target: bool,
    ) -> Self {
        let state = State { probes: by_name(probes), ..State::default() };
        Self {
            prober,
            state: Mutex::new(state),
            queue,
            recorder,
            allow_any_target,
            on_demand: Semaphore::new(MAX_ON_DEMAND),
            started: Timestamp::now(),
            changed: Notify::new(),
        }
    }

    /// A poisoned lock is used, since each change of the state is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The probes that run.
    pub(crate) fn probes(&self) -> BTreeMap<ProbeName, Arc<Probe>> {
        self.state().probes.clone()
    }

    /// Acknowledges the open incidents of a probe; their number, `None` if the recorder is too busy.
    pub(crate) async fn acknowledge(
        &self,
        probe: &ProbeName,
        by: Acknowledgement,
    ) -> Option<usize> {
        let (sender, count) = oneshot::channel();
        self.recorder.send(Message::Acknowledge(probe.clone(), by, sender));
        count.await.ok()
    }

    /// The newest report of each probe.
    pub(crate) fn latest(&self) -> BTreeMap<ProbeName, Arc<Report>> {
        self.state().latest.clone()
    }

    /// Replaces the probes. `None` records that the files could not be read.
    pub(crate) fn reload(&self, probes: Option<Vec<Probe>>) {
        let mut state = self.state();
        state.reload_failed = probes.is_none();
        if let Some(probes) = probes {
            self.recorder.send(Message::Probes(probes.clone()));
            state.probes = by_name(probes);
            let State { probes, latest, runs, .. } = &mut *state;
            latest.retain(|name, _| probes.contains_key(name));
            runs.retain(|(name, _), _| probes.contains_key(name));
        }
        self.changed.notify_one();
    }

    /// Makes a run that is due, unless the previous run of the probe has not ended.
    async fn run(&self, name: ProbeName, due: Timestamp) {
        let probe = {
            let mut state = self.state();
            let Some(probe) = state.probes.get(&name).cloned() else { return };
            if !state.running.insert(name.clone()) {
                state.skipped += 1;
                return;
            }
            probe
        };
        let report = self.prober.run(&probe, due, &mut |_| {}).await;
        self.forward(&report);
        let report = Arc::new(report);
        self.recorder.send(Message::Run(Arc::clone(&report)));
        let (outcome, run) = (report.outcome.as_str(), report.run.clone());
        let duration_seconds = report.duration.as_secs_f64();
        {
            let mut state = self.state();
            state.running.remove(&name);
            // A reload may have removed the probe.
            if state.probes.contains_key(&name) {
                *state.runs.entry((name.clone(), outcome)).or_default() += 1;
                state.latest.insert(name.clone(), report);
            }
        }
        // Logged last, so that the result is on the page when the log event appears.
        info!(probe = %name, %run, outcome, duration_seconds, "Run finished");
    }

    fn forward(&self, report: &Report) {
        let Some(queue) = &self.queue else { return };
        let at = samples::Timestamp::from_millis(report.due.as_millisecond());
        let mut entries = Vec::new();
        for value in metrics::for_prometheus(report) {
            let labels = value.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            match Entry::of(value.name, labels, value.value, at) {
                Ok(entry) => entries.push(entry),
                Err(invalid) => {
                    warn!(series = value.name, %invalid, "Series has an invalid name or label and is omitted");
                }
            }
        }
        queue.push(entries);
    }
}

fn by_name(probes: Vec<Probe>) -> BTreeMap<ProbeName, Arc<Probe>> {
    probes.into_iter().map(|probe| (probe.name.clone(), Arc::new(probe))).collect()
}

/// Runs every probe once, then each on its interval, until `stopped`. It does not wait for runs in
/// progress, since a run may take minutes.
pub(crate) async fn schedule(exporter: Arc<Exporter>, mut stopped: watch::Receiver<bool>) {
    let mut runs = JoinSet::new();
    exporter.first_runs(&mut runs);
    // The rest of the current minute is planned too.
    let mut minute = minute_after(Timestamp::now());
    minute = minute.saturating_sub(Duration::from_secs(60)).unwrap_or(minute);
    loop {
        exporter.plan_minute(minute, &mut runs);
        minute = minute.saturating_add(Duration::from_secs(60)).unwrap_or(minute);
        let mut over = std::pin::pin!(tokio::time::sleep(until_planned(minute, Timestamp::now())));
        loop {
            tokio::select! {
                () = &mut over => break,
                () = exporter.changed.notified() => exporter.first_runs(&mut runs),
                _ = stopped.wait_for(|stop| *stop) => return,
            }
        }
        // Finished tasks are removed.
        while runs.try_join_next().is_some() {}
    }
}

/// Time until this minute is planned.
fn until_planned(minute: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(minute.duration_since(now)).unwrap_or_default().saturating_sub(PLAN_AHEAD)
}

impl Exporter {
    /// Starts a run of each probe without a result, so that a probe with a long interval has one soon.
    fn first_runs(self: &Arc<Self>, runs: &mut JoinSet<()>) {
        let due = rounded(Timestamp::now());
        let names: Vec<ProbeName> = {
            let state = self.state();
            let new = |name: &&ProbeName| {
                !state.latest.contains_key(*name) && !state.running.contains(*name)
            };
            state.probes.keys().filter(new).cloned().collect()
        };
        for name in names {
            let exporter = Arc::clone(self);
            runs.spawn(async move { exporter.run(name, due).await });
        }
    }

    /// Starts a task for each run that is due in the rest of the minute. The task waits until it is due.
    fn plan_minute(self: &Arc<Self>, minute: Timestamp, runs: &mut JoinSet<()>) {
        let probes: Vec<Probe> =
            self.state().probes.values().map(|probe| Probe::clone(probe)).collect();
        for request in plan(&probes, self.prober.environment(), minute) {
            let wait = request.due.duration_since(Timestamp::now());
            let Ok(wait) = Duration::try_from(wait) else { continue };
            for run in request.runs {
                let (exporter, name, due) = (Arc::clone(self), run.probe.name.clone(), request.due);
                runs.spawn(async move {
                    tokio::time::sleep(wait).await;
                    exporter.run(name, due).await;
                });
            }
        }
    }
}

/// Rounded down to a millisecond, the resolution of samples and reports.
fn rounded(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_is_planned_a_second_before_its_start() {
        let minute: Timestamp = "2026-11-25T12:01:00Z".parse().unwrap();
        let before = |millis: u64| until_planned(minute, minute - Duration::from_millis(millis));
        assert_eq!(before(60_000), Duration::from_secs(59));
        assert_eq!(before(1_000), Duration::ZERO);
        // Late or within that second: at once.
        assert_eq!(before(10), Duration::ZERO);
        assert_eq!(until_planned(minute, minute + Duration::from_secs(5)), Duration::ZERO);
    }
}

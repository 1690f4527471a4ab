//! The thread of `vigie serve` that stores runs and evaluates alarms. `SQLite` blocks, so it has a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alarm_model::StateValue;
use anyhow::Context as _;
use domain::maintenance::{Maintenance, is_maintenance};
use domain::{AlarmKind, Probe, ProbeName, Report};
use history::{
    History, HistoryError, IncidentKind, NewIncident, NotStored, Reader, ReportedRun,
    RunSource as _,
};
use jiff::Timestamp;
use notify::Acknowledgement;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::alarms::{Alarms, Transition};

/// Reports that wait to be stored. 1,000 probes at one run a minute fill it in ten minutes.
const CAPACITY: usize = 10_000;
/// The most runs in one transaction.
const BATCH: usize = 256;
/// Time between two evaluations of the alarms without a run.
const TICK: Duration = Duration::from_secs(5);
/// Time between two deletions of old runs.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// Old runs are prepared for fast pages in parts of this length, with pauses of the same length.
const FILL: Duration = Duration::from_millis(20);

/// What the thread does.
pub(crate) enum Message {
    /// A run has finished.
    Run(Arc<Report>),
    /// The probe files were read again.
    Probes(Vec<Probe>),
    /// Someone acknowledged the open incidents of a probe. The sender gets their number.
    Acknowledge(ProbeName, Acknowledgement, oneshot::Sender<usize>),
    /// The records of alarms have changed: key and JSON. The sender is notified when they are stored.
    AlarmRecords(Vec<(String, String)>, oneshot::Sender<()>),
    /// Something that may happen once in a period: its name, now, and the period. The sender is sent whether it may.
    Claim(&'static str, Timestamp, Duration, oneshot::Sender<bool>),
    /// What was claimed did not happen.
    Release(&'static str),
}

/// What the thread sends to the notifier.
pub(crate) enum AlarmEvent {
    Changed(Transition),
    Acknowledged(ProbeName, Acknowledgement),
}

/// Sends results to the thread.
#[derive(Clone)]
pub(crate) struct Recorder {
    sender: SyncSender<Message>,
    not_stored: Arc<AtomicU64>,
    /// Counts the stored batches: changes when pages show something new.
    changed: watch::Receiver<u64>,
}

impl Recorder {
    /// Starts the thread. Changes of alarms are sent to `events`.
    pub(crate) fn start(
        history: History,
        probes: &[Probe],
        retention: Duration,
        events: mpsc::UnboundedSender<AlarmEvent>,
    ) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(CAPACITY);
        let (changes, changed) = watch::channel(0);
        let reader = Reader::open(history.path())?;
        let not_stored = Arc::<AtomicU64>::default();
        let mut thread = Thread {
            history,
            not_stored: Arc::clone(&not_stored),
            reader,
            retention,
            events,
            changes,
            alarms: Alarms::default(),
            pruned: None,
            is_filled: false,
            windows: BTreeMap::new(),
            planned: BTreeMap::new(),
            evaluated: Timestamp::now(),
        };
        thread.configure(probes);
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || thread.run(&receiver))
            .context("could not start a thread")?;
        Ok((Self { sender, not_stored, changed }, thread))
    }

    /// Hands over a message. If the disk is too slow for the runs, it is dropped.
    pub(crate) fn send(&self, message: Message) {
        let is_run = matches!(message, Message::Run(_));
        if self.sender.try_send(message).is_err() && is_run {
            self.not_stored.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of runs that are missing from the history.
    pub(crate) fn not_stored(&self) -> u64 {
        self.not_stored.load(Ordering::Relaxed)
    }

    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }
}

struct Thread {
    history: History,
    not_stored: Arc<AtomicU64>,
    reader: Reader,
    retention: Duration,
    events: mpsc::UnboundedSender<AlarmEvent>,
    changes: watch::Sender<u64>,
    alarms: Alarms,
    pruned: Option<Timestamp>,
    /// Whether no runs of an earlier version are left to prepare.
    is_filled: bool,
    /// The maintenance windows of each probe.
    windows: BTreeMap<ProbeName, Vec<Maintenance>>,
    /// Incidents that are not opened yet.
    planned: BTreeMap<(ProbeName, AlarmKind), NewIncident>,
    /// When the alarms were last evaluated.
    evaluated: Timestamp,
}

/// If the thread did not work for this long, the machine was suspended.
const SUSPENDED: Duration = Duration::from_secs(60);

impl Thread {
    /// Works until the last sender is dropped.
    fn run(mut self, receiver: &Receiver<Message>) {
        loop {
            let mut reports = Vec::new();
            match receiver.recv_timeout(if self.is_filled { TICK } else { FILL }) {
                Ok(message) => self.take(message, &mut reports),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while reports.len() < BATCH
                && let Ok(message) = receiver.try_recv()
            {
                self.take(message, &mut reports);
            }
            self.store(&reports);
            self.evaluate(Timestamp::now());
            self.prune(Timestamp::now());
            self.fill();
        }
    }

    /// Prepares some runs of an earlier version.
    fn fill(&mut self) {
        let began = Instant::now();
        while !self.is_filled && began.elapsed() < FILL {
            let more = self.history.fill();
            self.is_filled = !*more.as_ref().unwrap_or(&false);
            log("Old runs could not be prepared for the pages", more);
        }
    }

    fn take(&mut self, message: Message, reports: &mut Vec<Arc<Report>>) {
        match message {
            Message::Run(report) => reports.push(report),
            Message::Probes(probes) => self.configure(&probes),
            Message::AlarmRecords(records, stored) => {
                let records = records.iter().map(|(key, record)| (key.as_str(), record.as_str()));
                log("Alarm records could not be stored", self.history.save_alarms(records));
                // An error means that the notifier has ended.
                let _ = stored.send(());
            }
            Message::Claim(name, now, period, claimed) => {
                let stored = self.history.claim(name, now, period);
                // An error means that the notifier has ended.
                let _ = claimed.send(*stored.as_ref().unwrap_or(&false));
                log("A claim could not be stored", stored);
            }
            Message::Release(name) => {
                log("A claim could not be stored", self.history.release(name));
            }
            Message::Acknowledge(probe, by, count) => {
                // An error means that the request was cancelled.
                let _ = count.send(self.acknowledge(probe, by));
            }
        }
    }

    /// The number of incidents.
    fn acknowledge(&mut self, probe: ProbeName, by: Acknowledgement) -> usize {
        let stored = self.history.acknowledge(&probe, &by.by, by.at);
        let count = *stored.as_ref().unwrap_or(&0);
        log("An acknowledgement could not be stored", stored);
        if 0 < count {
            self.changes.send_modify(|count| *count += 1);
            // An error means that there is no notifier.
            let _ = self.events.send(AlarmEvent::Acknowledged(probe, by));
        }
        count
    }

    fn configure(&mut self, probes: &[Probe]) {
        let now = Timestamp::now();
        let windows = |probe: &Probe| (probe.name.clone(), probe.maintenance.clone());
        self.windows = probes.iter().map(windows).collect();
        let windows = &self.windows;
        self.planned.retain(|(probe, _), _| windows.contains_key(probe));
        let reader = &self.reader;
        let open = reader.incidents(None, 10_000).unwrap_or_default();
        let restored = |probe: &ProbeName, kind: AlarmKind| {
            let is_open = open.iter().any(|incident| {
                incident.ended.is_none()
                    && incident.what.probe == *probe
                    && incident.what.kind == incident_kind(kind)
            });
            let every = probes.iter().find(|other| other.name == *probe).map(|probe| probe.every);
            let since = now.checked_sub(every.unwrap_or_default() * 20).unwrap_or(now);
            let runs = reader.runs(probe, since, now).unwrap_or_default();
            let state = if is_open { StateValue::Alarm } else { StateValue::InsufficientData };
            (state, runs.into_iter().map(|run| (run.due, run.outcome)).collect())
        };
        self.alarms.configure(probes.iter(), now, restored);
    }

    fn store(&mut self, reports: &[Arc<Report>]) {
        if reports.is_empty() {
            return;
        }
        let runs = reports.iter().map(|report| ReportedRun {
            report,
            in_maintenance: self.in_maintenance(&report.probe, report.due),
        });
        let all: Vec<ReportedRun<'_>> = runs.collect();
        self.record(&all);
        // An alarm counts a run also when the disk is full.
        for report in reports {
            self.alarms.observe(report);
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Stores runs; logs and counts those that could not be stored.
    fn record(&mut self, runs: &[ReportedRun<'_>]) {
        let failed = match self.history.record(runs) {
            Ok(not_stored) => {
                let failed = not_stored.len();
                for NotStored { probe, due, error } in not_stored {
                    let error = anyhow::Error::new(error);
                    warn!(%probe, %due, error = format!("{error:#}"), "Run could not be stored");
                }
                failed
            }
            Err(error) => {
                log("Runs could not be stored", Err::<(), _>(error));
                runs.len()
            }
        };
        let failed = u64::try_from(failed).unwrap_or(u64::MAX);
        self.not_stored.fetch_add(failed, Ordering::Relaxed);
    }

    fn evaluate(&mut self, now: Timestamp) {
        let before = std::mem::replace(&mut self.evaluated, now);
        if Duration::try_from(now.duration_since(before)).is_ok_and(|pause| SUSPENDED <= pause) {
            self.alarms.resume(now);
        }
        for transition in self.alarms.evaluate(now) {
            let Transition { probe, kind, from, to, reason, .. } = &transition;
            info!(%probe, kind = kind.as_str(), %from, %to, reason, "Alarm changed");
            if *to == StateValue::Alarm {
                self.planned.insert((probe.clone(), *kind), incident(&transition));
                self.open_incidents(now);
            } else if self.planned.remove(&(probe.clone(), *kind)).is_some() {
                // It began and ended in a maintenance window.
            } else if *from == StateValue::Alarm {
                let ended = transition.first_run.unwrap_or(transition.at);
                let kind = incident_kind(*kind);
                let stored = self.history.close_incident(probe, kind, ended);
                log("An incident could not be stored", stored);
            }
            self.changes.send_modify(|count| *count += 1);
            // An error means that the command is ending.
            let _ = self.events.send(AlarmEvent::Changed(transition));
        }
        self.open_incidents(now);
    }

    /// Opens the incidents of active alarms. One that began in a maintenance window is opened when the window ends.
    fn open_incidents(&mut self, now: Timestamp) {
        let is_due = |probe: &ProbeName| !self.in_maintenance(probe, now);
        let due: Vec<_> = self.planned.keys().filter(|(probe, _)| is_due(probe)).cloned().collect();
        for key in due {
            if let Some(incident) = self.planned.remove(&key) {
                let stored = self.history.open_incident(&incident);
                log("An incident could not be stored", stored);
                self.changes.send_modify(|count| *count += 1);
            }
        }
    }

    fn in_maintenance(&self, probe: &ProbeName, at: Timestamp) -> bool {
        self.windows.get(probe).is_some_and(|windows| is_maintenance(windows, at))
    }

    fn prune(&mut self, now: Timestamp) {
        let is_due = self.pruned.is_none_or(|last| {
            Duration::try_from(now.duration_since(last)).is_ok_and(|since| PRUNE_EVERY <= since)
        });
        if is_due {
            self.pruned = Some(now);
            log("Old runs could not be deleted", self.history.prune(now, self.retention));
        }
    }
}

fn log<T>(message: &'static str, result: Result<T, HistoryError>) {
    if let Err(error) = result {
        let error = anyhow::Error::new(error);
        warn!(error = format!("{error:#}"), message);
    }
}

pub(crate) fn incident_kind(kind: AlarmKind) -> IncidentKind {
    match kind {
        AlarmKind::Down => IncidentKind::Down,
        AlarmKind::Degraded => IncidentKind::Degraded,
    }
}

/// The incident that begins with this change.
fn incident(transition: &Transition) -> NewIncident {
    let new = NewIncident {
        probe: transition.probe.clone(),
        kind: incident_kind(transition.kind),
        began: transition.first_run.unwrap_or(transition.at),
        opened: transition.at,
        reason: None,
        detail: String::new(),
        turn: None,
        expected: None,
        found: None,
        report_due: None,
    };
    match transition.report.as_deref() {
        Some(report) => new.explained_by(report),
        None => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::reports::{attempt, report, turn};

    fn up(probe: &str, seconds: u64) -> Arc<Report> {
        let good = report(vec![attempt(vec![turn(400, "a", "b")])]);
        let due = Timestamp::UNIX_EPOCH + Duration::from_secs(1_795_564_800 + seconds);
        Arc::new(Report { probe: probe.parse().unwrap(), due, ..good })
    }

    #[test]
    fn run_that_cannot_be_stored_is_counted_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::open(folder.path(), &"local".parse().unwrap()).unwrap();
        let first = up("bad", 0);
        let run = ReportedRun { report: &first, in_maintenance: false };
        history.record(&[run]).unwrap();
        let path = history.path().to_owned();
        let file = rusqlite::Connection::open(&path).unwrap();
        assert_eq!(file.execute("UPDATE hour SET runs = x'ff'", []).unwrap(), 1);
        // The runs of the test are never deleted.
        let retention = Duration::from_secs(u32::MAX.into());
        let (events, _) = mpsc::unbounded_channel();
        let (recorder, thread) = Recorder::start(history, &[], retention, events).unwrap();
        for report in [up("bad", 60), up("good", 60), up("good", 120)] {
            recorder.send(Message::Run(report));
        }
        let Recorder { sender, not_stored, .. } = recorder;
        drop(sender);
        thread.join().unwrap();
        assert_eq!(not_stored.load(Ordering::Relaxed), 1);
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.last_runs(&"good".parse().unwrap(), 9).unwrap().len(), 2);

        // Without the table no run can be stored.
        let history = History::open(folder.path(), &"local".parse().unwrap()).unwrap();
        file.execute_batch("DROP TABLE latest").unwrap();
        let (events, _) = mpsc::unbounded_channel();
        let (recorder, thread) = Recorder::start(history, &[], retention, events).unwrap();
        recorder.send(Message::Run(up("good", 180)));
        let Recorder { sender, not_stored, .. } = recorder;
        drop(sender);
        thread.join().unwrap();
        assert_eq!(not_stored.load(Ordering::Relaxed), 1);
    }
}

//! What a notification shows about an alarm: the newest report, and metrics from the history.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Verdict;
use history::{Reader, RunRecord, RunSource as _};
use jiff::Timestamp;
use notify::notification::{Item, ProbeMetrics, Runs, Window};
use notify::{AlarmRecord, NotificationKind};
use tracing::warn;

use crate::exporter::Exporter;

/// Steps of the line of availability in a mail.
const LINE_STEPS: u32 = 24;
const HOUR: Duration = Duration::from_secs(3_600);

/// Reads what this process and the history know.
pub(crate) struct Evidence {
    pub(crate) exporter: Arc<Exporter>,
    pub(crate) reader: Mutex<Reader>,
}

impl Evidence {
    pub(super) fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An alarm of a notification.
    pub(super) fn item(
        &self,
        kind: NotificationKind,
        record: &AlarmRecord,
        now: Timestamp,
    ) -> Item {
        let probe = record.alert.subject.probe();
        let report = probe.and_then(|name| self.exporter.latest().get(name).cloned());
        // A report of an earlier time, or of a passing run, does not describe the incident.
        let began = record.incident.map(|incident| incident.began);
        let report = report.filter(|report| {
            record.is_open()
                && report.outcome.verdict() != Some(Verdict::Up)
                && began.is_some_and(|began| began <= report.due)
        });
        Item {
            kind,
            alert: record.alert.clone(),
            severity: record.severity,
            incident: record.incident,
            closure: record.closure,
            acknowledged: record.acknowledged.clone(),
            report: report.map(|report| (*report).clone()),
            metrics: self.metrics(record, now),
        }
    }

    /// The hour before the incident and the time since; `None` if the history cannot be read.
    fn metrics(&self, record: &AlarmRecord, now: Timestamp) -> Option<ProbeMetrics> {
        let probe = record.alert.subject.probe()?;
        let began = record.incident.map_or(record.alert.changed, |incident| incident.began);
        let end = if record.is_open() { now } else { record.alert.changed };
        let first = began.checked_sub(HOUR).unwrap_or(began);
        let runs = match self.reader().runs(probe, first, end) {
            Ok(runs) => runs,
            Err(failed) => {
                let cause = format!("{:#}", anyhow::Error::new(failed));
                warn!(error = cause, "The history could not be read");
                return None;
            }
        };
        let split = runs.partition_point(|run| run.due < began);
        let (before, during) = runs.split_at(split);
        let whole = Duration::try_from(end.duration_since(first)).unwrap_or(HOUR);
        let step = (whole / LINE_STEPS).max(Duration::from_secs(60));
        let line = (0..LINE_STEPS).map(|index| {
            let from = first.saturating_add(step * index).unwrap_or(end);
            let until = from.saturating_add(step).unwrap_or(end);
            let part = runs.iter().filter(|run| from <= run.due && run.due < until);
            counts(part).map(Runs::availability)
        });
        Some(ProbeMetrics {
            before: window(before),
            during: window(during),
            line: line.collect(),
            step,
        })
    }
}

fn window(runs: &[RunRecord]) -> Window {
    let mut times: Vec<Duration> = runs.iter().filter_map(|run| run.first_chunk).collect();
    times.sort_unstable();
    let rank = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map(Duration::as_secs_f64)
    };
    Window { runs: counts(runs.iter()), first_chunk_p50: rank(50), first_chunk_p95: rank(95) }
}

fn counts<'a>(runs: impl Iterator<Item = &'a RunRecord>) -> Option<Runs> {
    let (mut passed, mut total) = (0, 0);
    for verdict in runs.filter_map(RunRecord::counted_verdict) {
        total += 1;
        passed += u64::from(verdict != Verdict::Down);
    }
    (total > 0).then_some(Runs { passed, total })
}

//! Alerts into their memories, and the window of their group armed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use domain::Severity;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::alert::Alert;

use super::telling::Told;
use super::{AT_ONCE, Alerts};
use crate::store::{Recorded, Stored};
use notify::event::Timer;

/// A flush message carries at most so many alerts, and so many bytes of them.
const CARRIED: usize = 10;
const CARRIED_BYTES: usize = 100_000;

/// What became of the alerts of a batch.
#[derive(Default)]
pub(super) struct Taken {
    /// To be told when the window is over, with their messages.
    waiting: BTreeMap<String, (Stored, BTreeSet<String>)>,
    /// At least one of them came before; whoever armed the flush then may have died.
    again: bool,
    /// To be told now, since the table does not answer.
    unrecorded: Vec<Told>,
}

impl Alerts {
    /// Takes alerts into their memories: those of one alarm in their order, alarms side by side.
    pub(super) async fn take(&self, alerts: Vec<(Alert, String)>, now: Timestamp) -> Taken {
        let mut alarms: BTreeMap<String, Vec<(Alert, String)>> = BTreeMap::new();
        for (mut alert, message) in alerts {
            if let Some(test) = &alert.test {
                // A test never touches what is known of the real alarm.
                alert.key = format!("test:{test}");
            }
            alarms.entry(alert.key.clone()).or_default().push((alert, message));
        }
        let broken = &AtomicBool::new(false);
        let outcomes = stream::iter(alarms.into_values())
            .map(async |mut changes| {
                changes.sort_by_key(|(alert, _)| alert.changed);
                let mut outcomes = Vec::new();
                for (alert, message) in changes {
                    let severity =
                        self.config.routes.severity(&alert, self.config.environment.as_str());
                    let outcome = self.record(&alert, severity, now, broken).await;
                    outcomes.push((alert, severity, message, outcome));
                }
                outcomes
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut taken = Taken::default();
        for (alert, severity, message, outcome) in outcomes.into_iter().flatten() {
            let (stored, again) = match outcome {
                None => {
                    taken.unrecorded.push(Told::unrecorded(&alert, severity, message));
                    continue;
                }
                Some(Recorded::Known) => continue,
                Some(Recorded::NotificationKind(stored)) => (stored, false),
                Some(Recorded::Waiting(stored)) => (stored, true),
            };
            // The newest one of an alarm has all that is known, and decides whether there is news.
            let (known, messages) = taken
                .waiting
                .entry(alert.key)
                .or_insert_with(|| ((*stored).clone(), BTreeSet::new()));
            *known = *stored;
            messages.insert(message);
            taken.again |= again;
        }
        taken.waiting.retain(|_, (stored, _)| stored.memory.untold());
        taken
    }

    /// `None` when the table does not answer; then it is not asked again for this batch.
    async fn record(
        &self,
        alert: &Alert,
        severity: Severity,
        now: Timestamp,
        broken: &AtomicBool,
    ) -> Option<Recorded> {
        if broken.load(Ordering::Relaxed) {
            return None;
        }
        match self.store().record(alert, severity, now).await {
            Ok(recorded) => {
                tracing::info!(
                    alarm = alert.name,
                    state = alert.state.as_str(),
                    changed = %alert.changed,
                    news = matches!(recorded, Recorded::NotificationKind(_)),
                    "alarm"
                );
                Some(recorded)
            }
            Err(error) => {
                broken.store(true, Ordering::Relaxed);
                tracing::error!(error = chain(&error), alarm = alert.name, "told without grouping");
                None
            }
        }
    }

    /// Arms the flush for what waits, or tells it at once where there is no window.
    pub(super) async fn arm_or_tell(&self, taken: Taken, now: Timestamp) -> BTreeSet<String> {
        let mut tell = taken.unrecorded;
        if !taken.waiting.is_empty() {
            let armed = !self.config.window.is_zero()
                && self
                    .arm(taken.waiting.values().map(|(stored, _)| stored), taken.again, now)
                    .await;
            if !armed {
                for (stored, messages) in taken.waiting.into_values() {
                    let decision = stored.memory.decide(&self.config.rules, now);
                    tell.push(Told::decided(stored, decision, messages));
                }
            }
        }
        if tell.is_empty() {
            return BTreeSet::new();
        }
        self.tell(tell, None, now).await
    }

    /// Whether a flush will come.
    async fn arm(
        &self,
        waiting: impl Iterator<Item = &Stored>,
        again: bool,
        now: Timestamp,
    ) -> bool {
        // Who comes in the window's last moments arms a flush of their own: theirs may be stored
        // just after the first one has looked.
        let window = self.config.window;
        let claim = self.store().claim("flush", now, window * 3 / 4).await;
        let ours = claim.unwrap_or_else(|error| {
            tracing::warn!(error = chain(&error), "the flush is armed once more than needed");
            true
        });
        if !ours && !again {
            return true;
        }
        let carried = waiting.take(CARRIED).map(|stored| stored.memory.alert.clone());
        self.flush_later(carried.collect()).await
    }

    /// Sends the flush that comes back when a window is over; whether it will.
    pub(super) async fn flush_later(&self, mut carried: Vec<Alert>) -> bool {
        let size = |alerts: &Vec<Alert>| serde_json::to_string(alerts).map_or(0, |json| json.len());
        carried.truncate(CARRIED);
        while CARRIED_BYTES < size(&carried) {
            carried.pop();
        }
        let delay = i32::try_from(self.config.window.as_secs()).unwrap_or(900);
        let sent = self
            .clients
            .sqs
            .send_message()
            .queue_url(&self.config.queue_url)
            .message_body(Timer::Flush(carried).message())
            .delay_seconds(delay)
            .send()
            .await;
        if let Err(error) = &sent {
            tracing::error!(error = chain(error), "the flush could not be armed; told at once");
        }
        sent.is_ok()
    }
}

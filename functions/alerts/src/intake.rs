//! Takes events into the records and schedules the flush of their group.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::alert::Alert;
use notify::event::Timer;
use notify::reconcile::Trigger;
use notify::record::AlarmRecord;

use crate::handler::Alerts;

/// Calls to the table at the same time.
const CONCURRENT: usize = 16;
/// A flush message carries at most this many alerts, and bytes of them.
const CARRIED: usize = 10;
const CARRIED_BYTES: usize = 100_000;
/// The shortest delay of a flush.
const SHORTEST_DELAY: i32 = 2;

/// What became of one event.
enum Taken {
    /// It is stored and must be sent.
    Stored(Alert),
    /// It is known, and its notification may have been lost with an invocation.
    Waiting(Alert),
    /// The table did not answer; it is in the memory of this execution environment only.
    InMemory(Alert),
    Known,
}

impl Alerts {
    /// Takes events into their records and has them sent. Returns the messages to deliver again.
    pub(crate) async fn take(
        &self,
        alerts: Vec<(Alert, String)>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let mut messages = BTreeSet::new();
        let mut alarms: BTreeMap<String, Vec<Alert>> = BTreeMap::new();
        for (mut alert, message) in alerts {
            if let Some(test) = &alert.test {
                // A test never changes the record of the real alarm.
                alert.key = format!("test:{test}");
            }
            messages.insert(message);
            alarms.entry(alert.key.clone()).or_default().push(alert);
        }
        // Events of one alarm in their order, alarms at the same time.
        let taken: Vec<Taken> = stream::iter(alarms.into_values())
            .map(async |mut events| {
                events.sort_by_key(|alert| alert.reported);
                let mut taken = Vec::new();
                for event in events {
                    taken.push(self.record(event, now).await);
                }
                taken
            })
            .buffer_unordered(CONCURRENT)
            .flat_map(stream::iter)
            .collect()
            .await;
        let mut carried = Vec::new();
        let (mut again, mut in_memory) = (false, false);
        for one in taken {
            match one {
                Taken::Known => {}
                Taken::Stored(alert) => carried.push(alert),
                Taken::Waiting(alert) => {
                    again = true;
                    carried.push(alert);
                }
                Taken::InMemory(alert) => {
                    in_memory = true;
                    carried.push(alert);
                }
            }
        }
        if carried.is_empty() {
            return BTreeSet::new();
        }
        let grouped = !in_memory && !self.config.rules.window.is_zero();
        if grouped && self.arm(&carried, again, now).await {
            return BTreeSet::new();
        }
        if in_memory && !self.queue_unsaved(now).await {
            // Neither the table nor the queue took the records, so the events must be delivered again.
            let _ = self.send_at_once(carried, now).await;
            return messages;
        }
        let sent = if in_memory {
            self.send_at_once(carried, now).await
        } else {
            self.reconcile_exclusively(Trigger::Flush, carried, now).await
        };
        if sent { BTreeSet::new() } else { messages }
    }

    async fn send_at_once(&self, carried: Vec<Alert>, now: Timestamp) -> bool {
        !self.cache().may_send_at_once(now)
            || self.reconcile_exclusively(Trigger::Flush, carried, now).await
    }

    async fn record(&self, alert: Alert, now: Timestamp) -> Taken {
        let severity = self.config.routes.severity(&alert, self.config.environment.as_str());
        let lease = self.config.rules.lease;
        let observe = |before: Option<&AlarmRecord>| {
            AlarmRecord::observe(before, &alert, severity, lease, now)
        };
        if self.cache().store_is_failing() {
            // It is tried again by each reconciliation, not for each event.
            return self.remember(alert.clone(), observe);
        }
        match self.store.update(&alert.key, now, observe).await {
            Ok(Some(record)) => {
                tracing::info!(
                    alarm = alert.name,
                    state = alert.state.as_str(),
                    changed = %alert.changed,
                    "Alarm event recorded"
                );
                let waits = record.waiting_since.is_some();
                if waits { Taken::Stored(alert) } else { Taken::Known }
            }
            Ok(None) => match self.store.get(&alert.key).await {
                Ok(Some(stored)) if stored.record.waiting_since.is_some() => Taken::Waiting(alert),
                _ => Taken::Known,
            },
            Err(error) => {
                tracing::error!(
                    error = chain(&error),
                    alarm = alert.name,
                    "Alarm event was not stored; it is sent without grouping"
                );
                self.cache().store_failed(now);
                self.remember(alert.clone(), observe)
            }
        }
    }

    fn remember(
        &self,
        alert: Alert,
        observe: impl Fn(Option<&AlarmRecord>) -> Option<AlarmRecord>,
    ) -> Taken {
        let mut cache = self.cache();
        if let Some(record) = observe(cache.get(&alert.key)) {
            cache.keep(record, false);
        }
        Taken::InMemory(alert)
    }

    /// Schedules a flush, unless another invocation did; returns whether one is scheduled.
    async fn arm(&self, carried: &[Alert], again: bool, now: Timestamp) -> bool {
        // A change in the last moments of a window schedules its own flush: the first one may read the
        // table just before the change is stored.
        let window = self.config.rules.window;
        let claim = self.store.claim("flush", now, window * 3 / 4).await;
        let is_claimed = claim.unwrap_or_else(|error| {
            tracing::warn!(
                error = chain(&error),
                "Flush claim failed; the flush may be scheduled twice"
            );
            true
        });
        (!is_claimed && !again) || self.schedule_flush(carried.to_vec()).await
    }

    /// Sends the message that triggers the flush at the end of the window; returns whether SQS accepted it.
    pub(crate) async fn schedule_flush(&self, mut carried: Vec<Alert>) -> bool {
        let size = |alerts: &Vec<Alert>| serde_json::to_string(alerts).map_or(0, |json| json.len());
        carried.truncate(CARRIED);
        while CARRIED_BYTES < size(&carried) {
            carried.pop();
        }
        let window = i32::try_from(self.config.rules.window.as_secs()).unwrap_or(900);
        let sent = self
            .clients
            .sqs
            .send_message()
            .queue_url(&self.config.queue_url)
            .message_body(Timer::Flush(carried).message())
            .delay_seconds(window.max(SHORTEST_DELAY))
            .send()
            .await;
        if let Err(error) = &sent {
            tracing::error!(error = chain(error), "Flush was not scheduled");
        }
        sent.is_ok()
    }
}

//! Handles one batch of the queue.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicI64;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_kit::{chain, redeliver};
use notification_store::NotificationStore;
use notify::alert::Alert;
use notify::cache::RecordCache;
use notify::event::{self, Incoming, Timer};
use notify::reconcile::Trigger;

use crate::clients::Clients;
use crate::config::Config;

/// One invocation at a time sends notifications: as long as Lambda lets it run, and a little more.
const LONGEST_INVOCATION: Duration = Duration::from_secs(65);
/// The claim of the invocation that sends.
const SENDING: &str = "sending";

/// The function.
#[derive(Debug)]
pub struct Alerts {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) store: NotificationStore,
    pub(crate) cache: Mutex<RecordCache>,
    /// For the heartbeat only, and created with the first one: it reads the system's certificates.
    pub(crate) http: OnceLock<reqwest::Client>,
    /// When the stack was first used. The table knows it, and it is read once.
    pub(crate) first_use: OnceLock<Timestamp>,
    /// Before this time, in seconds since 1970, this process does not ask the table whether subscriptions are due.
    pub(crate) subscriptions_due: AtomicI64,
}

impl Alerts {
    #[must_use]
    pub fn new(config: Config, clients: Clients) -> Self {
        let store = NotificationStore::new(clients.dynamodb.clone(), config.table.clone());
        Self {
            config,
            clients,
            store,
            cache: Mutex::default(),
            http: OnceLock::new(),
            first_use: OnceLock::new(),
            subscriptions_due: AtomicI64::new(i64::MIN),
        }
    }

    /// Handles a batch and returns the messages that SQS must deliver again.
    pub async fn handle(&self, event: SqsEvent, now: Timestamp) -> SqsBatchResponse {
        let mut alerts: Vec<(Alert, String)> = Vec::new();
        let mut timers: Vec<(Timer, String)> = Vec::new();
        let mut failed: BTreeSet<String> = BTreeSet::new();
        for message in event.records {
            let id = message.message_id.unwrap_or_default();
            let body = message.body.unwrap_or_default();
            match event::read(&body, &id, now, &self.config.environment) {
                Incoming::Alerts(list) => {
                    alerts.extend(list.into_iter().map(|alert| (alert, id.clone())));
                }
                Incoming::Timer(timer) => timers.push((timer, id)),
                Incoming::Refused { version } => {
                    tracing::error!(version, "Timer has an unknown version and is rejected");
                    failed.insert(id);
                }
            }
        }
        failed.extend(self.take(alerts, now).await);
        failed.extend(self.timers(timers, now).await);
        if self.cache().store_is_failing() {
            self.count(cloudwatch::OwnMetric::NotificationStoreUnavailable, 1.0, now).await;
        }
        redeliver(failed)
    }

    pub(crate) fn cache(&self) -> MutexGuard<'_, RecordCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Several timers in a batch are handled once.
    async fn timers(&self, timers: Vec<(Timer, String)>, now: Timestamp) -> BTreeSet<String> {
        if timers.is_empty() {
            return BTreeSet::new();
        }
        let mut tick = false;
        let (mut carried, mut flushes) = (Vec::new(), BTreeSet::new());
        let (mut records, mut restores) = (Vec::new(), BTreeSet::new());
        for (timer, id) in timers {
            match timer {
                Timer::Flush(alerts) => {
                    carried.extend(alerts);
                    flushes.insert(id);
                }
                Timer::Records(list) => {
                    records.extend(list);
                    restores.insert(id);
                }
                Timer::Tick(_) => tick = true,
            }
        }
        let mut failed = BTreeSet::new();
        if !restores.is_empty() && !self.restore(records, now).await {
            failed.extend(restores);
        }
        if tick || !flushes.is_empty() {
            let trigger = if flushes.is_empty() { Trigger::Tick } else { Trigger::Flush };
            if !self.reconcile_exclusively(trigger, carried, now).await {
                // A minute that fails is not delivered again: the next one is due soon.
                failed.extend(flushes);
            }
        }
        if tick {
            Box::pin(self.monitor_itself(now)).await;
            // `vigie smoke --edges` looks for this line.
            tracing::info!("Minute handled");
        }
        failed
    }

    /// Reconciles unless another invocation does; then a flush is scheduled again. Returns whether
    /// everything due was sent, or will be.
    pub(crate) async fn reconcile_exclusively(
        &self,
        trigger: Trigger,
        carried: Vec<Alert>,
        now: Timestamp,
    ) -> bool {
        let claimed = match self.store.claim(SENDING, now, LONGEST_INVOCATION).await {
            Ok(claimed) => {
                self.cache().store_written();
                claimed
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "Notification store is unavailable");
                self.cache().store_failed(now);
                true
            }
        };
        if !claimed {
            return trigger == Trigger::Tick || self.schedule_flush(carried).await;
        }
        let sent = self.reconcile(trigger, carried, now).await;
        if let Err(error) = self.store.release(SENDING, now).await {
            tracing::warn!(error = chain(&error), "Claim was not released");
        }
        sent
    }
}

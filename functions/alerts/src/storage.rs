//! Stores the records: in the table, and while it is unavailable in memory and in the queue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use notification_store::StoreError;
use notify::event::Timer;
use notify::reconcile::Records;
use notify::record::AlarmRecord;

use crate::handler::Alerts;

/// Calls to the table at the same time.
const CONCURRENT: usize = 16;
/// The most bytes of records in one message; SQS allows 256 KB.
const MESSAGE_BYTES: usize = 200_000;
/// After this time the table is tried again with the records of a message, in seconds.
const RETRY_AFTER: i32 = 60;

/// The records of one reconciliation.
pub(crate) struct Work {
    /// As the table has them, with their revisions.
    pub(crate) before: Records,
    pub(crate) revisions: BTreeMap<String, u64>,
    pub(crate) records: Records,
}

impl Alerts {
    /// Stores the records that changed. One that cannot be stored stays in memory.
    pub(crate) async fn save(&self, work: &mut Work, now: Timestamp) {
        let changed = work.records.iter().filter(|(key, record)| {
            work.before.get(*key) != Some(record) || self.cache().is_unsaved(key)
        });
        let failed = AtomicBool::new(false);
        let saved: Vec<(String, u64)> = stream::iter(changed)
            .map(async |(key, record)| {
                let revision = work.revisions.get(key).copied().unwrap_or(0);
                // After one failure the others would only wait for their timeouts.
                if !failed.load(Ordering::Relaxed) {
                    match self.put(record, revision, now).await {
                        Ok(revision) => {
                            self.cache().keep(record.clone(), true);
                            return Some((key.clone(), revision));
                        }
                        Err(error) => {
                            failed.store(true, Ordering::Relaxed);
                            tracing::warn!(
                                error = chain(&error),
                                alarm = record.alert.name,
                                "Record was not stored"
                            );
                        }
                    }
                }
                self.cache().store_failed(now);
                self.cache().keep(record.clone(), false);
                None
            })
            .buffer_unordered(CONCURRENT)
            .filter_map(std::future::ready)
            .collect()
            .await;
        for (key, revision) in saved {
            if let Some(record) = work.records.get(&key) {
                work.before.insert(key.clone(), record.clone());
            }
            work.revisions.insert(key, revision);
        }
    }

    /// Returns the new revision; an old one when another invocation changed the record and both changes were merged.
    async fn put(
        &self,
        record: &AlarmRecord,
        revision: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if let Some(revision) = self.store.put(record, revision, now).await? {
            return Ok(revision);
        }
        self.merge(record, now).await?;
        Ok(revision)
    }

    /// Merges `record` into the table and returns the result.
    async fn merge(&self, record: &AlarmRecord, now: Timestamp) -> Result<AlarmRecord, StoreError> {
        let merged = |stored: Option<&AlarmRecord>| match stored {
            Some(stored) => record.clone().merged(stored.clone()),
            None => record.clone(),
        };
        let stored =
            self.store.update(&record.alert.key, now, |stored| Some(merged(stored))).await?;
        Ok(stored.unwrap_or_else(|| record.clone()))
    }

    /// Stores records that came back from the queue. Returns whether they are in the table or in the queue again.
    pub(crate) async fn restore(&self, records: Vec<AlarmRecord>, now: Timestamp) -> bool {
        let records: Vec<_> =
            records.into_iter().map(|record| self.cache().take_back(record)).collect();
        for record in records {
            match self.merge(&record, now).await {
                Ok(stored) => self.cache().keep(stored, true),
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        alarm = record.alert.name,
                        "Record from the queue was not stored"
                    );
                    self.cache().store_failed(now);
                    break;
                }
            }
        }
        self.queue_unsaved(now).await
    }

    /// Puts the records that the table did not store into the queue, so that they outlive this process. Returns whether
    /// the queue has all of them.
    pub(crate) async fn queue_unsaved(&self, now: Timestamp) -> bool {
        let mut queued = true;
        let unsaved = self.cache().not_queued(now);
        for records in messages(unsaved) {
            let sent = self
                .clients
                .sqs
                .send_message()
                .queue_url(&self.config.queue_url)
                .message_body(Timer::Records(records.clone()).message())
                .delay_seconds(RETRY_AFTER)
                .send()
                .await;
            match sent {
                Ok(_) => self.cache().note_queued(records, now),
                Err(error) => {
                    queued = false;
                    tracing::error!(error = chain(&error), "Records were not queued");
                }
            }
        }
        queued
    }
}

/// The records in groups that fit into a message.
fn messages(records: Vec<AlarmRecord>) -> Vec<Vec<AlarmRecord>> {
    let mut messages: Vec<Vec<AlarmRecord>> = Vec::new();
    let mut left = 0;
    for record in records {
        let size = serde_json::to_string(&record).map_or(0, |json| json.len()) + 1;
        if let Some(message) = messages.last_mut().filter(|_| size <= left) {
            left -= size;
            message.push(record);
        } else {
            left = MESSAGE_BYTES.saturating_sub(size);
            messages.push(vec![record]);
        }
    }
    messages
}

//! The records in the memory of one execution environment. They replace the table while it is unavailable, and keep
//! what could not be written until it can.
//!
//! The memory ends with the process, so a record that the table did not store is also put into the queue, which delivers
//! it to this environment or to another one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::reconcile::Records;
use crate::record::{AlarmRecord, elapsed};

/// The most notifications that one execution environment sends to a receiver within a minute. Two environments
/// can run at once, and a receiver gets at most ten.
const MOST_A_MINUTE: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// A copy is certainly still in the queue for this time, which is shorter than the delay of its message (60 s). Later,
/// another environment may have received the copy and ended.
const IN_QUEUE: Duration = Duration::from_secs(50);
/// The shortest time between two notifications at once.
const AT_ONCE_EVERY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct RecordCache {
    records: Records,
    unsaved: BTreeSet<String>,
    /// The copies in the queue, and when they were put there.
    queued: BTreeMap<String, (AlarmRecord, Timestamp)>,
    store_failed_since: Option<Timestamp>,
    /// Whether the last write failed. A table may answer reads and refuse writes.
    write_failed: bool,
    sent: BTreeMap<String, Vec<Timestamp>>,
    query_failed: bool,
    sent_at_once: Option<Timestamp>,
}

impl RecordCache {
    /// The records to work with. `stored` is what the table contains, `None` when it is unavailable.
    pub fn load(&mut self, stored: Option<Records>, now: Timestamp) -> Records {
        let Some(mut records) = stored else {
            self.store_failed_since.get_or_insert(now);
            return self.records.clone();
        };
        if !self.write_failed {
            self.store_failed_since = None;
        }
        for key in &self.unsaved {
            let Some(mine) = self.records.get(key).cloned() else { continue };
            let merged = match records.remove(key) {
                Some(stored) => mine.merged(stored),
                None => mine,
            };
            records.insert(key.clone(), merged);
        }
        self.records.clone_from(&records);
        records
    }

    /// Keeps a record. It is unsaved until the table accepted it.
    pub fn keep(&mut self, record: AlarmRecord, saved: bool) {
        let key = record.alert.key.clone();
        if saved {
            self.unsaved.remove(&key);
            self.queued.remove(&key);
        } else {
            self.unsaved.insert(key.clone());
        }
        self.records.insert(key, record);
    }

    /// Takes a record that came back from the queue, and returns it merged with this environment's copy. It is unsaved.
    pub fn take_back(&mut self, record: AlarmRecord) -> AlarmRecord {
        let key = record.alert.key.clone();
        if self.queued.get(&key).is_some_and(|(queued, _)| *queued == record) {
            self.queued.remove(&key);
        }
        let merged = match self.records.remove(&key) {
            Some(mine) => mine.merged(record),
            None => record,
        };
        self.keep(merged.clone(), false);
        merged
    }

    /// The unsaved records that the queue does not hold in their current form.
    #[must_use]
    pub fn not_queued(&self, now: Timestamp) -> Vec<AlarmRecord> {
        let is_queued = |record: &AlarmRecord| {
            self.queued
                .get(&record.alert.key)
                .is_some_and(|(queued, at)| queued == record && elapsed(*at, now) < IN_QUEUE)
        };
        let unsaved = self.unsaved.iter().filter_map(|key| self.records.get(key));
        unsaved.filter(|record| !is_queued(record)).cloned().collect()
    }

    /// Notes that the queue accepted these records.
    pub fn note_queued(&mut self, records: Vec<AlarmRecord>, now: Timestamp) {
        let queued = records.into_iter().map(|record| (record.alert.key.clone(), (record, now)));
        self.queued.extend(queued);
    }

    /// Notes that the table did not accept a write.
    pub fn store_failed(&mut self, now: Timestamp) {
        self.store_failed_since.get_or_insert(now);
        self.write_failed = true;
    }

    /// Notes that the table accepted a write. The next successful read ends its outage.
    pub fn store_written(&mut self) {
        self.write_failed = false;
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&AlarmRecord> {
        self.records.get(key)
    }

    /// Whether the table must still be written.
    #[must_use]
    pub fn is_unsaved(&self, key: &str) -> bool {
        self.unsaved.contains(key)
    }

    /// Whether the table was unavailable when it was last read or written.
    #[must_use]
    pub fn store_is_failing(&self) -> bool {
        self.store_failed_since.is_some()
    }

    #[must_use]
    pub fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// For how long the table has been unavailable.
    #[must_use]
    pub fn store_failed_for(&self, now: Timestamp) -> Duration {
        self.store_failed_since.map(|since| elapsed(since, now)).unwrap_or_default()
    }

    /// Notes whether CloudWatch answered completely.
    pub fn note_query(&mut self, complete: bool) {
        self.query_failed = !complete;
    }

    /// Whether the last query failed, so that the next minute queries again.
    #[must_use]
    pub fn query_failed(&self) -> bool {
        self.query_failed
    }

    /// Whether events may be sent at once while the table is unavailable. A storm of events waits for the next
    /// minute of the schedule, which sends everything together.
    pub fn may_send_at_once(&mut self, now: Timestamp) -> bool {
        let allowed = self.sent_at_once.is_none_or(|last| AT_ONCE_EVERY <= elapsed(last, now));
        if allowed {
            self.sent_at_once = Some(now);
        }
        allowed
    }

    /// Whether another notification may be sent to `receiver` now; if so, it is counted.
    pub fn may_send(&mut self, receiver: &str, now: Timestamp) -> bool {
        let sent = self.sent.entry(receiver.to_owned()).or_default();
        sent.retain(|at| elapsed(*at, now) < MINUTE);
        let allowed = sent.len() < MOST_A_MINUTE;
        if allowed {
            sent.push(now);
        }
        allowed
    }
}

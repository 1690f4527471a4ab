//! Sends samples from the queue to the receiver until the signal to stop.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::chain;
use remote_write::{Client, EntryOutcome, Outcome, SendPolicy};
use samples::{Entry, Timestamp};
use tokio::time::Instant;

use crate::Queue;
use crate::dead_letters::{DeadLetterError, Folder};

/// Attempts of one request, about 4 s, before its samples return to the front of the queue or, if all
/// got 500, the samples at fault are searched.
const ATTEMPTS: u32 = 8;

/// How batches are made.
#[derive(Clone, Debug)]
pub struct Batches {
    /// Samples of a request, at most. 2,000 by default.
    pub most: usize,
    /// How long a sample waits for others, at most. 5 s by default.
    pub deadline: Duration,
    /// The longest time for sending after the signal to stop. 10 s by default.
    pub flush: Duration,
    /// Where rejected samples are stored. By default they are only counted.
    pub dead_letters: Option<Folder>,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            most: 2000,
            deadline: Duration::from_secs(5),
            flush: Duration::from_secs(10),
            dead_letters: None,
        }
    }
}

/// Sends what is put into `queue`, in its order, until `stop`; then what is left of it, within
/// [`Batches::flush`]. Returns how many samples were left.
///
/// One request at a time, so that the order of samples is kept. `clock` returns the wall clock time.
pub async fn run(
    mut client: Client,
    queue: &Queue,
    batches: Batches,
    clock: impl Fn() -> Timestamp,
    stop: impl Future<Output = ()>,
) -> usize {
    let mut stop = std::pin::pin!(stop);
    let mut reporter = Reporter::default();
    let mut until: Option<Instant> = None;
    loop {
        if until.is_none() {
            tokio::select! {
                () = queue.ready(batches.most, batches.deadline) => {}
                () = &mut stop => until = Some(Instant::now() + batches.flush),
            }
        }
        if until.is_some_and(|until| queue.is_empty() || until <= Instant::now()) {
            break;
        }
        let batch = queue.take(batches.most);
        let now = clock();
        let mut outcome = Outcome::default();
        {
            let policy = SendPolicy { attempts: ATTEMPTS, until, divide: true };
            let sending = client.write_into(&batch, now, policy, &mut outcome);
            let mut sending = std::pin::pin!(sending);
            tokio::select! {
                () = &mut sending => {}
                () = &mut stop, if until.is_none() => {
                    let limit = *until.insert(Instant::now() + batches.flush);
                    // When it is cancelled, `outcome` has what was decided until then.
                    let _ = tokio::time::timeout_at(limit, sending).await;
                }
            }
        }
        reporter.report(&batch, &outcome, now);
        if let Some(folder) = &batches.dead_letters
            && let Err(error) = folder.store(&batch, &outcome, now)
        {
            reporter.report_unstored(&error);
        }
        settle(queue, batch, &outcome);
        let Some(blocked) = outcome.blocked else { continue };
        let next = Instant::now() + blocked.wait;
        let next = until.map_or(next, |until| until.min(next));
        tokio::select! {
            () = client.wait_until(next) => {}
            () = &mut stop, if until.is_none() => until = Some(Instant::now() + batches.flush),
        }
    }
    queue.counts().queued
}

/// Counts the decided samples and puts the rest back into the queue.
fn settle(queue: &Queue, batch: Vec<Entry>, outcome: &Outcome) {
    queue.count(|counts| {
        counts.requests += outcome.requests;
        counts.wire_bytes += outcome.wire_bytes;
        for entry in &outcome.entries {
            match entry {
                EntryOutcome::Unsent => {}
                EntryOutcome::Written => counts.sent += 1,
                EntryOutcome::Refused(_) | EntryOutcome::Rejected(_) => {
                    *counts.refused.entry(reason(entry)).or_default() += 1;
                }
            }
        }
        if outcome.unaccounted > 0 {
            counts.sent = counts.sent.saturating_sub(outcome.unaccounted);
            *counts.refused.entry("unaccounted".to_owned()).or_default() += outcome.unaccounted;
        }
    });
    let entries = batch.into_iter().zip(&outcome.entries);
    let unsent = entries.filter(|(_, entry)| **entry == EntryOutcome::Unsent);
    queue.put_back(unsent.map(|(entry, _)| entry).collect());
}

fn reason(entry: &EntryOutcome) -> String {
    match entry {
        EntryOutcome::Unsent => "unsent".to_owned(),
        EntryOutcome::Written => "written".to_owned(),
        EntryOutcome::Refused(refusal) => refusal.as_str().to_owned(),
        EntryOutcome::Rejected(rejection) => format!("receiver_{}", rejection.status),
    }
}

/// Logs each reason for a rejected sample once, with an example. The counts have the rest.
#[derive(Default)]
struct Reporter {
    reported: BTreeSet<String>,
    reported_unstored: bool,
}

impl Reporter {
    /// Logs the first failure only.
    fn report_unstored(&mut self, error: &DeadLetterError) {
        if !std::mem::replace(&mut self.reported_unstored, true) {
            let error = chain(error);
            tracing::error!(error, "Rejected samples were not stored");
        }
    }

    fn report(&mut self, batch: &[Entry], outcome: &Outcome, now: Timestamp) {
        for (entry, result) in batch.iter().zip(&outcome.entries) {
            let error = match result {
                EntryOutcome::Unsent | EntryOutcome::Written => continue,
                EntryOutcome::Refused(refusal) => refusal.as_str().to_owned(),
                EntryOutcome::Rejected(rejection) => format!("the receiver answered {rejection}"),
            };
            let reason = reason(result);
            if self.reported.insert(reason.clone()) {
                let (series, age_seconds) = (&entry.series, now.since(entry.at()).as_secs());
                tracing::warn!(
                    reason, %series, age_seconds, error,
                    "Sample was not stored; further samples with this reason are only counted"
                );
            }
        }
    }
}

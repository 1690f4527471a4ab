//! Takes samples from the queue to the receiver, until told to stop.

use std::collections::BTreeSet;
use std::time::Duration;

use remote_write::{Client, Fate, HeldUp, Outcome, Patience};
use samples::{Entry, Timestamp};
use tokio::time::Instant;

use crate::Queue;

/// Tries of one request before its samples go back to the front of the queue and are taken up again,
/// with what came in the meantime.
const TRIES: u32 = 10;

/// For how long the same samples must have met with 500 before single ones are suspected.
const SUSPICIOUS: Duration = Duration::from_secs(60);

/// How batches are made.
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    /// Most samples of a request. 2,000.
    pub most: usize,
    /// Longest that a sample waits for company. 5 s.
    pub deadline: Duration,
    /// Longest that sending goes on after the signal to stop. 10 s.
    pub flush: Duration,
}

impl Default for Batches {
    fn default() -> Self {
        Self { most: 2000, deadline: Duration::from_secs(5), flush: Duration::from_secs(10) }
    }
}

/// Sends what is put into `queue`, in its order, until `stop`; then what is left of it, within
/// [`Batches::flush`]. Returns how many samples were left.
///
/// One request at a time: none is begun while another waits to be tried again. `clock` tells the
/// time of day.
pub async fn run(
    mut client: Client,
    queue: &Queue,
    batches: Batches,
    clock: impl Fn() -> Timestamp,
    stop: impl Future<Output = ()>,
) -> usize {
    let mut stop = std::pin::pin!(stop);
    let mut reporter = Reporter::default();
    let mut failing: Option<Instant> = None;
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
        let isolate = failing.is_some_and(|since| since.elapsed() >= SUSPICIOUS);
        let sent = {
            let sending = send(&mut client, queue, &batch, &clock, isolate, until);
            let mut sending = std::pin::pin!(sending);
            tokio::select! {
                sent = &mut sending => Some(sent),
                () = &mut stop, if until.is_none() => {
                    let limit = *until.insert(Instant::now() + batches.flush);
                    tokio::time::timeout_at(limit, sending).await.ok()
                }
            }
        };
        let Some((outcome, now)) = sent else {
            queue.put_back(batch);
            break;
        };
        reporter.tell(&batch, &outcome, now);
        settle(queue, batch, &outcome);
        let Some(HeldUp { wait, .. }) = outcome.held_up else {
            failing = None;
            continue;
        };
        failing.get_or_insert_with(Instant::now);
        let next = Instant::now() + wait;
        let next = until.map_or(next, |until| until.min(next));
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = &mut stop, if until.is_none() => until = Some(Instant::now() + batches.flush),
        }
    }
    queue.counts().queued
}

async fn send(
    client: &mut Client,
    queue: &Queue,
    batch: &[Entry],
    clock: &impl Fn() -> Timestamp,
    isolate: bool,
    until: Option<Instant>,
) -> (Outcome, Timestamp) {
    let now = clock();
    let outcome = client.write(batch, now, Patience { tries: TRIES, until, isolate }).await;
    queue.count(|counts| {
        counts.requests += outcome.requests;
        counts.wire_bytes += outcome.wire_bytes;
    });
    (outcome, now)
}

/// Counts what is decided and puts the rest back.
fn settle(queue: &Queue, batch: Vec<Entry>, outcome: &Outcome) {
    queue.count(|counts| {
        for fate in &outcome.fates {
            match fate {
                Fate::Unsent => {}
                Fate::Written => counts.sent += 1,
                Fate::Refused(_) | Fate::Rejected(_) => {
                    *counts.refused.entry(reason(fate)).or_default() += 1;
                }
            }
        }
        if outcome.unaccounted > 0 {
            counts.sent -= outcome.unaccounted;
            *counts.refused.entry("unaccounted".to_owned()).or_default() += outcome.unaccounted;
        }
    });
    if outcome.held_up.is_some() {
        let fates = batch.into_iter().zip(&outcome.fates);
        let unsent = fates.filter(|(_, fate)| **fate == Fate::Unsent).map(|(entry, _)| entry);
        queue.put_back(unsent.collect());
    }
}

fn reason(fate: &Fate) -> String {
    match fate {
        Fate::Unsent => "unsent".to_owned(),
        Fate::Written => "written".to_owned(),
        Fate::Refused(refusal) => refusal.as_str().to_owned(),
        Fate::Rejected(rejection) => format!("receiver_{}", rejection.status),
    }
}

/// Tells each kind of trouble once, with an example; the counts tell the rest.
#[derive(Default)]
struct Reporter {
    told: BTreeSet<String>,
    held_up: bool,
}

impl Reporter {
    fn tell(&mut self, batch: &[Entry], outcome: &Outcome, now: Timestamp) {
        for (entry, fate) in batch.iter().zip(&outcome.fates) {
            let words = match fate {
                Fate::Unsent | Fate::Written => continue,
                Fate::Refused(refusal) => refusal.as_str().to_owned(),
                Fate::Rejected(rejection) => format!("the receiver answered {rejection}"),
            };
            if self.told.insert(reason(fate)) {
                let age_seconds = now.since(entry.at()).as_secs();
                tracing::warn!(series = %entry.series, age_seconds, words, "refused; told once");
            }
        }
        let was_held_up = std::mem::replace(&mut self.held_up, outcome.held_up.is_some());
        match &outcome.held_up {
            Some(HeldUp { cause, .. }) if !was_held_up => {
                tracing::warn!(cause, "the receiver takes nothing now; samples wait");
            }
            None if was_held_up => tracing::info!("the receiver takes samples again"),
            _ => {}
        }
    }
}

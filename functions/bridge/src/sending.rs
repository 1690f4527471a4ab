//! Sends the samples of an event: all together if the receiver accepts that, else group by group.

use remote_write::{Blocked, Client, EntryOutcome, Outcome, SendPolicy};
use samples::{Entry, Timestamp};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::queued::QueuedMessage;

/// Attempts of one request within one event; the queue delivers the message again later.
const ATTEMPTS: u32 = 4;

/// Groups that may get 500 for everything before the receiver is considered broken.
const BROKEN_GROUPS: usize = 2;

/// Sends what can be sent, in the order of the messages. Returns why samples are unsent.
///
/// All messages are sent in common requests. If the receiver rejects one of these, each group is sent
/// on its own, within its share of the time that is left, so that a group with bad samples cannot use
/// up the time of the others.
pub(crate) async fn send(
    client: &mut Client,
    messages: &mut [QueuedMessage],
    metrics: &mut Metrics,
    now: Timestamp,
    until: Instant,
) -> Option<Blocked> {
    let began = Instant::now();
    let groups = groups(messages);
    let all: Vec<usize> = (0..messages.len()).collect();
    let divide = groups.len() == 1;
    let policy = SendPolicy { attempts: ATTEMPTS, until: Some(until), divide };
    let blocked = write(client, messages, &all, metrics, now, policy).await;
    let is_about_samples = blocked.as_ref().is_some_and(|blocked| blocked.is_about_samples);
    if !is_about_samples || divide {
        return blocked;
    }
    let (mut last, mut broken) = (None, 0);
    for (number, group) in groups.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(groups.len() - number).unwrap_or(1);
        let until = Some(Instant::now() + share);
        let policy = SendPolicy { attempts: ATTEMPTS, until, divide: true };
        let now = now + began.elapsed();
        let Some(blocked) = write(client, messages, group, metrics, now, policy).await else {
            continue;
        };
        broken += usize::from(blocked.is_about_samples);
        let unavailable = !blocked.is_about_samples && !blocked.out_of_time;
        last = Some(blocked);
        if unavailable || broken == BROKEN_GROUPS {
            break;
        }
    }
    last
}

/// Indices of the messages of each group, in their order.
fn groups(messages: &[QueuedMessage]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let same = |group: &&mut Vec<usize>| messages[group[0]].group == message.group;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// One call of the client with the open samples of some messages.
async fn write(
    client: &mut Client,
    messages: &mut [QueuedMessage],
    which: &[usize],
    metrics: &mut Metrics,
    now: Timestamp,
    policy: SendPolicy,
) -> Option<Blocked> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut owners = Vec::new();
    for message in which {
        for index in messages[*message].to_send() {
            entries.push(messages[*message].entries()[index].clone());
            owners.push((*message, index));
        }
    }
    let outcome: Outcome = client.write(&entries, now, policy).await;
    for ((message, index), result) in owners.into_iter().zip(&outcome.entries) {
        messages[message].record(index, result);
    }
    let written = outcome.count(|entry| *entry == EntryOutcome::Written);
    metrics.note_sent(written.saturating_sub(outcome.unaccounted), outcome.unaccounted);
    outcome.blocked
}

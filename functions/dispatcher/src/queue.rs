//! Orders on their way to the queue of runs.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use domain::schedule::{Planned, delay_seconds};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;

/// Most messages in a batch; see the reference of `SendMessageBatch`.
const BATCH: usize = 10;
/// Most bytes in a batch, all messages together. SQS takes 1 MiB, and took 256 KiB before 2025-08.
const BATCH_BYTES: usize = 250_000;
/// Batches on their way at once.
const AT_ONCE: usize = 8;
/// What the queue refused, and not by our fault, waits so long before it is sent once more. The next
/// invocation would be too late for a probe of every ten seconds.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a batch, or a part of it, was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("an order could not be written")]
    Unwritable(#[from] serde_json::Error),
    #[error("an order is not a message")]
    Incomplete(#[from] BuildError),
    #[error("the queue did not take a batch")]
    Refused(#[from] Box<SdkError<SendMessageBatchError>>),
    #[error("the queue refused a message: {reason}")]
    Entry { reason: String },
}

/// What did not get through.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) missing: usize,
    pub(crate) runs_sent: usize,
    pub(crate) source: SendError,
}

struct Message {
    body: String,
    due: Timestamp,
    runs: usize,
}

/// Sends every order, delayed until it is due. Every batch is tried, also after one failed.
///
/// Orders are written as they go out: those of a hundred thousand probes are not held in memory.
pub(crate) async fn send(
    sqs: &Client,
    queue_url: &str,
    planned: &[Planned<'_>],
    now: impl Fn() -> Timestamp,
) -> Result<(), Unsent> {
    let now = &now;
    let sending = batches(planned).map(|batch| async move {
        match batch {
            Ok(batch) => {
                let result = send_batch(sqs, queue_url, &batch, now).await;
                (batch.iter().map(|message| message.runs).collect::<Vec<_>>(), result)
            }
            Err(unwritable) => (vec![0], Err(unwritable.into())),
        }
    });
    let results: Vec<_> = stream::iter(sending).buffer_unordered(AT_ONCE).collect().await;

    let (mut missing, mut runs_sent, mut failed) = (0, 0, None);
    for (batch, result) in results {
        let lost = match result {
            Ok(refused) if refused.is_empty() => Vec::new(),
            Ok(refused) => {
                let reason = refused.first().map(|one| one.reason.clone()).unwrap_or_default();
                failed = Some(SendError::Entry { reason });
                refused.into_iter().map(|one| one.index).collect()
            }
            Err(source) => {
                failed = Some(source);
                (0..batch.len()).collect()
            }
        };
        missing += lost.len();
        runs_sent += batch
            .iter()
            .enumerate()
            .filter(|(index, _)| !lost.contains(index))
            .map(|(_, runs)| runs)
            .sum::<usize>();
    }
    failed.map_or(Ok(()), |source| Err(Unsent { missing, runs_sent, source }))
}

/// Up to ten messages at a time, and as many as fit; one that can't be written stands alone.
fn batches(
    planned: &[Planned<'_>],
) -> impl Iterator<Item = Result<Vec<Message>, serde_json::Error>> {
    let written = |orders: &Planned<'_>| {
        let body = serde_json::to_string(orders)?;
        Ok(Message { body, due: orders.due, runs: orders.runs.len() })
    };
    let mut messages = planned.iter().map(written).peekable();
    std::iter::from_fn(move || {
        let first = match messages.next()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        let mut bytes = first.body.len();
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let fits = |next: &Result<Message, _>| {
                next.as_ref().is_ok_and(|next| bytes + next.body.len() <= BATCH_BYTES)
            };
            let Some(Ok(next)) = messages.next_if(fits) else { break };
            bytes += next.body.len();
            batch.push(next);
        }
        Some(Ok(batch))
    })
}

/// A message of a batch that the queue did not take.
struct Refused {
    index: usize,
    /// The queue's words.
    reason: String,
    /// Sending it again would not mend it.
    ours: bool,
}

/// The messages of the batch that were refused, at the second try too where that could help.
async fn send_batch(
    sqs: &Client,
    queue_url: &str,
    batch: &[Message],
    now: &impl Fn() -> Timestamp,
) -> Result<Vec<Refused>, SendError> {
    let all: Vec<usize> = (0..batch.len()).collect();
    let mut refused = post(sqs, queue_url, batch, &all, now()).await?;
    let again: Vec<usize> = refused.iter().filter(|one| !one.ours).map(|one| one.index).collect();
    if !again.is_empty() {
        tokio::time::sleep(PAUSE).await;
        // When that fails as a whole, the words of the first try stand.
        if let Ok(still) = post(sqs, queue_url, batch, &again, now()).await {
            refused.retain(|one| one.ours);
            refused.extend(still);
        }
    }
    Ok(refused)
}

/// One request with these messages of the batch.
async fn post(
    sqs: &Client,
    queue_url: &str,
    batch: &[Message],
    indices: &[usize],
    now: Timestamp,
) -> Result<Vec<Refused>, SendError> {
    let entry = |index: &usize| {
        let message = &batch[*index];
        SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(&message.body)
            .delay_seconds(delay_seconds(message.due, now))
            .build()
    };
    let entries = indices.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let sent = sqs
        .send_message_batch()
        .queue_url(queue_url)
        .set_entries(Some(entries))
        .send()
        .await
        .map_err(Box::new)?;
    let refused = |failure: &BatchResultErrorEntry| {
        let reason =
            format!("{}: {}", failure.code(), failure.message().unwrap_or("no further words"));
        let index = failure.id().parse().ok()?;
        Some(Refused { index, reason, ours: failure.sender_fault() })
    };
    Ok(sent.failed().iter().filter_map(refused).collect())
}

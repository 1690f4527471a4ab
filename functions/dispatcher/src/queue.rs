//! Sends run requests to the queue of runs.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use domain::schedule::{Planned, delay_seconds};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;

/// Largest number of messages in a batch (`SendMessageBatch`).
const BATCH: usize = 10;
/// Largest size of a batch, in bytes. SQS accepts 1 MiB, and 256 KiB before August 2025.
const BATCH_BYTES: usize = 250_000;
/// Number of batches sent concurrently.
const AT_ONCE: usize = 8;
/// Pause before a message is sent a second time, when SQS rejected it without a fault of the sender. The
/// next invocation would be too late for a probe that runs every ten seconds.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a batch, or a message in it, was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("could not serialize a run request")]
    Serialize(#[from] serde_json::Error),
    #[error("could not build the SQS message")]
    Build(#[from] BuildError),
    #[error("the queue of runs rejected a batch")]
    Batch(#[from] Box<SdkError<SendMessageBatchError>>),
    #[error("the queue of runs rejected a message: {reason}")]
    Message { reason: String },
    #[error("the queue of runs did not respond")]
    TimedOut,
}

/// Messages that were not sent, and why.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) missing: usize,
    pub(crate) runs_sent: usize,
    pub(crate) source: SendError,
}

impl Unsent {
    /// None of the messages was sent.
    pub(crate) fn all(missing: usize, source: SendError) -> Self {
        Self { missing, runs_sent: 0, source }
    }
}

struct Message {
    body: String,
    due: Timestamp,
    runs: usize,
}

/// Sends every run request with a delay until it is due. A failed batch does not stop the others.
///
/// Bodies are serialized batch by batch, so that those of 100,000 probes are not in memory together.
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
            Err(error) => (vec![0], Err(error.into())),
        }
    });
    let results: Vec<_> = stream::iter(sending).buffer_unordered(AT_ONCE).collect().await;

    let (mut missing, mut runs_sent, mut failed) = (0, 0, None);
    for (batch, result) in results {
        let lost = match result {
            Ok(rejected) if rejected.is_empty() => Vec::new(),
            Ok(rejected) => {
                let reason = rejected.first().map(|one| one.reason.clone()).unwrap_or_default();
                failed = Some(SendError::Message { reason });
                rejected.into_iter().map(|one| one.index).collect()
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

/// Batches of up to ten messages within the size limit. A message that cannot be serialized is alone.
fn batches(
    planned: &[Planned<'_>],
) -> impl Iterator<Item = Result<Vec<Message>, serde_json::Error>> {
    let serialize = |request: &Planned<'_>| {
        let body = serde_json::to_string(request)?;
        Ok(Message { body, due: request.due, runs: request.runs.len() })
    };
    let mut messages = planned.iter().map(serialize).peekable();
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
/// A message that SQS rejected.
struct Rejected {
    index: usize,
    /// Error code and message from SQS.
    reason: String,
    /// A fault of the sender: a retry would fail in the same way.
    is_sender_fault: bool,
}

/// Sends a batch and returns the rejected messages. Those that a retry can fix are sent twice.
async fn send_batch(
    sqs: &Client,
    queue_url: &str,
    batch: &[Message],
    now: &impl Fn() -> Timestamp,
) -> Result<Vec<Rejected>, SendError> {
    let all: Vec<usize> = (0..batch.len()).collect();
    let mut rejected = post(sqs, queue_url, batch, &all, now()).await?;
    let again: Vec<usize> =
        rejected.iter().filter(|one| !one.is_sender_fault).map(|one| one.index).collect();
    if !again.is_empty() {
        tokio::time::sleep(PAUSE).await;
        // When the second request fails as a whole, the reasons of the first one are kept.
        if let Ok(still) = post(sqs, queue_url, batch, &again, now()).await {
            rejected.retain(|one| one.is_sender_fault);
            rejected.extend(still);
        }
    }
    Ok(rejected)
}

/// Sends one request with these messages of the batch.
async fn post(
    sqs: &Client,
    queue_url: &str,
    batch: &[Message],
    indices: &[usize],
    now: Timestamp,
) -> Result<Vec<Rejected>, SendError> {
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
    let rejected = |failure: &BatchResultErrorEntry| {
        let reason = format!("{}: {}", failure.code(), failure.message().unwrap_or("no message"));
        let index = failure.id().parse().ok()?;
        Some(Rejected { index, reason, is_sender_fault: failure.sender_fault() })
    };
    Ok(sent.failed().iter().filter_map(rejected).collect())
}

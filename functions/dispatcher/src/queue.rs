//! Orders on their way to the queue of runs.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
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
pub(crate) async fn send(
    sqs: &Client,
    queue_url: &str,
    planned: &[Planned<'_>],
    now: impl Fn() -> Timestamp,
) -> Result<(), Unsent> {
    let written = planned.iter().map(|orders| {
        Ok(Message {
            body: serde_json::to_string(orders)?,
            due: orders.due,
            runs: orders.runs.len(),
        })
    });
    let messages: Vec<Message> = written
        .collect::<Result<_, SendError>>()
        .map_err(|source| Unsent { missing: planned.len(), runs_sent: 0, source })?;
    let now = &now;
    let sending = batches(&messages)
        .map(|batch| async move { (batch, send_batch(sqs, queue_url, batch, now()).await) });
    let results: Vec<_> = stream::iter(sending).buffer_unordered(AT_ONCE).collect().await;

    let (mut missing, mut runs_sent, mut failed) = (0, 0, None);
    for (batch, result) in results {
        let lost = match result {
            Ok(refused) if refused.is_empty() => Vec::new(),
            Ok(refused) => {
                let reason = refused.first().map(|(_, reason)| reason.clone()).unwrap_or_default();
                failed = Some(SendError::Entry { reason });
                refused.into_iter().map(|(index, _)| index).collect()
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
            .map(|(_, message)| message.runs)
            .sum::<usize>();
    }
    failed.map_or(Ok(()), |source| Err(Unsent { missing, runs_sent, source }))
}

fn batches(messages: &[Message]) -> impl Iterator<Item = &[Message]> {
    let mut rest = messages;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |message: &&Message| {
            bytes += message.body.len();
            bytes <= BATCH_BYTES
        };
        let count = rest.iter().take(BATCH).take_while(fits).count().max(1).min(rest.len());
        let (batch, others) = rest.split_at(count);
        rest = others;
        (!batch.is_empty()).then_some(batch)
    })
}

/// The messages of the batch that were refused, by index, with the queue's words.
async fn send_batch(
    sqs: &Client,
    queue_url: &str,
    batch: &[Message],
    now: Timestamp,
) -> Result<Vec<(usize, String)>, SendError> {
    let entry = |(index, message): (usize, &Message)| {
        SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(&message.body)
            .delay_seconds(delay_seconds(message.due, now))
            .build()
    };
    let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
    let sent = sqs
        .send_message_batch()
        .queue_url(queue_url)
        .set_entries(Some(entries))
        .send()
        .await
        .map_err(Box::new)?;
    let refused = |failure: &aws_sdk_sqs::types::BatchResultErrorEntry| {
        let reason =
            format!("{}: {}", failure.code(), failure.message().unwrap_or("no further words"));
        failure.id().parse().ok().map(|index| (index, reason))
    };
    Ok(sent.failed().iter().filter_map(refused).collect())
}

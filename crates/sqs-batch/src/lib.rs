//! Sends messages to an SQS queue in batches, within the limits of `SendMessageBatch`.
//!
//! SQS can reject single messages of a batch that it otherwise accepts. Those are sent again once, after
//! [`RETRY_PAUSE`], unless SQS says that the sender is at fault. In a FIFO queue a batch holds at most
//! one message of a group, and a message that was not sent stops the later messages of its group, so a
//! message never overtakes an earlier one of its group.

mod batches;
mod message;

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

pub use message::{Fifo, Message};

/// Time before single rejected messages are sent again.
pub const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Characters of an attribute's value that are kept.
const ATTRIBUTE_CHARS: usize = 1000;

/// Some messages were not sent; the others were.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not accept {} of {total} messages", .unsent.len())]
pub struct SendError {
    /// Indices of the messages that were not sent, in rising order.
    pub unsent: Vec<usize>,
    pub total: usize,
    /// The first failure.
    #[source]
    pub source: BatchError,
}

/// Why a batch, or one message of it, was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    #[error("the request failed")]
    Request(#[source] Box<SdkError<SendMessageBatchError>>),
    #[error("SQS rejected a message with `{code}`: {message}")]
    Rejected { code: String, message: String },
}

/// Sends `messages` in their order.
pub async fn send(client: &Client, queue_url: &str, messages: &[Message]) -> Result<(), SendError> {
    let mut unsent = Vec::new();
    let mut first = None;
    let mut stopped: HashSet<&str> = HashSet::new();
    for batch in batches::split(messages) {
        let (open, blocked): (Vec<usize>, Vec<usize>) = batch.into_iter().partition(|index| {
            !messages[*index].fifo.as_ref().is_some_and(|fifo| stopped.contains(&*fifo.group))
        });
        unsent.extend(blocked);
        if let Err(Failed { indices, source }) =
            send_batch(client, queue_url, messages, &open).await
        {
            let groups = indices.iter().filter_map(|index| messages[*index].fifo.as_ref());
            stopped.extend(groups.map(|fifo| fifo.group.as_str()));
            unsent.extend(indices);
            first.get_or_insert(source);
        }
    }
    unsent.sort_unstable();
    match first {
        None => Ok(()),
        Some(source) => Err(SendError { unsent, total: messages.len(), source }),
    }
}

/// The messages of one batch that SQS did not accept.
struct Failed {
    indices: Vec<usize>,
    source: BatchError,
}

async fn send_batch(
    client: &Client,
    queue_url: &str,
    messages: &[Message],
    batch: &[usize],
) -> Result<(), Failed> {
    if batch.is_empty() {
        return Ok(());
    }
    let request_failed =
        |source| Failed { indices: batch.to_vec(), source: BatchError::Request(Box::new(source)) };
    let mut rejected = post(client, queue_url, messages, batch).await.map_err(request_failed)?;
    let again: Vec<usize> =
        rejected.iter().filter(|one| !one.sender_fault).map(|one| one.index).collect();
    if !again.is_empty() {
        tokio::time::sleep(RETRY_PAUSE).await;
        // If the second request fails as a whole, the rejections of the first one are reported.
        if let Ok(still) = post(client, queue_url, messages, &again).await {
            rejected.retain(|one| one.sender_fault);
            rejected.extend(still);
        }
    }
    let indices = rejected.iter().map(|one| one.index).collect();
    match rejected.into_iter().next() {
        None => Ok(()),
        Some(Rejected { code, message, .. }) => {
            Err(Failed { indices, source: BatchError::Rejected { code, message } })
        }
    }
}

/// A message that SQS rejected although it accepted the request.
struct Rejected {
    index: usize,
    code: String,
    message: String,
    /// The same message would be rejected again.
    sender_fault: bool,
}

async fn post(
    client: &Client,
    queue_url: &str,
    messages: &[Message],
    batch: &[usize],
) -> Result<Vec<Rejected>, SdkError<SendMessageBatchError>> {
    let entries = batch.iter().map(|index| entry(*index, &messages[*index])).collect();
    let request = client.send_message_batch().queue_url(queue_url).set_entries(Some(entries));
    let sent = request.send().await?;
    let rejected = sent.failed().iter().filter_map(|failure| {
        Some(Rejected {
            index: failure.id().parse().ok()?,
            code: failure.code().to_owned(),
            message: failure.message().unwrap_or("no message").to_owned(),
            sender_fault: failure.sender_fault(),
        })
    });
    Ok(rejected.collect())
}

fn entry(index: usize, message: &Message) -> SendMessageBatchRequestEntry {
    let attributes =
        message.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(&message.body)
        .set_delay_seconds((message.delay_seconds > 0).then_some(message.delay_seconds))
        .set_message_group_id(message.fifo.as_ref().map(|fifo| fifo.group.clone()))
        .set_message_deduplication_id(message.fifo.as_ref().map(|fifo| fifo.deduplication.clone()))
        .set_message_attributes((!message.attributes.is_empty()).then(|| attributes.collect()))
        .build()
        .expect("the id and the body are set")
}

/// A string attribute: SQS accepts only characters that XML accepts, and no empty value.
fn text(value: &str) -> MessageAttributeValue {
    let accepted = |char: &char| !char.is_control() && !matches!(char, '\u{fffe}' | '\u{ffff}');
    let clean: String = value.chars().filter(accepted).take(ATTRIBUTE_CHARS).collect();
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(if clean.is_empty() { "-".to_owned() } else { clean })
        .build()
        .expect("the type is set")
}

#[cfg(test)]
mod tests;

//! Samples that the receiver rejects, sent to the dead-letter queue with the reason.
//!
//! A dead letter is a samples message like any other, with the reason in an attribute, so that it can
//! be put back into the samples queue when the cause is fixed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_sqs::Client;
use samples::Entry;
use samples::message::encode;
use sqs_batch::Message;

use crate::queued::{Cause, QueuedMessage};

/// Why dead letters were not sent: the message stays in the samples queue.
#[derive(Debug, thiserror::Error)]
#[error("could not send rejected samples to the dead-letter queue")]
pub(crate) struct DeadLetterError(#[from] sqs_batch::SendError);

/// Sends the rejected samples of `message`; returns how many samples that were.
///
/// A message that cannot be read counts as one sample and is sent as it is.
pub(crate) async fn send(
    client: &Client,
    url: &str,
    message: &QueuedMessage,
) -> Result<usize, DeadLetterError> {
    let dead_letters = dead_letters(message);
    for letter in &dead_letters {
        let reason = letter.attributes.first().map(|(_, reason)| reason.as_str());
        tracing::warn!(run = message.run(), message = message.id, reason, "Samples dead-lettered");
    }
    sqs_batch::send(client, url, &dead_letters).await?;
    Ok(if message.content.is_ok() { message.results.rejected.len() } else { 1 })
}

fn dead_letters(message: &QueuedMessage) -> Vec<Message> {
    let with_reason = |group: &str, deduplication: String, body: String, reason: String| Message {
        attributes: vec![("Reason", reason), ("MessageId", message.id.clone())],
        ..Message::fifo(group.to_owned(), deduplication, body)
    };
    let content = match &message.content {
        Ok(content) => content,
        Err(unreadable) => {
            let group = if message.group.is_empty() { "unreadable" } else { &message.group };
            let (id, body) = (format!("dead-{}", message.id), message.body.clone());
            return vec![with_reason(group, id, body, lambda_kit::chain(unreadable))];
        }
    };
    let mut by_reason: BTreeMap<String, Vec<(&Cause, &Entry)>> = BTreeMap::new();
    for (cause, index) in &message.results.rejected {
        let entry = &content.entries[*index];
        by_reason.entry(cause.reason()).or_default().push((cause, entry));
    }
    let mut dead_letters = Vec::new();
    for (reason, rejected) in by_reason {
        let entries: Vec<Entry> = rejected.iter().map(|(_, entry)| (*entry).clone()).collect();
        let description = describe(&rejected, message.deliveries);
        // A later delivery of the message may add further dead letters with this reason.
        let number = message.results.dead_lettered;
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        let run = format!("dead-{}-{reason}{number}", message.id);
        // All entries are from one message, so none is too large for a message.
        for outgoing in encode(&content.group, &content.run, content.due, &entries).messages {
            // The id names the message and the reason, so that a second delivery is not sent twice.
            let id = match outgoing.deduplication.strip_suffix(&content.run) {
                Some(part) => format!("{part}{run}"),
                None => run.clone(),
            };
            dead_letters.push(with_reason(&outgoing.group, id, outgoing.body, description.clone()));
        }
    }
    dead_letters
}

/// The receiver's answers differ from sample to sample (they contain its time), so one example is given.
fn describe(rejected: &[(&Cause, &Entry)], deliveries: u32) -> String {
    let Some((cause, entry)) = rejected.first() else { return String::new() };
    let mut description = format!("{} to `{}`", cause.description(), entry.series.name());
    if rejected.len() > 1 {
        let _ = write!(description, " and {} more samples", rejected.len() - 1);
    }
    if deliveries > 1 && matches!(cause, Cause::Rejected(_)) {
        description.push_str("; delivered before, so they may have been written then");
    }
    description
}

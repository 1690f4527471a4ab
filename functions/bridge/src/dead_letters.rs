//! Samples that the receiver rejects, sent to the dead-letter queue with the reason.
//!
//! A dead letter is a samples message like any other, with the reason in an attribute, so
//! `vigie dead-letters retry` can put it back into the samples queue when the cause is fixed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_sqs::Client;
use samples::Entry;
use samples::message::{TooLarge, encode};
use sqs_batch::Message;

use crate::letter::{Letter, Why};

/// Why dead letters were not sent: the message stays in the samples queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    #[error("could not send rejected samples to the dead-letter queue")]
    Queue(#[from] sqs_batch::SendError),
    #[error("could not encode rejected samples as a message")]
    Encode(#[from] TooLarge),
}

/// Sends the rejected samples of `letter`; returns how many samples that were.
///
/// A message that cannot be read counts as one sample and is sent as it is.
pub(crate) async fn post(client: &Client, url: &str, letter: &Letter) -> Result<usize, PostError> {
    let messages = messages(letter)?;
    for message in &messages {
        let reason = message.attributes.first().map(|(_, reason)| reason.as_str());
        tracing::warn!(run = letter.run(), message = letter.id, reason, "Samples dead-lettered");
    }
    sqs_batch::send(client, url, &messages).await?;
    Ok(if letter.content.is_ok() { letter.findings.hopeless.len() } else { 1 })
}

fn messages(letter: &Letter) -> Result<Vec<Message>, TooLarge> {
    let with_reason = |group: &str, deduplication: String, body: String, reason: String| Message {
        attributes: vec![("Reason", reason), ("MessageId", letter.id.clone())],
        ..Message::fifo(group.to_owned(), deduplication, body)
    };
    let message = match &letter.content {
        Ok(message) => message,
        Err(unreadable) => {
            let group = if letter.group.is_empty() { "unreadable" } else { &letter.group };
            let (id, body) = (format!("dead-{}", letter.id), letter.body.clone());
            return Ok(vec![with_reason(group, id, body, lambda_kit::chain(unreadable))]);
        }
    };
    let mut by_reason: BTreeMap<String, Vec<&(Why, Entry)>> = BTreeMap::new();
    for rejected in &letter.findings.hopeless {
        by_reason.entry(rejected.0.reason()).or_default().push(rejected);
    }
    let mut messages = Vec::new();
    for (reason, rejected) in by_reason {
        let entries: Vec<Entry> = rejected.iter().map(|(_, entry)| entry.clone()).collect();
        let words = describe(&rejected, letter.deliveries);
        let run = format!("dead-{}-{reason}", letter.id);
        for outgoing in encode(&message.group, &message.run, message.due, &entries)? {
            // The id names the message and the reason, so that a second delivery is not sent twice.
            let id = match outgoing.deduplication.strip_suffix(&message.run) {
                Some(part) => format!("{part}{run}"),
                None => run.clone(),
            };
            messages.push(with_reason(&outgoing.group, id, outgoing.body, words.clone()));
        }
    }
    Ok(messages)
}

/// The receiver's words differ from sample to sample (they contain its time), so one example is given.
fn describe(rejected: &[&(Why, Entry)], deliveries: u32) -> String {
    let Some((why, entry)) = rejected.first() else { return String::new() };
    let mut words = format!("{} to `{}`", why.words(), entry.series.name());
    if rejected.len() > 1 {
        let _ = write!(words, " and {} more samples", rejected.len() - 1);
    }
    if deliveries > 1 && matches!(why, Why::Rejected(_)) {
        words.push_str("; delivered before, so they may have been written then");
    }
    words
}

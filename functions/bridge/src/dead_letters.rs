//! What the receiver will never take, put aside with its reason.
//!
//! A dead letter is a samples message like any other, its reason in an attribute: when the cause is
//! mended, the queue's own redrive sends it on its way again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use forward::message::{Outgoing, encode};
use remote_write::Entry;

use crate::letter::{Letter, Why};

/// Why dead letters were not posted: the letter stays where it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    #[error("the dead-letter queue did not take what is hopeless")]
    Queue(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a hopeless sample can't be written down")]
    Encode(#[from] forward::message::TooLarge),
}

/// Posts what is hopeless about `letter`; returns how many samples that were.
///
/// A message that can't be read counts as one sample and is posted as it came.
pub(crate) async fn post(client: &Client, url: &str, letter: &Letter) -> Result<usize, PostError> {
    let message = match &letter.content {
        Ok(message) => message,
        Err(unreadable) => {
            let outgoing = Outgoing {
                group: if letter.group.is_empty() {
                    "unreadable".into()
                } else {
                    letter.group.clone()
                },
                deduplication: format!("dead-{}", letter.id),
                body: letter.body.clone(),
            };
            send(client, url, outgoing, &lambda_kit::chain(unreadable), letter).await?;
            return Ok(1);
        }
    };
    let mut by_reason: BTreeMap<String, Vec<&(Why, Entry)>> = BTreeMap::new();
    for hopeless in &letter.findings.hopeless {
        by_reason.entry(hopeless.0.reason()).or_default().push(hopeless);
    }
    for (reason, hopeless) in by_reason {
        let entries: Vec<Entry> = hopeless.iter().map(|(_, entry)| entry.clone()).collect();
        let words = tell(&hopeless, letter.deliveries);
        let run = format!("dead-{}-{reason}", letter.id);
        for mut outgoing in encode(&message.group, &message.run, message.due, &entries)? {
            // Of this letter and reason, so that a second delivery does not post it twice.
            outgoing.deduplication = match outgoing.deduplication.strip_suffix(&message.run) {
                Some(part) => format!("{part}{run}"),
                None => run.clone(),
            };
            send(client, url, outgoing, &words, letter).await?;
        }
    }
    Ok(letter.findings.hopeless.len())
}

/// The receiver's words differ from sample to sample (they name its time): one stands for all.
fn tell(hopeless: &[&(Why, Entry)], deliveries: u32) -> String {
    let Some((why, entry)) = hopeless.first() else { return String::new() };
    let mut words = format!("{} to `{}`", why.words(), entry.series.name());
    if hopeless.len() > 1 {
        let _ = write!(words, " and {} more samples", hopeless.len() - 1);
    }
    if deliveries > 1 && matches!(why, Why::Rejected(_)) {
        words.push_str("; delivered before, so they may have been written then");
    }
    words
}

async fn send(
    client: &Client,
    url: &str,
    outgoing: Outgoing,
    words: &str,
    letter: &Letter,
) -> Result<(), PostError> {
    tracing::warn!(run = letter.run(), message = letter.id, reason = words, "dead-lettered");
    let request = client
        .send_message()
        .queue_url(url)
        .message_group_id(outgoing.group)
        .message_deduplication_id(outgoing.deduplication)
        .message_body(outgoing.body)
        .message_attributes("Reason", text(words))
        .message_attributes("MessageId", text(&letter.id));
    request.send().await.map_err(|error| PostError::Queue(error.into()))?;
    Ok(())
}

/// Attributes take only what XML can hold.
fn text(value: &str) -> MessageAttributeValue {
    let clean: String = value
        .chars()
        .filter(|each| !each.is_control() && !('\u{fffe}'..='\u{ffff}').contains(each))
        .take(1000)
        .collect();
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(if clean.is_empty() { "-".into() } else { clean })
        .build()
        .expect("the type is given")
}

//! Sends signed run requests to the queue of runs.

use aws_sdk_sqs::Client;
use domain::schedule::{Planned, delay_seconds};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use request_signing::SigningKey;
use sqs_batch::Message;

/// Messages that are serialized and sent together.
const TOGETHER: usize = 10;
/// Number of such groups sent concurrently.
const AT_ONCE: usize = 8;

/// Why messages were not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    #[error("could not serialize a run request")]
    Serialize(#[from] serde_json::Error),
    #[error(transparent)]
    Queue(#[from] sqs_batch::SendError),
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

/// Sends every run request with a delay until it is due. A failed group does not stop the others.
///
/// Bodies are serialized group by group, so that those of 100,000 probes are not in memory together.
pub(crate) async fn send(
    sqs: &Client,
    queue_url: &str,
    key: &SigningKey,
    planned: &[Planned<'_>],
    now: impl Fn() -> Timestamp,
) -> Result<(), Unsent> {
    let now = &now;
    let sending = planned.chunks(TOGETHER).map(|group| async move {
        let sent = send_group(sqs, queue_url, key, group, now()).await;
        (group, sent)
    });
    let results: Vec<_> = stream::iter(sending).buffer_unordered(AT_ONCE).collect().await;

    let (mut missing, mut runs_sent, mut failed) = (0, 0, None);
    for (group, sent) in results {
        let lost = sent.err().map_or_else(Vec::new, |source| {
            let lost = unsent(&source, group.len());
            failed.get_or_insert(source);
            lost
        });
        missing += lost.len();
        let all = group.iter().enumerate();
        let sent = all.filter(|(index, _)| !lost.contains(index));
        runs_sent += sent.map(|(_, request)| request.runs.len()).sum::<usize>();
    }
    failed.map_or(Ok(()), |source| Err(Unsent { missing, runs_sent, source }))
}

/// Indices of the messages of a group that were not sent.
fn unsent(error: &SendError, group: usize) -> Vec<usize> {
    match error {
        SendError::Serialize(_) | SendError::TimedOut => (0..group).collect(),
        SendError::Queue(error) => error.unsent.clone(),
    }
}

async fn send_group(
    sqs: &Client,
    queue_url: &str,
    key: &SigningKey,
    group: &[Planned<'_>],
    now: Timestamp,
) -> Result<(), SendError> {
    let message = |request: &Planned<'_>| {
        let signed = key.signed(serde_json::to_string(request)?);
        let body = serde_json::to_string(&signed)?;
        Ok(Message { body, delay_seconds: delay_seconds(request.due, now), ..Message::default() })
    };
    let messages = group.iter().map(message).collect::<Result<Vec<_>, serde_json::Error>>()?;
    Ok(sqs_batch::send(sqs, queue_url, &messages).await?)
}

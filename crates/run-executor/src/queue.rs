//! The queue of runs. Lambda receives and deletes messages by itself; an agent does it here.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageError;
use aws_sdk_sqs::types::MessageSystemAttributeName as Attribute;
use domain::chain;
use jiff::Timestamp;
use tracing::warn;

use crate::clients::{ATTEMPT_TIMEOUT, OPERATION_TIMEOUT};

/// Longest time that a request may take: Lambda's largest timeout of a function. A message stays hidden for
/// longer, so that it is delivered again only after a crash.
pub const MAX_EXECUTION: Duration = Duration::from_secs(900);

/// How long SQS waits for a message before it answers that there is none.
pub(crate) const POLL_WAIT: Duration = Duration::from_secs(10);

/// Messages of one answer, at most: the limit of SQS.
const MOST_RECEIVED: usize = 10;

/// Why no messages were received. A retry may succeed.
#[derive(Debug, thiserror::Error)]
#[error("could not receive from the queue of runs")]
pub struct ReceiveError(#[source] Box<SdkError<ReceiveMessageError>>);

/// A message of the queue of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub id: Option<String>,
    pub receipt: Option<String>,
    pub body: String,
    /// When SQS delivered it for the first time.
    pub first_received: Option<Timestamp>,
}

impl Message {
    /// Whether an earlier process received this message and crashed. A process that ended would have deleted
    /// it. A duplicate that SQS delivers arrives earlier than [`MAX_EXECUTION`] after the first copy.
    pub(crate) fn was_abandoned(&self) -> bool {
        self.first_received.is_some_and(|first| MAX_EXECUTION < behind(first))
    }
}

/// The time of a message's attribute, in milliseconds since 1970.
#[must_use]
pub fn time_of_attribute(milliseconds: Option<&str>) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds?.parse().ok()?).ok()
}

/// Time since `due`; zero when it is in the future.
pub(crate) fn behind(due: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(due)).unwrap_or_default()
}

/// The queue of runs of one location.
#[derive(Clone)]
pub struct RunsQueue {
    sqs: Client,
    url: String,
}

impl RunsQueue {
    #[must_use]
    pub fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Receives up to `most` messages; none after [`POLL_WAIT`].
    ///
    /// # Errors
    /// When SQS did not answer.
    pub async fn receive(&self, most: usize) -> Result<Vec<Message>, ReceiveError> {
        let seconds = |time: Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
        let most = i32::try_from(most.min(MOST_RECEIVED)).unwrap_or(1);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(POLL_WAIT + ATTEMPT_TIMEOUT)
            .operation_timeout(POLL_WAIT + OPERATION_TIMEOUT)
            .build();
        let receive = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(most)
            .wait_time_seconds(seconds(POLL_WAIT))
            .message_system_attribute_names(Attribute::ApproximateFirstReceiveTimestamp)
            .customize()
            .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(timeouts));
        let received = receive.send().await.map_err(|error| ReceiveError(Box::new(error)))?;
        Ok(received.messages.unwrap_or_default().into_iter().map(message).collect())
    }

    /// Deletes a handled message. Its runs are claimed, so a second delivery would only count them as lost.
    pub async fn delete(&self, message: &Message) {
        let receipt = message.receipt.clone();
        let delete = self.sqs.delete_message().queue_url(&self.url).set_receipt_handle(receipt);
        if let Err(error) = delete.send().await {
            let (error, id) = (chain(&error), &message.id);
            warn!(
                error,
                message = id,
                "Deleting a handled run request failed; its runs will be counted as lost"
            );
        }
    }

    /// Makes a message visible at once: for another process, or for the dead-letter queue.
    pub async fn release(&self, message: &Message) {
        let receipt = message.receipt.clone();
        let visible =
            self.sqs.change_message_visibility().queue_url(&self.url).set_receipt_handle(receipt);
        if let Err(error) = visible.visibility_timeout(0).send().await {
            let (error, id) = (chain(&error), &message.id);
            warn!(
                error,
                message = id,
                "Releasing a run request failed; SQS delivers it again later"
            );
        }
    }
}

fn message(received: aws_sdk_sqs::types::Message) -> Message {
    let attributes = received.attributes.unwrap_or_default();
    let first = attributes.get(&Attribute::ApproximateFirstReceiveTimestamp);
    Message {
        id: received.message_id,
        receipt: received.receipt_handle,
        body: received.body.unwrap_or_default(),
        first_received: time_of_attribute(first.map(String::as_str)),
    }
}

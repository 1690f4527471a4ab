//! The queue of runs, beside what Lambda does with it: that deletes the messages of an event that went
//! well, and lets the others come back after the queue's visibility timeout, an hour and a half later.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use lambda_kit::chain;
use tracing::warn;

/// The longest that Lambda lets an invocation last.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// Whether this message was handed out before, to an invocation that must have died since: one that
/// ended would have deleted it. A duplicate, of which SQS makes some, comes while the other copy is
/// still being carried out, or was just now.
pub(crate) fn outlived_its_reader(message: &SqsMessage) -> bool {
    let first = message.attributes.get("ApproximateFirstReceiveTimestamp");
    let first = first.and_then(|milliseconds| milliseconds.parse().ok());
    let first = first.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    first.is_some_and(|first| crate::behind(first) > LONGEST_INVOCATION)
}

/// Deletes what was carried out although the invocation fails: nothing of it would be made again, so
/// it would only come back to be taken for lost.
pub(crate) async fn delete(sqs: &Client, url: &str, message: &SqsMessage) {
    let receipt = message.receipt_handle.clone();
    let deleted = sqs.delete_message().queue_url(url).set_receipt_handle(receipt).send().await;
    if let Err(error) = deleted {
        warn!(
            error = chain(&error),
            message = message.message_id,
            "an order that was carried out is still in the queue; its runs will be counted as lost"
        );
    }
}

/// Lets a message that nobody can read come back at once, so that it is soon among the dead letters.
pub(crate) async fn hurry(sqs: &Client, url: &str, message: &SqsMessage) {
    let receipt = message.receipt_handle.clone();
    let visible = sqs.change_message_visibility().queue_url(url).set_receipt_handle(receipt);
    if let Err(error) = visible.visibility_timeout(0).send().await {
        warn!(
            error = chain(&error),
            message = message.message_id,
            "an order that can't be read will be a dead letter hours from now"
        );
    }
}

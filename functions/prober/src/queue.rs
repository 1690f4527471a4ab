//! Operations on the queue of runs that Lambda does not do by default. Lambda deletes the messages of a
//! successful event and returns the others after the queue's visibility timeout, which is 90 minutes.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use lambda_kit::chain;
use tracing::warn;

/// Lambda's largest timeout of a function.
const MAX_INVOCATION: Duration = Duration::from_secs(900);

/// Time since `due`; zero when it is in the future.
pub(crate) fn behind(due: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(due)).unwrap_or_default()
}

/// Whether an earlier invocation received this message and crashed. An invocation that ended would have
/// deleted it. A duplicate that SQS delivers arrives earlier than [`MAX_INVOCATION`] after the first copy.
pub(crate) fn was_abandoned(message: &SqsMessage) -> bool {
    let first = message.attributes.get("ApproximateFirstReceiveTimestamp");
    let first = first.and_then(|milliseconds| milliseconds.parse().ok());
    let first = first.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    first.is_some_and(|first| behind(first) > MAX_INVOCATION)
}

/// Deletes a handled message although the invocation fails. Its runs are claimed, so a second delivery
/// would only count them as lost.
pub(crate) async fn delete(sqs: &Client, url: &str, message: &SqsMessage) {
    let receipt = message.receipt_handle.clone();
    let deleted = sqs.delete_message().queue_url(url).set_receipt_handle(receipt).send().await;
    if let Err(error) = deleted {
        warn!(
            error = chain(&error),
            message = message.message_id,
            "Deleting a handled run request failed; its runs will be counted as lost"
        );
    }
}

/// Makes an unreadable message visible at once, so that it soon reaches the dead-letter queue.
pub(crate) async fn release(sqs: &Client, url: &str, message: &SqsMessage) {
    let receipt = message.receipt_handle.clone();
    let visible = sqs.change_message_visibility().queue_url(url).set_receipt_handle(receipt);
    if let Err(error) = visible.visibility_timeout(0).send().await {
        warn!(
            error = chain(&error),
            message = message.message_id,
            "Releasing an unreadable run request failed; it reaches the dead-letter queue hours later"
        );
    }
}

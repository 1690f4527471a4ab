//! Code that every Lambda function needs around its handler: settings, logs, deadlines, error texts.

mod logs;
mod settings;

use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::Context;

pub use domain::chain;
pub use logs::{VIGIE_CRATES, init_logs};
pub use settings::{SettingError, Settings};

/// An environment variable of the process. An empty value counts as not set, since a template cannot
/// omit a variable.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Time left until the deadline of this invocation.
#[must_use]
pub fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default()
}

/// A partial batch response: SQS redelivers the messages with these IDs and deletes the others.
#[must_use]
pub fn redeliver(ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let failure = |id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        failure
    };
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = ids.into_iter().map(failure).collect();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_lists_only_messages_to_redeliver() {
        let response = redeliver(["a".to_owned(), "b".to_owned()]);
        let ids: Vec<&str> =
            response.batch_item_failures.iter().map(|failure| &*failure.item_identifier).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}

//! Code that every Lambda function needs around its handler: settings, logs, deadlines, error texts.

mod logs;
mod settings;

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::Context;

pub use logs::{VIGIE_CRATES, init_logs};
pub use settings::{SettingError, Settings};

/// An environment variable of the process. An empty value counts as not set, since a template cannot
/// omit a variable.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An error and its causes in one line: `could not store the report: service error: access denied`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat the cause in their own message.
        if !line.contains(&text) {
            let _ = write!(line, ": {text}");
        }
        cause = error.source();
    }
    line
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

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            to.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn chain_lists_each_cause_once() {
        let cause = Layer("access denied", None);
        let service = Layer("service error", Some(Box::new(cause)));
        let error = Layer("saving: service error", Some(Box::new(service)));
        assert_eq!(chain(&error), "saving: service error: access denied");
    }

    #[test]
    fn response_lists_only_messages_to_redeliver() {
        let response = redeliver(["a".to_owned(), "b".to_owned()]);
        let ids: Vec<&str> =
            response.batch_item_failures.iter().map(|failure| &*failure.item_identifier).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}

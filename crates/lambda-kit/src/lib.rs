//! What every function needs around its handler: settings, logs, deadlines, one-line errors.

mod logs;
mod settings;

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::Context;

pub use logs::{OURS, init_logs};
pub use settings::{SettingError, Settings};

/// A variable of the process's environment; an empty one counts as not set, since a template can't
/// leave a variable out.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An error and its causes in one line: `saving the report: service error: access denied`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat their cause in their own message.
        if !line.contains(&text) {
            let _ = write!(line, ": {text}");
        }
        cause = error.source();
    }
    line
}

/// How long this invocation may still take.
#[must_use]
pub fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default()
}

/// The answer to SQS that hands back the messages with these ids, and takes the others as done.
#[must_use]
pub fn hand_back(ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
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
    fn an_error_is_told_with_its_causes_once_each() {
        let cause = Layer("access denied", None);
        let service = Layer("service error", Some(Box::new(cause)));
        let error = Layer("saving: service error", Some(Box::new(service)));
        assert_eq!(chain(&error), "saving: service error: access denied");
    }

    #[test]
    fn only_the_named_messages_are_handed_back() {
        let response = hand_back(["a".to_owned(), "b".to_owned()]);
        let ids: Vec<&str> =
            response.batch_item_failures.iter().map(|failure| &*failure.item_identifier).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}

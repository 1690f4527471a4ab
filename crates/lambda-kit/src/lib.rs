//! What every function needs around its handler: settings, logs, deadlines, one-line errors.

mod settings;

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::Context;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use settings::{SettingError, Settings};

/// A variable of the process's environment; an empty one counts as not set, since a template can't
/// leave a variable out.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What is ours to log about. Of all else only warnings are shown, whatever the level: at `debug` the
/// AWS SDK alone writes pages for each call, answers and headers among them.
const OURS: &[&str] = &[
    "alerts",
    "bridge",
    "cloudwatch",
    "conversation",
    "dispatcher",
    "domain",
    "exposition",
    "forward",
    "gradio",
    "ingest",
    "lambda_kit",
    "probe_file",
    "prober",
    "remote_write",
    "report_page",
    "scrape",
    "secrets",
];

fn filter(level: LevelFilter) -> Targets {
    let others = Targets::new().with_default(level.min(LevelFilter::WARN));
    OURS.iter().fold(others, |filter, ours| filter.with_target(*ours, level))
}

/// Starts logging: one JSON object a line on standard output, which Lambda sends to the log group.
///
/// The level is `VIGIE_LOG` (`error`, `warn`, `info`, `debug`, `trace`), `info` when it is not set.
///
/// # Errors
/// When `VIGIE_LOG` is none of these.
pub fn init_logs() -> Result<(), SettingError> {
    let level = Settings::new(&process_env)
        .parsed("VIGIE_LOG", "one of `error`, `warn`, `info`, `debug`, `trace`")?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(io::stdout);
    // A second call (in a test) leaves the first one's subscriber in place.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(filter(level.unwrap_or(LevelFilter::INFO)))
        .try_init();
    Ok(())
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
    use tracing::Level;

    #[test]
    fn others_are_heard_only_when_they_warn() {
        let filter = filter(LevelFilter::DEBUG);
        assert!(filter.would_enable("prober::runs", &Level::DEBUG));
        assert!(!filter.would_enable("aws_smithy_runtime::client", &Level::INFO));
        assert!(filter.would_enable("aws_smithy_runtime::client", &Level::WARN));
        assert!(!super::filter(LevelFilter::ERROR).would_enable("hyper", &Level::WARN));
    }

    #[test]
    fn every_crate_of_a_function_is_ours() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for folder in ["crates", "functions"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let name = entry.unwrap().file_name().to_string_lossy().replace('-', "_");
                let apart = ["alarm_model", "cli"].contains(&name.as_str());
                assert!(apart || OURS.contains(&name.as_str()), "`{name}` logs nothing at `debug`");
            }
        }
    }

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

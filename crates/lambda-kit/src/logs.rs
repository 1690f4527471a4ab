//! Logs: one JSON object a line on standard output. Lambda sends it to the log group.

use std::io;
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{SettingError, Settings, process_env};

/// The crates whose level `VIGIE_LOG` sets. A workspace test fails when one is missing.
pub const VIGIE_CRATES: &[&str] = &[
    "alerts",
    "aws_call",
    "bridge",
    "cloudwatch",
    "conversation",
    "dispatcher",
    "domain",
    "exposition",
    "gradio",
    "ingest",
    "lambda_kit",
    "notification_store",
    "notify",
    "probe_file",
    "prober",
    "receivers",
    "redact",
    "relabel",
    "remote_write",
    "report_page",
    "request_signing",
    "run_executor",
    "run_record",
    "run_table",
    "samples",
    "scrape",
    "secrets",
    "sqs_batch",
    "status_page",
    "status_site",
];

/// Filter of log events.
///
/// The level applies to Vigie's own crates. Libraries log only warnings and errors, since one call of
/// the AWS SDK at `debug` logs more than Vigie does in an hour. `all` logs everything, including request
/// headers.
struct LogFilter(Targets);

impl FromStr for LogFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let level = match text {
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            "all" => return Ok(Self(Targets::new().with_default(LevelFilter::TRACE))),
            _ => return Err(()),
        };
        Ok(Self::at(level))
    }
}

impl LogFilter {
    fn at(level: LevelFilter) -> Self {
        let own = VIGIE_CRATES.iter().map(|name| (*name, level));
        let targets = Targets::new()
            .with_default(level.min(LevelFilter::WARN))
            .with_targets(own)
            // The span that adds the request ID to every event.
            .with_target("lambda_runtime::layers::trace", LevelFilter::INFO);
        Self(targets)
    }
}

/// Starts logging at the level in `VIGIE_LOG`: `error`, `warn`, `info` (default), `debug`, `trace`, or `all`
/// to include the libraries.
///
/// # Errors
/// When `VIGIE_LOG` has another value.
pub fn init_logs() -> Result<(), SettingError> {
    let filter: LogFilter = Settings::new(process_env)
        .parsed("VIGIE_LOG", "one of `error`, `warn`, `info`, `debug`, `trace`, `all`")?
        .unwrap_or_else(|| LogFilter::at(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(io::stdout);
    // A second call, in a test, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(filter.0).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn level_applies_to_vigie_crates() {
        let cases = [
            // setting  target                            level         logged
            ("debug", "run_executor::claim", Level::DEBUG, true),
            ("debug", "run_executor::claim", Level::TRACE, false),
            ("debug", "aws_smithy_runtime::client", Level::DEBUG, false),
            ("debug", "aws_smithy_runtime::client", Level::WARN, true),
            ("error", "hyper_util::client", Level::WARN, false),
            ("error", "remote_write::client", Level::WARN, false),
            ("error", "lambda_runtime::layers::trace", Level::INFO, true),
            ("trace", "gradio::turn", Level::TRACE, true),
            ("trace", "h2::codec", Level::INFO, false),
            ("all", "h2::codec", Level::TRACE, true),
        ];
        for (setting, target, level, logged) in cases {
            let LogFilter(targets) = setting.parse().unwrap();
            assert_eq!(targets.would_enable(target, &level), logged, "{setting} {target} {level}");
        }
        assert!("Debug".parse::<LogFilter>().is_err());
    }
}

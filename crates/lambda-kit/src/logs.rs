//! What is logged: one JSON object a line on standard output, which Lambda sends to the log group.

use std::io;
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{SettingError, Settings, process_env};

/// The crates that `VIGIE_LOG` is about. A test of the workspace sees to it that none is missing.
pub const OURS: &[&str] = &[
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

/// Which lines are let through.
///
/// A level is about our own lines; of the libraries only warnings and errors are shown, since at
/// `debug` one call of the AWS SDK writes more than we do in an hour. `all` shows everything that
/// everybody says, headers of requests included.
struct Shown(Targets);

impl FromStr for Shown {
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
        Ok(Self::ours(level))
    }
}

impl Shown {
    fn ours(level: LevelFilter) -> Self {
        let ours = OURS.iter().map(|name| (*name, level));
        let targets = Targets::new()
            .with_default(level.min(LevelFilter::WARN))
            .with_targets(ours)
            // Not a line but the span with the request's id, which every line of ours carries.
            .with_target("lambda_runtime::layers::trace", LevelFilter::INFO);
        Self(targets)
    }
}

/// Starts logging. How much is `VIGIE_LOG` (`error`, `warn`, `info`, `debug`, `trace`, or `all` for the
/// libraries' lines too), `info` when it is not set.
///
/// # Errors
/// When `VIGIE_LOG` is none of these.
pub fn init_logs() -> Result<(), SettingError> {
    let shown = Settings::new(&process_env)
        .parsed("VIGIE_LOG", "one of `error`, `warn`, `info`, `debug`, `trace`, `all`")?
        .unwrap_or_else(|| Shown::ours(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(io::stdout);
    // A second call (in a test) leaves the first one's subscriber in place.
    let _ = tracing_subscriber::registry().with(lines).with(shown.0).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn a_level_is_about_our_own_lines() {
        let cases = [
            // setting  target                            level         shown
            ("debug", "prober::claim", Level::DEBUG, true),
            ("debug", "prober::claim", Level::TRACE, false),
            ("debug", "aws_smithy_runtime::client", Level::DEBUG, false),
            ("debug", "aws_smithy_runtime::client", Level::WARN, true),
            ("error", "hyper_util::client", Level::WARN, false),
            ("error", "remote_write::client", Level::WARN, false),
            ("error", "lambda_runtime::layers::trace", Level::INFO, true),
            ("trace", "gradio::turn", Level::TRACE, true),
            ("trace", "h2::codec", Level::INFO, false),
            ("all", "h2::codec", Level::TRACE, true),
        ];
        for (setting, target, level, shown) in cases {
            let Shown(targets) = setting.parse().unwrap();
            assert_eq!(targets.would_enable(target, &level), shown, "{setting} {target} {level}");
        }
        assert!("Debug".parse::<Shown>().is_err());
    }
}

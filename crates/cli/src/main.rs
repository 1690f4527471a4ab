//! The `vigie` command. Wiring only: opens streams and logs; the logic is in `lib.rs`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use cli::{Exit, Io};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates whose level `VIGIE_LOG` sets; a workspace test fails when one is missing. Others log only errors: at
/// `debug` the AWS SDK logs whole responses with headers, and its warnings repeat Vigie's own errors.
const VIGIE_CRATES: &[&str] = &[
    "cli",
    "cloudwatch",
    "conversation",
    "gradio",
    "notification_store",
    "remote_write",
    "run_executor",
    "run_table",
    "scrape_engine",
];

/// One thread: nothing computes for long, and each further thread has its own memory arena, which costs
/// `vigie bridge` a fifth more memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let live = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // These remove colours as NO_COLOR, CLICOLOR, a pipe or a dumb terminal require.
    let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
    let level = std::env::var("VIGIE_LOG").unwrap_or_else(|_| "warn".to_owned());
    let Ok(filter) = level.parse::<LevelFilter>() else {
        let _ = writeln!(
            err,
            "error: `VIGIE_LOG` is `{level}`; expected `error`, `warn`, `info`, `debug` or `trace`"
        );
        return Exit::Failed.into();
    };
    let others = Targets::new().with_default(filter.min(LevelFilter::ERROR));
    let filter = VIGIE_CRATES.iter().fold(others, |all, name| all.with_target(*name, filter));
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(live);
    tracing_subscriber::registry().with(logs).with(filter).init();
    let mut io = Io { out: &mut out, err: &mut err, live };
    cli::main(std::env::args_os(), &mut io).await.into()
}

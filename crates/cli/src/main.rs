//! The `vigie` command.
//!
//! Wiring only: streams and logs are opened here, everything else is in `lib.rs`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use cli::{Exit, Io};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is ours to log about. Of all else only errors are shown, whatever the level: at `debug` the
/// AWS SDK alone writes pages for each call, answers and headers among them, and it warns at length
/// about what our own error says in a line.
const OURS: &[&str] =
    &["cli", "conversation", "forward", "gradio", "remote_write", "scrape", "secrets"];

/// One thread: nothing here computes for long, and each further one has an arena of memory of its own,
/// which takes `vigie bridge` a fifth more.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let live = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // These strip colours where they are not wanted: NO_COLOR, CLICOLOR, a pipe, a dumb terminal.
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
    let filter = OURS.iter().fold(others, |all, ours| all.with_target(*ours, filter));
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(live);
    tracing_subscriber::registry().with(logs).with(filter).init();
    let mut io = Io { out: &mut out, err: &mut err, live };
    cli::main(std::env::args_os(), &mut io).await.into()
}

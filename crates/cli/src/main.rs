//! The `vigie` command.
//!
//! Wiring only: streams and logs are opened here, everything else is in `lib.rs`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use cli::{Exit, Io};
use tracing_subscriber::filter::LevelFilter;

#[tokio::main]
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
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(live);
    logs.with_max_level(filter).init();
    let mut io = Io { out: &mut out, err: &mut err, live };
    cli::main(std::env::args_os(), &mut io).await.into()
}

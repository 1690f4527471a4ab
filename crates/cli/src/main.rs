//! The `vigie` command.
//!
//! Wiring only: the streams are opened here, everything else is in `lib.rs`.

use std::io::IsTerminal;
use std::process::ExitCode;

use cli::Io;

#[tokio::main]
async fn main() -> ExitCode {
    let live = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // These strip colours where they are not wanted: NO_COLOR, CLICOLOR, a pipe, a dumb terminal.
    let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
    let mut io = Io { out: &mut out, err: &mut err, live };
    cli::main(std::env::args_os(), &mut io).await.into()
}

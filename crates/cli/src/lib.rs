//! The `vigie` command: one module for each subcommand in [`commands`].
//!
//! Everything is written to the streams passed in, so that tests read what a person would.

pub mod arguments;
pub mod commands;
mod cost;
mod exit;
mod exporter;
mod files;
mod output;
mod progress;
pub mod render;
mod signals;
mod style;
#[cfg(test)]
mod testing;
mod visits;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

use arguments::{Arguments, Command};

pub use exit::Exit;

/// Where the command writes. Colours are always written; the streams strip them where unwanted.
pub struct Io<'a> {
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Messages and progress.
    pub err: &'a mut (dyn Write + Send),
    /// Whether `err` is a terminal on which lines may be drawn again.
    pub live: bool,
}

/// `Vigie/VERSION (+repository)`, so that owners can tell probes from people.
pub const USER_AGENT: &str =
    concat!("Vigie/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")");

/// Carries out a command line, the program's own name first.
pub async fn main(line: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> Exit {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, io),
    };
    match carry_out(arguments.command, io).await {
        Ok(exit) => exit,
        Err(error) => {
            let _ = writeln!(io.err, "{}error{:#}: {error:#}", style::ERROR, style::ERROR);
            Exit::Failed
        }
    }
}

async fn carry_out(command: Command, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => commands::run::run(&arguments, io).await,
        Command::Discover(arguments) => commands::discover::discover(&arguments, io).await,
        Command::Serve(arguments) => commands::serve::serve(&arguments, io).await,
        Command::Cost(arguments) => commands::cost::cost(&arguments, io),
        Command::Bridge(arguments) => commands::bridge::bridge(&arguments, io).await,
        Command::Report(arguments) => commands::report::report(&arguments, io).await,
        Command::Mute(arguments) => commands::mute::mute(&arguments, io).await,
        Command::Unmute(arguments) => commands::mute::unmute(&arguments, io).await,
        Command::Mutes(arguments) => commands::mute::mutes(&arguments, io).await,
        Command::TestAlert(arguments) => commands::test_alert::test_alert(&arguments, io).await,
        Command::Smoke(arguments) => commands::smoke::smoke(&arguments, io).await,
        Command::Check(arguments) => commands::check::check(&arguments, io),
        Command::Render(arguments) => commands::render::render(&arguments, io),
        Command::Schema(arguments) => commands::schema::schema(&arguments, io),
        Command::Completions(arguments) => commands::completions::completions(&arguments, io),
        Command::Man(arguments) => commands::man::man(&arguments, io),
    }
}

/// `--help` and `--version` are answers, everything else is a mistake.
fn usage(error: &clap::Error, io: &mut Io<'_>) -> Exit {
    let text = error.render().ansi().to_string();
    // A stream that is gone can't be told so.
    if error.use_stderr() {
        let _ = io.err.write_all(text.as_bytes());
        Exit::Failed
    } else {
        let _ = io.out.write_all(text.as_bytes());
        Exit::Fine
    }
}

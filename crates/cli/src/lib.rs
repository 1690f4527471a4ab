//! The `vigie` command. Each subcommand is a module in [`commands`].
//!
//! Output goes to the streams in [`Io`], so that a test can read it.

mod alarms;
pub mod arguments;
mod backtest;
pub mod commands;
mod cost;
mod diagnostics;
mod error_text;
mod exit;
mod exporter;
mod files;
mod io;
mod local_prober;
mod mail;
mod notifier;
mod output;
mod progress;
mod prometheus_config;
mod receiver_client;
mod recorder;
pub mod render;
mod routes;
mod serve_client;
mod serve_config;
mod signals;
mod starter;
mod status;
mod style;
#[cfg(test)]
mod testing;
mod top;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};

pub use exit::Exit;
pub use io::Io;

/// Runs a command line, which begins with the program's name.
pub async fn main(line: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> Exit {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, io),
    };
    match dispatch(arguments.command, io).await {
        Ok(exit) => exit,
        Err(error) => {
            let text = error_text::of(&error);
            let _ = writeln!(io.err, "{}error{:#}: {text}", style::ERROR, style::ERROR);
            Exit::Failed
        }
    }
}

async fn dispatch(command: Command, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => commands::run::run(&arguments, io).await,
        Command::Discover(arguments) => commands::discover::discover(&arguments, io).await,
        Command::Serve(arguments) => commands::serve::serve(&arguments, io).await,
        Command::Agent(arguments) => commands::agent::agent(&arguments, io).await,
        Command::Top(arguments) => commands::top::top(&arguments, io).await,
        Command::Backtest(arguments) => commands::backtest::run(&arguments, io).await,
        Command::Cost(arguments) => commands::cost::cost(&arguments, io),
        Command::Bridge(arguments) => commands::bridge::bridge(&arguments, io).await,
        Command::DeadLetters(arguments) => {
            commands::dead_letters::dead_letters(&arguments, io).await
        }
        Command::Report(arguments) => commands::report::report(&arguments, io).await,
        Command::Mute(arguments) => commands::mute::mute(&arguments, io).await,
        Command::Unmute(arguments) => commands::mute::unmute(&arguments, io).await,
        Command::Mutes(arguments) => commands::mute::mutes(&arguments, io).await,
        Command::Alerts(arguments) => commands::alerts::alerts(&arguments, io).await,
        Command::TestAlert(arguments) => commands::test_alert::test_alert(&arguments, io).await,
        Command::Deploy(arguments) => commands::deploy::deploy(arguments, io).await,
        Command::Doctor(arguments) => commands::deploy::doctor(&arguments, io).await,
        Command::Remove(arguments) => commands::deploy::remove(&arguments, io).await,
        Command::Smoke(arguments) => commands::smoke::smoke(&arguments, io).await,
        Command::Init(arguments) => commands::init::init(&arguments, io),
        Command::Check(arguments) => commands::check::check(&arguments, io),
        Command::Render(arguments) => commands::render::render(&arguments, io),
        Command::Schema(arguments) => commands::schema::schema(&arguments, io),
        Command::Completions(arguments) => {
            commands::completions::completions(&arguments, Arguments::command(), io)
        }
        Command::Man(arguments) => commands::man::man(&arguments, Arguments::command(), io),
    }
}

/// Prints clap's output: `--help` and `--version` to `out`, an error to `err`.
fn usage(error: &clap::Error, io: &mut Io<'_>) -> Exit {
    let text = error.render().ansi().to_string();
    // There is no other stream for a write error.
    if error.use_stderr() {
        let _ = io.err.write_all(text.as_bytes());
        Exit::Failed
    } else {
        let _ = io.out.write_all(text.as_bytes());
        Exit::Success
    }
}

//! Runs the main function of a program until it ends or a signal arrives.

use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::AnyError;
use crate::process::Processes;
use crate::progress::Progress;
use domain::chain;

/// The exit code of a shell for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// The root of this checkout.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// Runs `work` until it ends or a signal arrives. Dropping it stops the programs that it started.
pub async fn until_done_or_interrupted<E: Into<AnyError>>(
    progress: &Progress,
    work: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    tokio::select! {
        result = work => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                progress.block("Failed", &chain(&*error.into()));
                ExitCode::FAILURE
            }
        },
        name = interrupted() => {
            progress.note(format!("{name}: all programs were stopped"));
            ExitCode::from(INTERRUPTED)
        }
    }
}

/// Stops all programs and exits the process at the first signal.
///
/// For test programs, whose runner returns only after the last test.
pub fn end_on_interrupt(processes: Processes) {
    tokio::spawn(async move {
        interrupted().await;
        processes.end_all();
        std::process::exit(i32::from(INTERRUPTED));
    });
}

/// Waits for Ctrl-C, SIGTERM or the end of the terminal.
async fn interrupted() -> &'static str {
    let handlers = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = handlers else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    }
}

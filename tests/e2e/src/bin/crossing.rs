//! The crossing tests alone: `make test` plays them last.

use std::process::ExitCode;

use e2e::progress::Progress;
use e2e::{crossing, run};

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    let work = Box::pin(crossing::play(run::root(), &progress));
    run::until_done_or_interrupted(&progress, work).await
}

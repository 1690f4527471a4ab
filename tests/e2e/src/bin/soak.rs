//! `make soak`: both parts, or the one named in `ONLY`.
//!
//! ```text
//! make soak                # outages of ten minutes, then ten minutes of fuzzing for each target
//! make soak ONLY=outages MINUTES=1
//! make soak ONLY=fuzzing
//! ```

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use e2e::progress::Progress;
use e2e::{run, soak};

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(play(run::root(), &progress))).await
}

async fn play(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let minutes = match std::env::var("MINUTES") {
        Ok(text) => {
            text.parse().with_context(|| format!("`MINUTES` is `{text}`; expected a number"))?
        }
        Err(_) => 10,
    };
    let (outages, fuzzing) = match only.as_str() {
        "" => (true, true),
        "outages" => (true, false),
        "fuzzing" => (false, true),
        other => bail!("`ONLY` is `{other}`; expected `outages` or `fuzzing`"),
    };
    let time = Duration::from_secs(60 * minutes);
    let mut failed = Vec::new();
    if outages && let Err(error) = soak::outages(root, progress, time).await {
        failed.push(format!("{error:#}"));
    }
    if fuzzing && let Err(error) = soak::fuzzing(root, progress, time).await {
        failed.push(format!("{error:#}"));
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    progress.block("Everything held", &progress.table());
    Ok(())
}

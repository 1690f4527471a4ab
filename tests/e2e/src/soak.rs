//! `make soak`: what takes too long for every change. Outages of ten minutes, and fuzzing.

use std::path::Path;
use std::time::Duration;

use crate::fuzz;
use crate::outage::{self, Times};
use crate::process::Processes;
use crate::progress::Progress;
use crate::stage::{Stage, Wanted};
use crate::tally::Tally;

/// The outages, each with a bridge of its own, side by side, with trouble for `time`.
pub async fn outages(root: &Path, progress: &Progress, time: Duration) -> anyhow::Result<()> {
    let wanted = Wanted {
        name: "soak",
        probes: None,
        bots: &[],
        bot_variable: "DEMO_BOT_URL",
        faults: false,
    };
    let stage = &Stage::set(root, &wanted, progress).await?;
    let mut tally = Tally::default();
    tally.play_together(outage::scenarios(stage, Times::of_trouble(time)).into_iter()).await;
    tally.close()
}

/// Every fuzzer for `time`.
pub async fn fuzzing(root: &Path, progress: &Progress, time: Duration) -> anyhow::Result<()> {
    let logs = root.join("target/soak/logs");
    let (processes, _) = Processes::open(&root.join("target/e2e-processes"), &logs)?;
    fuzz::play(root, &processes, progress, time).await
}

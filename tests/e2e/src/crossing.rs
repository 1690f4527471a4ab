//! The crossing tests: what the demo shows, and what must not happen meanwhile, asserted.
//!
//! Not a test of Cargo's, since `cargo test` needs no network and no tool beyond Rust here: `make test`
//! and the program `crossing` play them. All scenarios share one stage. Most run at once, each with a
//! probe and a bot of its own; those that would disturb the others follow one by one.

mod broken;
mod expressions;
mod mails;
mod metrics;
mod neighbour;
mod operator;
mod scenarios;
mod secrecy;
mod senders;
mod turns;

use std::path::Path;

use crate::outage::{self, Times};
use crate::progress::Progress;
use crate::stage::{Stage, Wanted};
use crate::tally::Tally;

/// Sets the stage, plays all scenarios, and fails when one of them does.
pub async fn play(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let wanted = Wanted {
        name: "crossing",
        probes: Some("crossing"),
        bots: &[
            "steady",
            "failing",
            "hanging",
            "forgetful",
            "slow",
            "silent",
            secrecy::BEARER,
            secrecy::HEADER,
        ],
        bot_variable: "BOT_URL",
        faults: true,
    };
    let stage = &Stage::set(root, &wanted, progress).await?;
    let mut tally = Tally::default();
    let turns = &turns::Turns::new();

    let scenarios = scenarios::together().into_iter();
    let scenarios = scenarios.map(|(name, scenario)| (name, scenario(stage, turns)));
    let times = Times::of_trouble(Times::SHORT);
    tally.play_together(scenarios.chain(outage::scenarios(stage, times))).await;
    // Those that look back at what all the others did.
    for (name, scenario) in scenarios::looking_back() {
        tally.note(name, scenario(stage, turns).await);
    }
    for (name, scenario) in scenarios::alone() {
        tally.note(name, scenario(stage, turns).await);
    }
    tally.close()
}

//! The crossing tests: what the demo shows, and what must not happen meanwhile, asserted.
//!
//! Not a test of Cargo's, since `cargo test` needs no network and no tool beyond Rust here: `make test`
//! and the program `crossing` play them. All scenarios share one stage and run at once, each with a
//! probe and a bot of its own.

mod scenarios;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::progress::Progress;
use crate::stage::{Stage, Wanted};

/// Sets the stage, plays all scenarios, and fails when one of them does.
pub async fn play(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let wanted = Wanted {
        name: "crossing",
        probes: Some("crossing"),
        bots: &["steady", "failing", "hanging", "forgetful", "slow", "silent"],
        bot_variable: "BOT_URL",
        faults: true,
    };
    let stage = &Stage::set(root, &wanted, progress).await?;
    let began = Instant::now();
    let mut tests = Tests::default();

    // Side by side on one thread: they wait, and do little else.
    let mut running: FuturesUnordered<_> = scenarios::together()
        .into_iter()
        .map(|(name, scenario)| async move { (name, scenario(stage).await) })
        .collect();
    while let Some((name, result)) = running.next().await {
        tests.note(name, result);
    }
    // Those that look back at what all the others did.
    for (name, scenario) in scenarios::afterwards() {
        tests.note(name, scenario(stage));
    }
    tests.close(began)
}

/// Results, told in the words of Cargo's own test runner.
#[derive(Default)]
struct Tests {
    passed: usize,
    failed: Vec<&'static str>,
}

impl Tests {
    fn note(&mut self, name: &'static str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                say(&format!("test {name} ... ok"));
            }
            Err(error) => {
                self.failed.push(name);
                say(&format!("test {name} ... FAILED\n{error:#}\n"));
            }
        }
    }

    fn close(&self, began: Instant) -> anyhow::Result<()> {
        let outcome = if self.failed.is_empty() { "ok" } else { "FAILED" };
        say(&format!(
            "\ntest result: {outcome}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in {:.2}s",
            self.passed,
            self.failed.len(),
            began.elapsed().as_secs_f64()
        ));
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join(", "));
        }
        Ok(())
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

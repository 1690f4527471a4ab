//! Results of tests that are not Cargo's, told in the words of its test runner.

use std::io::Write;
use std::pin::Pin;
use std::time::Instant;

use anyhow::bail;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

pub type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

/// Why a test could not be played on this machine: told, and no failure.
#[derive(Debug)]
pub struct Skipped(pub String);

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

pub struct Tally {
    began: Instant,
    passed: usize,
    skipped: usize,
    failed: Vec<String>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { began: Instant::now(), passed: 0, skipped: 0, failed: Vec::new() }
    }
}

impl Tally {
    /// Side by side on one thread: they wait, and do little else.
    pub async fn play_together<'a>(
        &mut self,
        tests: impl Iterator<Item = (&'static str, Outcome<'a>)>,
    ) {
        let mut running: FuturesUnordered<_> =
            tests.map(|(name, test)| async move { (name, test.await) }).collect();
        while let Some((name, result)) = running.next().await {
            self.note(name, result);
        }
    }

    /// Tells how one test went.
    pub fn note(&mut self, name: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                say(&format!("test {name} ... ok"));
            }
            Err(error) if error.is::<Skipped>() => {
                self.skipped += 1;
                say(&format!("test {name} ... ignored, {error:#}"));
            }
            Err(error) => {
                self.failed.push(name.to_owned());
                say(&format!("test {name} ... FAILED\n{error:#}\n"));
            }
        }
    }

    /// Tells how all went, and fails when one of them did.
    pub fn close(&self) -> anyhow::Result<()> {
        let outcome = if self.failed.is_empty() { "ok" } else { "FAILED" };
        say(&format!(
            "\ntest result: {outcome}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out; \
             finished in {:.2}s",
            self.passed,
            self.failed.len(),
            self.skipped,
            self.began.elapsed().as_secs_f64()
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

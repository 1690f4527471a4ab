//! Results of tests that are not Cargo's, told in the words of its test runner.

use std::io::Write;
use std::time::Instant;

use anyhow::bail;

pub struct Tally {
    began: Instant,
    passed: usize,
    failed: Vec<String>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { began: Instant::now(), passed: 0, failed: Vec::new() }
    }
}

impl Tally {
    /// Tells how one test went.
    pub fn note(&mut self, name: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                say(&format!("test {name} ... ok"));
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
            "\ntest result: {outcome}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in {:.2}s",
            self.passed,
            self.failed.len(),
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

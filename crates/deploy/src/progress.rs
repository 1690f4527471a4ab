//! Shows the progress: one line per step, with its time.

use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};

use crate::error::AnyError;

const DONE: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = AnsiColor::BrightBlack.on_default();
const STRONG: Style = Style::new().bold();

/// A step failed.
#[derive(Debug, thiserror::Error)]
#[error("step `{name}` failed")]
pub struct StepError {
    name: String,
    source: AnyError,
}

/// Prints each step when it begins and ends, and keeps the times for the table at the end.
#[derive(Clone)]
pub struct Progress {
    began: Instant,
    steps: Arc<Mutex<Vec<Step>>>,
}

/// A step that succeeded.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    pub took: Duration,
    /// Its result in a few words.
    pub shown: String,
}

impl Default for Progress {
    fn default() -> Self {
        Self { began: Instant::now(), steps: Arc::default() }
    }
}

impl Progress {
    /// Runs one step; an error carries the step's name.
    pub async fn step<T, S: Display, E: Into<AnyError>>(
        &self,
        name: &str,
        work: impl Future<Output = Result<(T, S), E>>,
    ) -> Result<T, StepError> {
        let from = Instant::now();
        self.line(QUIET, "…", name);
        match work.await {
            Ok((value, shown)) => {
                let (took, shown) = (from.elapsed(), shown.to_string());
                self.line(DONE, "✓", &format!("{name}: {shown} ({})", written(took)));
                self.lock().push(Step { name: name.to_owned(), took, shown });
                Ok(value)
            }
            Err(error) => {
                self.line(FAILED, "✗", &format!("{name} ({})", written(from.elapsed())));
                Err(StepError { name: name.to_owned(), source: error.into() })
            }
        }
    }

    /// A line between steps.
    pub fn note(&self, text: impl Display) {
        self.line(QUIET, " ", &text.to_string());
    }

    /// A text between two rules, such as a mail.
    pub fn block(&self, title: &str, text: &str) {
        let mut out = anstream::stderr().lock();
        let rule = "─".repeat(72);
        let _ = writeln!(out, "{QUIET}{rule}{QUIET:#}\n{STRONG}{title}{STRONG:#}");
        for line in text.lines() {
            let _ = writeln!(out, "  {line}");
        }
        let _ = writeln!(out, "{QUIET}{rule}{QUIET:#}");
    }

    /// The table of the steps with their results and times.
    #[must_use]
    pub fn table(&self) -> String {
        let steps = self.lock();
        let width = steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
        let mut rows: Vec<String> = steps
            .iter()
            .map(|step| format!("{:width$}  {:>8}  {}", step.name, written(step.took), step.shown))
            .collect();
        rows.push(format!("{:width$}  {:>8}", "altogether", written(self.began.elapsed())));
        rows.join("\n")
    }

    fn line(&self, style: Style, mark: &str, text: &str) {
        let since = self.began.elapsed().as_secs();
        let mut out = anstream::stderr().lock();
        let clock = format!("{:>2}:{:02}", since / 60, since % 60);
        let _ = writeln!(out, "{QUIET}{clock}{QUIET:#} {style}{mark}{style:#} {text}");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

//! Colours of the output.

use anstyle::{AnsiColor, Style};
use domain::Outcome;

pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// Green, yellow, red; magenta when there is no verdict.
pub(crate) fn of(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Up => GOOD,
        Outcome::Degraded => WARN,
        Outcome::Down { .. } => ERROR,
        Outcome::RunError { .. } => AnsiColor::Magenta.on_default().bold(),
    }
}

//! A bar for each day.

use maud::{Markup, html};

use crate::format;
use crate::locale::Language;
use crate::model::{Runs, Slot};

/// Availability below which a day is shown as an outage when the probe has no objective.
const OUTAGE_BELOW: f64 = 95.0;
/// Availability below which a day is shown as a partial outage when the probe has no objective.
const PARTIAL_BELOW: f64 = 99.5;

/// The bars of `slots`, oldest first. Screen readers get one sentence for all of them.
pub(crate) fn bars(
    slots: &[Slot],
    objective: Option<f64>,
    label: &str,
    language: Language,
) -> Markup {
    let texts = language.texts();
    html! {
        div.bars role="img" aria-label=(label) {
            @for slot in slots {
                @let runs = slot.runs;
                @let title = match runs.judged() {
                    0 if runs.maintenance > 0 => texts.maintenance.to_owned(),
                    0 => texts.no_runs.to_owned(),
                    all => (texts.day_runs)(runs.down, all),
                };
                span.(class(runs, objective)) title={ (format::date(slot.start, language)) ": " (title) } {}
            }
        }
    }
}

fn class(runs: Runs, objective: Option<f64>) -> &'static str {
    let partial_below = objective.unwrap_or(PARTIAL_BELOW);
    match runs.availability() {
        None if runs.maintenance > 0 => "maintenance",
        None => "none",
        Some(share) if share < OUTAGE_BELOW.min(partial_below) => "down",
        Some(share) if share < partial_below => "partial",
        // More than one run in twenty.
        Some(_) if runs.judged() < 20 * runs.degraded => "degraded",
        Some(_) => "up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_depends_on_the_objective() {
        let runs = |up, degraded, down| Runs { up, degraded, down, ..Runs::default() };
        let cases = [
            (runs(0, 0, 0), None, "none"),
            (runs(1_440, 0, 0), None, "up"),
            (runs(1_435, 0, 5), None, "up"),
            (runs(1_430, 0, 10), None, "partial"),
            (runs(1_430, 0, 10), Some(99.0), "up"),
            (runs(1_439, 0, 1), Some(99.99), "partial"),
            (runs(1_300, 0, 140), None, "down"),
            (runs(1_300, 140, 0), None, "degraded"),
        ];
        for (runs, objective, expected) in cases {
            assert_eq!(class(runs, objective), expected, "{runs:?} {objective:?}");
        }
    }
}

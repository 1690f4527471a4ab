//! The section of a mail with CloudWatch's metrics before and during an incident.

use crate::alert::State;
use crate::mail::language::Messages;
use crate::mail::layout::{line, section};
use crate::mail::text::{padded, sparkline, to_the_right};
use crate::notification::{ProbeMetrics, Window};

/// Adds the section: a column for each period with data, and the availability line. Adds nothing without
/// data.
pub(crate) fn comparison(
    body: &mut String,
    metrics: &ProbeMetrics,
    state: State,
    messages: &dyn Messages,
) {
    let labels = messages.labels();
    let during = if state == State::Ok { labels.during_incident } else { labels.during };
    let periods = [(labels.before, &metrics.before, 10), (during, &metrics.during, 12)];
    let known = |window: &Window| *window != Window::default();
    let periods: Vec<_> = periods.into_iter().filter(|(_, window, _)| known(window)).collect();

    let cells = |cell: &dyn Fn(&str, &Window) -> Option<String>| -> String {
        let cells = periods.iter().map(|(name, window, width)| {
            to_the_right(cell(name, window).as_deref().unwrap_or("-"), *width)
        });
        cells.collect()
    };
    let mut text = String::new();
    let mut row = |label: &str, cells: &str, rest: &str| {
        line(&mut text, format!("{}{cells}{rest}", padded(label, 22)).trim_end());
    };
    if !periods.is_empty() {
        row("", &cells(&|name, _| Some(name.to_owned())), "");
        let counted = metrics.during.runs;
        let counted = counted.map(|runs| format!("   ({}/{})", runs.passed, runs.total));
        let share = |_: &str, window: &Window| Some(messages.percent(window.runs?.availability()));
        row(labels.availability, &cells(&share), &counted.unwrap_or_default());
        let p50 = |_: &str, window: &Window| window.first_chunk_p50.map(|s| messages.seconds(s));
        row(labels.first_chunk_p50, &cells(&p50), "");
        let p95 = |_: &str, window: &Window| window.first_chunk_p95.map(|s| messages.seconds(s));
        row(labels.first_chunk_p95, &cells(&p95), "");
    }
    if metrics.line.iter().any(Option::is_some) {
        let whole = metrics.step * u32::try_from(metrics.line.len()).unwrap_or(u32::MAX);
        let bars = sparkline(&metrics.line);
        line(&mut text, &messages.availability_line(whole, metrics.step, &bars));
    }
    if !text.is_empty() {
        let both = periods.len() == 2;
        section(body, if both { labels.comparison } else { labels.metrics }, &text);
    }
}

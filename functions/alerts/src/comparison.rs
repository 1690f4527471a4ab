//! The section of a mail with the figures of CloudWatch, before a trouble and during it.

use domain::alert::State;

use crate::layout::{line, section};
use crate::notification::{Figures, Window};
use crate::text::{padded, sparkline, to_the_right};
use crate::words::Words;

/// Adds the section: a column for each stretch of time of which something is known, and the line of
/// availability. Nothing where nothing is known.
pub(crate) fn comparison(body: &mut String, figures: &Figures, state: State, words: &dyn Words) {
    let labels = words.labels();
    let later = if state == State::Ok { labels.meanwhile } else { labels.during };
    let stretches = [(labels.before, &figures.before, 10), (later, &figures.during, 12)];
    let known = |window: &Window| *window != Window::default();
    let stretches: Vec<_> = stretches.into_iter().filter(|(_, window, _)| known(window)).collect();

    let cells = |cell: &dyn Fn(&str, &Window) -> Option<String>| -> String {
        let cells = stretches.iter().map(|(name, window, width)| {
            to_the_right(cell(name, window).as_deref().unwrap_or("-"), *width)
        });
        cells.collect()
    };
    let mut text = String::new();
    let mut row = |label: &str, cells: &str, rest: &str| {
        line(&mut text, format!("{}{cells}{rest}", padded(label, 22)).trim_end());
    };
    if !stretches.is_empty() {
        row("", &cells(&|name, _| Some(name.to_owned())), "");
        let counted = figures.during.runs;
        let counted = counted.map(|runs| format!("   ({}/{})", runs.passed, runs.total));
        let share =
            |_: &str, window: &Window| window.runs.map(|runs| words.percent(runs.availability()));
        row(labels.availability, &cells(&share), &counted.unwrap_or_default());
        let p50 = |_: &str, window: &Window| window.first_chunk_p50.map(|time| words.seconds(time));
        row(labels.first_chunk_p50, &cells(&p50), "");
        let p95 = |_: &str, window: &Window| window.first_chunk_p95.map(|time| words.seconds(time));
        row(labels.first_chunk_p95, &cells(&p95), "");
    }
    if figures.line.iter().any(Option::is_some) {
        let whole = figures.step * u32::try_from(figures.line.len()).unwrap_or(u32::MAX);
        line(&mut text, &words.line(whole, figures.step, &sparkline(&figures.line)));
    }
    if !text.is_empty() {
        let both = stretches.len() == 2;
        section(body, if both { labels.comparison } else { labels.figures }, &text);
    }
}

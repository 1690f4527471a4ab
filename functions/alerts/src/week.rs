//! The layout of the mail of the week.

use crate::layout::{line, section};
use crate::mail::{LONGEST_LIST, Mail, dashboard, others, place};
use crate::notification::{Runs, Week};
use crate::text::{padded, subject, to_the_right};
use crate::words::Language;

/// Writes the mail of the week: one line a probe, the worst first.
#[must_use]
pub fn write_week(week: &Week, language: Language) -> Mail {
    let words = language.words();
    let labels = words.labels();
    let environment = week.environment.as_str();
    let mut body = String::new();
    line(&mut body, &words.week_headline(&place(environment, &week.region)));
    let mut probes = week.probes.clone().unwrap_or_default();
    probes.sort_by(|a, b| a.runs.availability().total_cmp(&b.runs.availability()));
    let mut text = String::new();
    for probe in probes.iter().take(LONGEST_LIST) {
        let share = to_the_right(&words.percent(probe.runs.availability()), 8);
        let Runs { passed, total } = probe.runs;
        let name = padded(probe.probe.as_str(), 30);
        line(&mut text, &format!("{name} {share}   ({passed}/{total} {})", labels.runs));
    }
    if LONGEST_LIST < probes.len() {
        line(&mut text, &format!("{} (+{})", labels.and_more, probes.len() - LONGEST_LIST));
    }
    let text = if week.probes.is_none() { labels.no_figures } else { &text };
    section(&mut body, labels.week, text);
    let others = others(week.up.as_deref(), environment, words, &week.zone);
    section(&mut body, labels.others, &others);
    dashboard(&mut body, week.dashboard.as_deref(), words);
    let counted = week.probes.as_ref().map(Vec::len);
    let up = week.up.as_ref().map(Vec::len);
    Mail { subject: subject(&words.week_subject(environment, counted, up)), body }
}

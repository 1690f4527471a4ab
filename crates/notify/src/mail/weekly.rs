//! The layout of the weekly mail.

use crate::locale::Language;
use crate::mail::Mail;
use crate::mail::language::messages;
use crate::mail::layout::{line, section};
use crate::mail::parts::{LONGEST_LIST, dashboard, open_alarms, place};
use crate::mail::text::{padded, subject, to_the_right};
use crate::notification::{Runs, WeeklyReport};

/// Writes the weekly mail: one line for each probe, the lowest availability first.
#[must_use]
pub fn write_weekly(report: &WeeklyReport, language: Language) -> Mail {
    let messages = messages(language);
    let labels = messages.labels();
    let environment = report.environment.as_str();
    let mut body = String::new();
    line(&mut body, &messages.week_headline(&place(environment, &report.region)));
    let mut probes = report.probes.clone().unwrap_or_default();
    probes.sort_by(|a, b| a.runs.availability().total_cmp(&b.runs.availability()));
    let mut text = String::new();
    for probe in probes.iter().take(LONGEST_LIST) {
        let share = to_the_right(&messages.percent(probe.runs.availability()), 8);
        let Runs { passed, total } = probe.runs;
        let name = padded(probe.probe.as_str(), 30);
        let budget = probe
            .budget_left
            .map(|left| format!(", {} {}", labels.budget_left, messages.percent(left)));
        let budget = budget.unwrap_or_default();
        line(&mut text, &format!("{name} {share}   ({passed}/{total} {}){budget}", labels.runs));
    }
    if LONGEST_LIST < probes.len() {
        line(&mut text, &format!("{} (+{})", labels.and_more, probes.len() - LONGEST_LIST));
    }
    let text = if report.probes.is_none() { labels.no_metrics } else { &text };
    section(&mut body, labels.week, text);
    let open = open_alarms(report.open.as_deref(), environment, messages, &report.zone);
    section(&mut body, labels.others, &open);
    dashboard(&mut body, report.dashboard.as_deref(), messages);
    let counted = report.probes.as_ref().map(Vec::len);
    let open = report.open.as_ref().map(Vec::len);
    Mail { subject: subject(&messages.week_subject(environment, counted, open)), body }
}

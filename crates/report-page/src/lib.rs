//! A report as one HTML page: the conversation with its checks, and the duration of each phase.
//!
//! The page loads nothing else: it has no script, font or picture, so it can be opened from a disk or from S3. Text from
//! outside is written as [`Text`].

mod chat;
mod facts;
mod text;
mod times;
mod waterfall;

use std::fmt::Display;

use domain::report::Attempt;
use domain::{Outcome, Report};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use text::Text;

use times::Seconds;

const STYLE: &str = include_str!("style.css");

/// The page of a report.
#[must_use]
pub fn render(report: &Report) -> String {
    let state = state(report.outcome);
    let due = report.due.strftime("%Y-%m-%d %H:%M:%S UTC");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                title { (Text(report.probe.as_str())) " " (state) ", " (due) }
                style { (PreEscaped(STYLE)) }
            }
            body class=(report.outcome.as_str()) {
                main {
                    (header(report))
                    (waterfall::section(report))
                    (attempts(report))
                    (facts::section(report))
                }
            }
        }
    };
    page.into_string()
}

fn state(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Up => "up",
        Outcome::Degraded => "degraded",
        Outcome::Down { .. } => "down",
        Outcome::RunError { .. } => "could not run",
    }
}

fn header(report: &Report) -> Markup {
    let reason = match report.outcome {
        Outcome::Down { reason } => Some(reason.as_str()),
        Outcome::RunError { fault } => Some(fault.as_str()),
        Outcome::Up | Outcome::Degraded => None,
    };
    let last = report.last();
    let first_chunk = last
        .and_then(|attempt| attempt.turns.iter().filter_map(|turn| turn.timing.first_chunk).max());
    let turns = last.map_or(0, |attempt| attempt.turns.len());
    let (failed, all) = checks(last);
    html! {
        header {
            div.verdict {
                span.dot {}
                (state(report.outcome))
                @if let Some(reason) = reason { " · " (reason) }
            }
            h1 { (Text(report.probe.as_str())) }
            p.where {
                (Text(report.environment.as_str())) " · " (Text(&report.instance)) " · "
                (report.due.strftime("%-d %b %Y, %H:%M:%S UTC"))
            }
            @if !report.detail.is_empty() {
                p.detail { bdi { (Text(&report.detail)) } }
            }
            dl.key {
                (measurement("Run", Seconds(report.duration)))
                @if let Some(slowest) = first_chunk {
                    (measurement("Slowest first chunk", Seconds(slowest)))
                }
                (measurement("Turns", format_args!("{turns} of {}", report.turns)))
                @if all > 0 {
                    (measurement("Checks", format_args!("{} of {all}", all - failed)))
                }
                @if report.retries() > 0 {
                    (measurement("Attempts", report.attempts.len()))
                }
            }
        }
    }
}

fn measurement(name: &str, value: impl Display) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// Failed checks and all of them.
fn checks(attempt: Option<&Attempt>) -> (usize, usize) {
    attempt.map_or((0, 0), |attempt| {
        let all = attempt.turns.iter().map(|turn| turn.checks.len()).sum();
        (attempt.failed_checks().count(), all)
    })
}

/// The last attempt decides and is shown; those before it can be unfolded.
fn attempts(report: &Report) -> Markup {
    let count = report.attempts.len();
    let summary = |attempt: &Attempt| match &attempt.failure {
        Some(failure) => failure.prose.clone(),
        None => "a check failed".to_owned(),
    };
    html! {
        section {
            h2 { "Conversation" }
            @if count == 0 {
                p.nothing { "No attempt was made." }
            }
            @for (number, attempt) in (1..).zip(&report.attempts) {
                @if number < count {
                    details.attempt {
                        summary {
                            "Attempt " (number) " of " (count) ": " bdi { (Text(&summary(attempt))) }
                        }
                        (chat::conversation(report, attempt))
                    }
                } @else {
                    @if count > 1 {
                        h3 { "Attempt " (number) " of " (count) }
                    }
                    (chat::conversation(report, attempt))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

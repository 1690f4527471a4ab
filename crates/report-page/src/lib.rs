//! A report as one page: the conversation as a chat with its checks, and where the time went.
//!
//! The page needs nothing but itself: no script at all, no font, picture or style from elsewhere,
//! so that it opens from a disk, from S3 and in ten years. Everything in it that came from outside
//! goes through [`escape::Text`].

mod chat;
mod escape;
mod facts;
mod times;
mod waterfall;

use std::fmt::{self, Display};

use domain::report::Attempt;
use domain::{Outcome, Report};

use escape::Text;
use times::Seconds;

const STYLE: &str = include_str!("style.css");

/// The page of a report.
#[must_use]
pub fn render(report: &Report) -> String {
    Page(report).to_string()
}

struct Page<'a>(&'a Report);

impl Display for Page<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let (word, class) = (outcome_word(report.outcome), report.outcome.as_str());
        let due = report.due.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(
            to,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{probe} {word}, {due}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body class=\"{class}\">\n<main>\n",
            probe = Text(report.probe.as_str()),
        )?;
        header(report, to)?;
        waterfall::write(report, to)?;
        attempts(report, to)?;
        facts::write(report, to)?;
        to.write_str("</main>\n</body>\n</html>\n")
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Up => "up",
        Outcome::Degraded => "degraded",
        Outcome::Down { .. } => "down",
        Outcome::RunError { .. } => "could not run",
    }
}

fn header(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let reason = match report.outcome {
        Outcome::Down { reason } => reason.as_str(),
        Outcome::RunError { fault } => fault.as_str(),
        Outcome::Up | Outcome::Degraded => "",
    };
    write!(
        to,
        "<header>\n<div class=\"verdict\"><span class=\"lamp\"></span>{word}{colon}{reason}</div>\n\
         <h1>{probe}</h1>\n<p class=\"where\">{environment} · {instance} · {due}</p>\n",
        word = outcome_word(report.outcome),
        colon = if reason.is_empty() { "" } else { " · " },
        probe = Text(report.probe.as_str()),
        environment = Text(report.environment.as_str()),
        instance = Text(&report.instance),
        due = report.due.strftime("%-d %b %Y, %H:%M:%S UTC"),
    )?;
    if !report.detail.is_empty() {
        writeln!(to, "<p class=\"detail\"><bdi>{}</bdi></p>", Text(&report.detail))?;
    }
    to.write_str("<dl class=\"key\">\n")?;
    let first_chunk = report
        .last()
        .and_then(|attempt| attempt.turns.iter().filter_map(|turn| turn.timing.first_chunk).max());
    let (failed, all) = checks(report.last());
    measurement(to, "Run", &Seconds(report.duration))?;
    if let Some(slowest) = first_chunk {
        measurement(to, "Slowest first chunk", &Seconds(slowest))?;
    }
    let turns = report.last().map_or(0, |attempt| attempt.turns.len());
    measurement(to, "Turns", &format_args!("{turns} of {}", report.turns))?;
    if all > 0 {
        measurement(to, "Checks", &format_args!("{} of {all}", all - failed))?;
    }
    if report.retries() > 0 {
        measurement(to, "Attempts", &report.attempts.len())?;
    }
    to.write_str("</dl>\n</header>\n")
}

fn measurement(to: &mut fmt::Formatter<'_>, name: &str, value: &dyn Display) -> fmt::Result {
    writeln!(to, "<div><dt>{name}</dt><dd>{value}</dd></div>")
}

/// Failed checks and all of them.
fn checks(attempt: Option<&Attempt>) -> (usize, usize) {
    attempt.map_or((0, 0), |attempt| {
        let all = attempt.turns.iter().map(|turn| turn.checks.len()).sum();
        (attempt.failed_checks().count(), all)
    })
}

/// The last attempt decides and is open; those before it can be unfolded.
fn attempts(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let count = report.attempts.len();
    to.write_str("<section>\n<h2>Conversation</h2>\n")?;
    if count == 0 {
        to.write_str("<p class=\"nothing\">No attempt was made.</p>\n")?;
    }
    for (index, attempt) in report.attempts.iter().enumerate() {
        let number = index + 1;
        if number < count {
            write!(to, "<details class=\"attempt\"><summary>Attempt {number} of {count}: ")?;
            let summary = match &attempt.failure {
                Some(failure) => failure.prose.as_str(),
                None => "a check failed",
            };
            writeln!(to, "<bdi>{}</bdi></summary>", Text(summary))?;
            chat::write(report, attempt, to)?;
            to.write_str("</details>\n")?;
        } else {
            if count > 1 {
                writeln!(to, "<h3>Attempt {number} of {count}</h3>")?;
            }
            chat::write(report, attempt, to)?;
        }
    }
    to.write_str("</section>\n")
}

#[cfg(test)]
mod tests;

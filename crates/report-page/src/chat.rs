//! The conversation: prompts, replies, and the checks and objectives of each reply.

use std::fmt;
use std::time::Duration;

use domain::Report;
use domain::report::{Attempt, Cause, CheckReport, LONGEST_TEXT, Objective, TurnReport};

use crate::escape::Text;
use crate::times::Seconds;

pub(crate) fn write(
    report: &Report,
    attempt: &Attempt,
    to: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    to.write_str("<div class=\"chat\">\n")?;
    for (index, turn) in attempt.turns.iter().enumerate() {
        let broken = attempt.failure.is_some() && index + 1 == attempt.turns.len();
        one(report, attempt, index, turn, broken, to)?;
    }
    if let Some(failure) = &attempt.failure {
        let (class, word) = match failure.cause {
            Cause::Target(reason) => ("failure", reason.as_str()),
            Cause::Own(fault) => ("failure fault", fault.as_str()),
        };
        writeln!(
            to,
            "<div class=\"{class}\"><b>{word}</b> <bdi>{}</bdi></div>",
            Text(&failure.prose)
        )?;
    }
    let missing = report.turns.saturating_sub(attempt.turns.len());
    if missing > 0 {
        let turns = if missing == 1 { "1 turn was" } else { &format!("{missing} turns were") };
        writeln!(to, "<p class=\"nothing\">{turns} not reached.</p>")?;
    }
    to.write_str("</div>\n")
}

fn one(
    report: &Report,
    attempt: &Attempt,
    index: usize,
    turn: &TurnReport,
    broken: bool,
    to: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    writeln!(
        to,
        "<article>\n<h3 class=\"number\">Turn {} of {}</h3>\n<div class=\"said\" dir=\"auto\">{}</div>",
        index + 1,
        report.turns.max(index + 1),
        Text(&turn.said)
    )?;
    if !turn.thinking.is_empty() {
        writeln!(
            to,
            "<details class=\"thinking\"><summary>Thinking</summary><div dir=\"auto\">{}</div></details>",
            Text(&turn.thinking)
        )?;
    }
    if turn.answered.is_empty() {
        let words = if broken { "No answer." } else { "The answer is empty." };
        writeln!(to, "<div class=\"answered empty\">{words}</div>")?;
    } else {
        let class = if broken { "answered broken" } else { "answered" };
        writeln!(to, "<div class=\"{class}\" dir=\"auto\">{}</div>", Text(&turn.answered))?;
    }
    timing(attempt, index, turn, to)?;
    for toast in &turn.toasts {
        writeln!(to, "<p class=\"toast\">toast <bdi>{}</bdi></p>", Text(toast))?;
    }
    if !turn.checks.is_empty() {
        to.write_str("<ul class=\"checks\">\n")?;
        turn.checks.iter().try_for_each(|check| one_check(check, to))?;
        to.write_str("</ul>\n")?;
    }
    to.write_str("</article>\n")
}

fn timing(
    attempt: &Attempt,
    index: usize,
    turn: &TurnReport,
    to: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let missed =
        |what: Objective| attempt.missed().find(|miss| miss.turn == index && miss.what == what);
    to.write_str("<p class=\"timing\">")?;
    let mut first = true;
    let mut part = |name: &str, time: Option<Duration>, late: Option<Duration>| {
        let Some(time) = time else { return Ok(()) };
        let dot = if std::mem::take(&mut first) { "" } else { " · " };
        match late {
            Some(objective) => write!(
                to,
                "{dot}<b class=\"late\">{name} {}, objective {}</b>",
                Seconds(time),
                Seconds(objective)
            ),
            None => write!(to, "{dot}{name} {}", Seconds(time)),
        }
    };
    let timing = &turn.timing;
    part("queue", timing.queue, None)?;
    part("placeholder", timing.placeholder(), None)?;
    let late = missed(Objective::FirstChunk).map(|miss| miss.objective);
    part("first chunk", timing.first_chunk, late)?;
    let late = missed(Objective::Reply).map(|miss| miss.objective);
    part("reply", timing.reply, late)?;
    let late = missed(Objective::InterChunk).map(|miss| miss.objective);
    part("longest gap", timing.inter_chunk.map(|gaps| gaps.max), late)?;
    if let Some(miss) = missed(Objective::CharactersPerSecond) {
        part("writing", Some(miss.measured), Some(miss.objective))?;
    }
    part("processing in the app", timing.processing, None)?;
    if timing.chunks > 0 {
        let s = if timing.chunks == 1 { "" } else { "s" };
        write!(to, " · {} chunk{s}", timing.chunks)?;
    }
    if let Some(cached) = &turn.cached {
        write!(to, " · <b class=\"late\">from the cache ({})</b>", Text(cached))?;
    }
    if turn.characters > 0 {
        write!(to, " · {} characters", turn.characters)?;
    }
    if turn.characters > u64::try_from(LONGEST_TEXT).unwrap_or(u64::MAX) {
        write!(to, ", the first {LONGEST_TEXT} of them shown")?;
    }
    to.write_str("</p>\n")
}

fn one_check(check: &CheckReport, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (class, mark, word) =
        if check.passed { ("pass", "✓", "passed") } else { ("fail", "✗", "failed") };
    write!(
        to,
        "<li class=\"{class}\"><span class=\"mark\" role=\"img\" aria-label=\"{word}\">{mark}</span><div><bdi>{}</bdi>",
        Text(&check.expected)
    )?;
    if !check.found.is_empty() {
        let found = if check.passed { "" } else { "found " };
        write!(to, "<div class=\"found\">{found}<bdi>{}</bdi></div>", Text(&check.found))?;
    }
    to.write_str("</div></li>\n")
}

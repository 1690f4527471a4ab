//! The conversation: prompts, replies, and the checks and objectives of each reply.

use std::time::Duration;

use domain::Report;
use domain::report::{Attempt, Cause, CheckReport, LONGEST_TEXT, Objective, TurnReport};
use maud::{Markup, html};

use crate::text::Text;
use crate::times::Seconds;

pub(crate) fn conversation(report: &Report, attempt: &Attempt) -> Markup {
    let missing = report.turns.saturating_sub(attempt.turns.len());
    html! {
        div.chat {
            @for (index, turn) in attempt.turns.iter().enumerate() {
                (one(report, attempt, index, turn))
            }
            @if let Some(failure) = &attempt.failure {
                @let (class, reason) = match failure.cause {
                    Cause::Target(reason) => ("failure", reason.as_str()),
                    Cause::Own(fault) => ("failure fault", fault.as_str()),
                };
                div class=(class) { b { (reason) } " " bdi { (Text(&failure.prose)) } }
            }
            @match missing {
                0 => {}
                1 => p.nothing { "1 turn was not reached." },
                _ => p.nothing { (missing) " turns were not reached." },
            }
        }
    }
}

fn one(report: &Report, attempt: &Attempt, index: usize, turn: &TurnReport) -> Markup {
    let broken = attempt.failure.is_some() && index + 1 == attempt.turns.len();
    html! {
        article {
            h3.number { "Turn " (index + 1) " of " (report.turns.max(index + 1)) }
            div.said dir="auto" { (Text(&turn.said)) }
            (thinking(turn))
            @if turn.answered.is_empty() && !turn.parts.is_empty() {
                div.answered.empty { "No text." }
            } @else if turn.answered.is_empty() {
                div.answered.empty {
                    @if broken { "No answer." } @else { "The answer is empty." }
                }
            } @else {
                div.answered.broken[broken] dir="auto" { (Text(&turn.answered)) }
            }
            @for part in &turn.parts {
                p.part { "with " bdi { (Text(&part.to_string())) } }
            }
            p.timing {
                @for (index, part) in timing(attempt, index, turn).iter().enumerate() {
                    @if index > 0 { " · " }
                    (part)
                }
            }
            @for toast in &turn.toasts {
                p.toast { "toast " bdi { (Text(toast)) } }
            }
            @if !turn.checks.is_empty() {
                ul.checks {
                    @for check in &turn.checks { (one_check(check)) }
                }
            }
        }
    }
}

/// Thinking and tool blocks: their titles, and their text folded below.
fn thinking(turn: &TurnReport) -> Markup {
    let titles = turn.blocks.join(", ");
    let titles = if titles.is_empty() { "Thinking" } else { titles.as_str() };
    html! {
        @if !turn.thinking.is_empty() {
            details.thinking {
                summary { bdi { (Text(titles)) } }
                div dir="auto" { (Text(&turn.thinking)) }
            }
        } @else if !turn.blocks.is_empty() {
            p.part { bdi { (Text(titles)) } }
        }
    }
}

/// Times and sizes of a turn, those that missed their objective in bold.
fn timing(attempt: &Attempt, index: usize, turn: &TurnReport) -> Vec<Markup> {
    let missed =
        |what: Objective| attempt.missed().find(|miss| miss.turn == index && miss.what == what);
    let objective = |what| missed(what).map(|miss| miss.objective);
    let timing = &turn.timing;
    let speed = missed(Objective::CharactersPerSecond);
    let times = [
        ("queue", timing.queue, None),
        ("placeholder", timing.placeholder(), None),
        ("first chunk", timing.first_chunk, objective(Objective::FirstChunk)),
        ("reply", timing.reply, objective(Objective::Reply)),
        ("longest gap", timing.inter_chunk.map(|gaps| gaps.max), objective(Objective::InterChunk)),
        ("writing", speed.map(|miss| miss.measured), speed.map(|miss| miss.objective)),
        ("processing in the app", timing.processing, None),
    ];
    let times =
        times.into_iter().filter_map(|(name, time, late)| Some(one_time(name, time?, late)));
    let mut parts: Vec<Markup> = times.collect();
    if timing.chunks > 0 {
        let s = if timing.chunks == 1 { "" } else { "s" };
        parts.push(html! { (timing.chunks) " chunk" (s) });
    }
    if let Some(cached) = &turn.cached {
        parts.push(html! { b.late { "from the cache (" (Text(cached)) ")" } });
    }
    if turn.characters > 0 {
        let cut = turn.characters > u64::try_from(LONGEST_TEXT).unwrap_or(u64::MAX);
        parts.push(html! {
            (turn.characters) " characters"
            @if cut { ", the first " (LONGEST_TEXT) " of them shown" }
        });
    }
    parts
}

fn one_time(name: &str, time: Duration, late: Option<Duration>) -> Markup {
    let text = html! { (name) " " (Seconds(time)) };
    html! {
        @if let Some(objective) = late {
            b.late { (text) ", objective " (Seconds(objective)) }
        } @else {
            (text)
        }
    }
}

fn one_check(check: &CheckReport) -> Markup {
    let (class, mark, label) =
        if check.passed { ("pass", "✓", "passed") } else { ("fail", "✗", "failed") };
    html! {
        li class=(class) {
            span.mark role="img" aria-label=(label) { (mark) }
            div {
                bdi { (Text(&check.expected)) }
                @if !check.found.is_empty() {
                    div.found {
                        @if !check.passed { "received " }
                        bdi { (Text(&check.found)) }
                    }
                }
            }
        }
    }
}

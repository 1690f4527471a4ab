//! A report as text: verdict, reason, timing.

use std::io::{self, Write};
use std::time::Duration;

use domain::report::{Attempt, Cause, Objective, Report, TurnReport};
use domain::{Outcome, Phases};

use crate::output::visible;
use crate::style::{BOLD, DIM, ERROR, GOOD, WARN, of};

/// Largest number of characters of a prompt or a reply that is shown.
const LONGEST: usize = 160;

pub(crate) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let tone = of(report.outcome);
    let reason = match report.outcome {
        Outcome::Down { reason } => format!(" ({reason})"),
        Outcome::RunError { fault } => format!(" ({})", fault.as_str()),
        Outcome::Up | Outcome::Degraded => String::new(),
    };
    let word = match report.outcome {
        Outcome::RunError { .. } => "could not run",
        outcome => outcome.as_str(),
    };
    let maintenance = if report.maintenance { " · maintenance" } else { "" };
    writeln!(
        to,
        "{tone}● {}{tone:#} {BOLD}{word}{reason}{BOLD:#} {DIM}after {} · {} · {}{maintenance}{DIM:#}",
        report.probe,
        seconds(report.duration),
        report.environment,
        visible(&report.instance, 80),
    )?;
    let several = report.attempts.len() > 1;
    let mut previous = None;
    for (number, attempt) in (1..).zip(&report.attempts) {
        if previous.is_some_and(|previous| failed_alike(previous, attempt)) {
            writeln!(to, "  {BOLD}attempt {number}{BOLD:#} failed in the same way")?;
        } else {
            if several {
                writeln!(to, "  {BOLD}attempt {number}{BOLD:#}")?;
            }
            one_attempt(report, attempt, to)?;
        }
        previous = Some(attempt);
    }
    // The line of the last attempt may say it already.
    let failure = report.last().and_then(|attempt| attempt.failure.as_ref());
    if !report.detail.is_empty() && failure.is_none_or(|failure| failure.prose != report.detail) {
        writeln!(to, "  {tone}why{tone:#} {}", visible(&report.detail, 400))?;
    }
    Ok(())
}

/// Whether both ended before the first turn for the same reason.
fn failed_alike(one: &Attempt, other: &Attempt) -> bool {
    one.failure.is_some()
        && one.failure == other.failure
        && one.turns.is_empty()
        && other.turns.is_empty()
}

fn one_attempt(report: &Report, attempt: &Attempt, to: &mut dyn Write) -> io::Result<()> {
    let opening = opening(&attempt.phases);
    let app = attempt.app.as_ref().map(|app| {
        let part = |text: &str| visible(text, 60);
        format!("Gradio {} · {} · {}", part(&app.gradio), part(&app.protocol), part(&app.endpoint))
    });
    let line: Vec<String> = opening.into_iter().chain(app).collect();
    if !line.is_empty() {
        writeln!(to, "  {DIM}{}{DIM:#}", line.join(" · "))?;
    }
    for (index, turn) in attempt.turns.iter().enumerate() {
        one_turn(index, turn, attempt, to)?;
    }
    if let Some(failure) = &attempt.failure {
        let word = match failure.cause {
            Cause::Target(reason) => reason.as_str(),
            Cause::Own(fault) => fault.as_str(),
        };
        writeln!(to, "  {ERROR}✗ {word}{ERROR:#} {}", visible(&failure.prose, 400))?;
    }
    let missing = report.turns.saturating_sub(attempt.turns.len());
    if missing > 0 && !attempt.turns.is_empty() {
        writeln!(to, "  {DIM}turns not reached: {missing}{DIM:#}")?;
    }
    Ok(())
}

/// The phases that occurred.
fn opening(phases: &Phases) -> Option<String> {
    let parts = [
        ("dns", phases.dns),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("describe", phases.describe),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, time)| Some(format!("{name} {}", seconds(time?))))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn one_turn(
    index: usize,
    turn: &TurnReport,
    attempt: &Attempt,
    to: &mut dyn Write,
) -> io::Result<()> {
    writeln!(to, "  {BOLD}{}{BOLD:#} › {}", index + 1, visible(&turn.said, LONGEST))?;
    if !turn.answered.is_empty() {
        writeln!(to, "    ‹ {}", visible(&turn.answered, LONGEST))?;
    }
    let parts: Vec<String> = turn.parts.iter().map(ToString::to_string).collect();
    for (name, list) in [("parts", parts.join(", ")), ("blocks", turn.blocks.join(", "))] {
        if !list.is_empty() {
            writeln!(to, "    {DIM}{name}{DIM:#} {}", visible(&list, LONGEST))?;
        }
    }
    let late =
        |what: Objective| attempt.missed().find(|miss| miss.turn == index && miss.what == what);
    let mut times = Vec::new();
    if let Some(queue) = turn.timing.queue {
        times.push(format!("queue {}", seconds(queue)));
    }
    for (name, time, what) in [
        ("first chunk", turn.timing.first_chunk, Objective::FirstChunk),
        ("reply", turn.timing.reply, Objective::Reply),
        ("longest gap", turn.timing.inter_chunk.map(|gaps| gaps.max), Objective::InterChunk),
    ] {
        let Some(time) = time else { continue };
        let shown = format!("{name} {}", seconds(time));
        times.push(match late(what) {
            Some(miss) => {
                format!("{WARN}{shown}, objective {}{WARN:#}{DIM}", seconds(miss.objective))
            }
            None => shown,
        });
    }
    if let Some(placeholder) = turn.timing.placeholder() {
        times.push(format!("placeholder {}", seconds(placeholder)));
    }
    if turn.timing.chunks > 0 {
        times.push(format!("{} chunks", turn.timing.chunks));
    }
    if let Some(cached) = &turn.cached {
        times.push(format!("{WARN}from the cache ({}){WARN:#}{DIM}", visible(cached, 20)));
    }
    if !times.is_empty() {
        writeln!(to, "    {DIM}{}{DIM:#}", times.join(" · "))?;
    }
    for toast in &turn.toasts {
        writeln!(to, "    {WARN}toast{WARN:#} {}", visible(toast, LONGEST))?;
    }
    for check in &turn.checks {
        let expected = visible(&check.expected, LONGEST);
        if check.passed && check.found.is_empty() {
            writeln!(to, "    {GOOD}✓{GOOD:#} {expected}")?;
        } else if check.passed {
            let found = visible(&check.found, LONGEST);
            writeln!(to, "    {GOOD}✓{GOOD:#} {expected} {DIM}({found}){DIM:#}")?;
        } else {
            let found = visible(&check.found, LONGEST);
            writeln!(to, "    {ERROR}✗ {expected}{ERROR:#}, received {found}")?;
        }
    }
    Ok(())
}

/// `8 ms` or `2.31 s`.
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_millis(100) {
        format!("{:.0} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use domain::Reason;
    use domain::report::Failure;
    use testkit::reports;

    use super::*;

    fn refused(prose: &str) -> Attempt {
        let failure = Failure { cause: Cause::Target(Reason::Connect), prose: prose.to_owned() };
        Attempt { failure: Some(failure), ..reports::attempt(Vec::new()) }
    }

    #[test]
    fn same_failure_of_two_attempts_is_shown_once() {
        let cases = [
            (vec!["refused"], 1, 0),
            (vec!["refused", "refused"], 1, 1),
            (vec!["refused", "reset"], 2, 0),
            (vec!["reset", "refused", "refused"], 2, 1),
        ];
        for (attempts, shown, alike) in cases {
            let last = attempts.last().copied().unwrap_or_default();
            let report = Report {
                detail: last.to_owned(),
                ..reports::report(attempts.iter().map(|prose| refused(prose)).collect())
            };
            let mut text = Vec::new();
            write(&report, &mut text).unwrap();
            let text = anstream::adapter::strip_bytes(&text).into_vec();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text.matches("✗ connect").count(), shown, "{text}");
            assert_eq!(text.matches("failed in the same way").count(), alike, "{text}");
            assert!(!text.contains("why"), "{text}");
        }
    }

    #[test]
    fn reason_that_no_line_shows_has_its_own_line() {
        let mut text = Vec::new();
        write(&reports::eventful(), &mut text).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("turn 2: expected contains"));
    }

    #[test]
    fn parts_and_titles_of_blocks_are_shown() {
        let mut text = Vec::new();
        write(&reports::eventful(), &mut text).unwrap();
        let text = anstream::adapter::strip_bytes(&text).into_vec();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("    parts image table.png, html\n"), "{text}");
        assert!(text.contains("    blocks Thinking, Used the tool calculator\n"), "{text}");
    }
}

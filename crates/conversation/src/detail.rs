//! One sentence on the outcome of a run.

use domain::report::{Attempt, Missed, Objective, deciding_attempt};
use domain::{Outcome, Reason};

/// Empty if all is well.
pub(crate) fn detail(attempts: &[Attempt], outcome: Outcome) -> String {
    let Some(last) = deciding_attempt(attempts) else { return String::new() };
    let detail = detail_of(attempts, last, outcome);
    let cut_short = attempts.iter().zip(1..).find(|(attempt, _)| attempt.cut_short);
    match cut_short.and_then(|(attempt, number)| Some((attempt.failure.as_ref()?, number))) {
        Some((failure, number)) => {
            format!("{detail}; attempt {number} ran out of time: {}", failure.prose)
        }
        None => detail,
    }
}

fn detail_of(attempts: &[Attempt], last: &Attempt, outcome: Outcome) -> String {
    if let Some(failure) = &last.failure {
        let turn = last.turns.len();
        return if turn == 0 {
            failure.prose.clone()
        } else {
            format!("turn {turn}: {}", failure.prose)
        };
    }
    if let (Some(Reason::CheckFailed), Some((turn, check))) =
        (outcome.reason(), last.failed_checks().next())
    {
        return format!("turn {}: expected {}, received {}", turn + 1, check.expected, check.found);
    }
    if let Some(missed) = last.missed().next() {
        return late(&missed);
    }
    match attempts {
        [first, .., _] => {
            let before =
                first.failure.as_ref().map_or("a check failed", |failure| failure.prose.as_str());
            format!("passed only at attempt {}; before that: {before}", attempts.len())
        }
        _ => last.blurred().next().map_or_else(String::new, |missed| {
            let stalled = missed.stalled.as_secs_f64();
            let late = late(&missed);
            format!(
                "{late}; not counted against the app: the prober was stalled for {stalled:.2} s"
            )
        }),
    }
}

fn late(missed: &Missed) -> String {
    let what = match missed.what {
        Objective::FirstChunk => "first chunk after",
        Objective::Reply => "reply after",
        Objective::InterChunk => "longest gap between two chunks",
        Objective::CharactersPerSecond => "writing the reply took",
    };
    let (measured, objective) = (missed.measured.as_secs_f64(), missed.objective.as_secs_f64());
    format!("turn {}: {what} {measured:.2} s, objective {objective:.2} s", missed.turn + 1)
}

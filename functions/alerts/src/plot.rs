//! What a mail is about, and which of the things that were seen says most about it.

use domain::alert::{Alert, State, Subject};
use domain::alert_memory::{News, Trouble as Stretch};
use domain::report::{Attempt, Missed, Objective, Report};
use domain::{Outcome, Severity};

use crate::notification::Item;
use crate::words::{Measured, Plot, Slow, Trouble};

/// What a mail about `item` is about.
pub(crate) fn plot(item: &Item) -> Plot {
    of(item.alert(), item.memory.trouble, item.report.as_ref())
}

/// What an alarm is about of which nothing more is known than its state.
pub(crate) fn plot_of(alert: &Alert) -> Plot {
    of(alert, None, None)
}

fn of(alert: &Alert, trouble: Option<Stretch>, report: Option<&Report>) -> Plot {
    let over = alert.state == State::Ok;
    let blind = alert.state == State::InsufficientData;
    match &alert.subject {
        Subject::Down { .. } | Subject::Degraded { .. } if over => {
            Plot::Recovered(match (&alert.subject, trouble) {
                (_, Some(trouble)) if !trouble.rose => Trouble::Blind,
                (Subject::Degraded { .. }, _) => Trouble::Degraded,
                _ => Trouble::Down,
            })
        }
        Subject::Down { .. } | Subject::Degraded { .. } if blind => {
            Plot::Blind(match report.map(|report| report.outcome) {
                Some(Outcome::RunError { fault }) => Some(fault),
                _ => None,
            })
        }
        Subject::Down { .. } => Plot::Down(report.and_then(|report| report.outcome.reason())),
        Subject::Degraded { .. } => Plot::Degraded(slow(report)),
        Subject::Pipeline if over => Plot::PipelineOver,
        Subject::Pipeline => Plot::Pipeline,
        Subject::Foreign { .. } if over => Plot::ForeignOver,
        Subject::Foreign { .. } => Plot::Foreign,
        Subject::Unreadable => Plot::Unreadable,
    }
}

fn slow(report: Option<&Report>) -> Slow {
    let Some((report, attempt)) = report.and_then(|report| Some((report, report.last()?))) else {
        return Slow::Unknown;
    };
    match late(attempt) {
        _ if report.outcome != Outcome::Degraded => Slow::Unknown,
        Some((what, _)) => what,
        None if 0 < report.retries() => Slow::Retry,
        None => Slow::Unknown,
    }
}

/// The objective that was missed by most.
pub(crate) fn late(attempt: &Attempt) -> Option<(Slow, Missed)> {
    let by = |missed: &Missed| missed.measured.saturating_sub(missed.objective);
    let missed = attempt.missed().max_by_key(by)?;
    let what = match missed.what {
        Objective::FirstChunk => Slow::FirstChunk,
        Objective::Reply => Slow::Reply,
    };
    Some((what, missed))
}

/// The measurement that says most about `item`.
pub(crate) fn measured(item: &Item, plot: Plot) -> Measured {
    let during = item.figures.as_ref().and_then(|figures| figures.during.runs);
    if item.alert().state == State::Ok {
        if item.news == News::Settled {
            // Its last stretch says nothing of all the others.
            return Measured::Nothing;
        }
        let lasted = item.lasted(item.alert().changed);
        return Measured::Over { plot, lasted, runs: during.filter(|runs| 0 < runs.failed()) };
    }
    let report = item.report.as_ref();
    match (plot, report.and_then(|report| Some((report, report.last()?)))) {
        (Plot::Down(_), Some((report, attempt))) => why_down(report, attempt),
        (Plot::Degraded(Slow::Retry), Some(_)) => Measured::Retry,
        (Plot::Degraded(slow), Some((_, attempt))) => late(attempt)
            .filter(|missed| missed.0 == slow)
            .map_or(Measured::Nothing, |(what, missed)| Measured::Late {
                turn: missed.turn + 1,
                what,
                measured: missed.measured,
                objective: missed.objective,
            }),
        (Plot::Down(_), None) => match (report, during) {
            (Some(report), _) => prose(report),
            (None, Some(runs)) if 0 < runs.failed() => Measured::Runs(runs),
            (None, _) => Measured::Nothing,
        },
        _ => Measured::Nothing,
    }
}

fn why_down(report: &Report, attempt: &Attempt) -> Measured {
    use domain::Reason::{CheckFailed, FirstChunkTimeout, QueueTimeout, Stalled, Timeout};
    if let Some((turn, check)) = attempt.failed_checks().next() {
        let (expected, found) = (check.expected.clone(), check.found.clone());
        return Measured::Check { turn: turn + 1, expected, found };
    }
    match (report.outcome.reason(), attempt.turns.last()) {
        (Some(FirstChunkTimeout | QueueTimeout | Stalled | Timeout), Some(turn)) => {
            Measured::GivenUp {
                turn: attempt.turns.len(),
                after: attempt.duration.saturating_sub(turn.offset),
                objective: turn.objectives.first_chunk.or(turn.objectives.reply),
            }
        }
        (Some(CheckFailed) | None, _) => Measured::Nothing,
        _ => prose(report),
    }
}

fn prose(report: &Report) -> Measured {
    Measured::Prose { reason: report.outcome.reason(), prose: report.detail.clone() }
}

/// The try that says most about the outcome: what passed only on retry is told by the try that
/// failed, since users meet that one.
pub(crate) fn telling_attempt(report: &Report, plot: Plot) -> Option<&Attempt> {
    if plot == Plot::Degraded(Slow::Retry) { report.attempts.first() } else { report.last() }
}

/// The turn that says most about the outcome, from 0; `None` when no turn was begun.
pub(crate) fn telling_turn(report: &Report, attempt: &Attempt) -> Option<usize> {
    let failed = attempt.failed_checks().next().map(|(turn, _)| turn);
    let late = late(attempt).map(|(_, missed)| missed.turn);
    let last = attempt.turns.len().checked_sub(1);
    match report.outcome {
        Outcome::Degraded => late.or(failed).or(last),
        _ => failed.or(last),
    }
}

/// The gravest first: what is down before what we don't see, before what is slow, before what is over.
#[must_use]
pub(crate) fn gravity(alert: &Alert, severity: Severity) -> (Severity, State, u8, String) {
    let kind = match alert.subject {
        Subject::Down { .. } => 0,
        Subject::Pipeline => 1,
        Subject::Foreign { .. } => 2,
        Subject::Unreadable => 3,
        Subject::Degraded { .. } => 4,
    };
    (severity, alert.state, kind, alert.name.clone())
}

//! The subject of a mail, and the observation that describes it best.

use std::time::Duration;

use domain::report::{Attempt, Cause, Missed, Objective, Report};
use domain::{Outcome, OwnFault, Reason, Severity};

use crate::alert::{Alert, State, Subject};
use crate::incident::{Closure, Incident, NotificationKind};
use crate::notification::{Item, Runs};

/// The subject of a mail. Headline, impact and steps follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Situation {
    /// `None` when no report of the incident could be read.
    Down(Option<Reason>),
    /// Down from one of several locations.
    DownFrom(Option<Reason>),
    /// One of several locations has no data.
    NoDataFrom,
    Degraded(Slowness),
    /// With the Vigie fault that a report names, if there is one.
    NoData(Option<OwnFault>),
    /// A probe passes again.
    Recovered(Problem),
    /// The incident ended without `OK`.
    Closed(Closure),
    SelfMonitoring,
    SelfMonitoringOver,
    /// Another alarm of a probe: on its error budget or its certificate.
    ProbeAlarm,
    External,
    ExternalOver,
    Unreadable,
}

/// What makes a run `degraded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slowness {
    FirstChunk,
    Reply,
    Retry,
    Unknown,
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Down,
    /// Down from one of several locations, or no data from it.
    Location,
    Degraded,
    NoData,
}

/// The measurement that describes an incident best.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measurement {
    /// Turns count from 1.
    Check {
        turn: usize,
        expected: String,
        found: String,
    },
    Late {
        turn: usize,
        what: Slowness,
        measured: Duration,
        objective: Duration,
    },
    /// The prober stopped waiting in this turn, after this time.
    TimedOut {
        turn: usize,
        after: Duration,
        objective: Option<Duration>,
    },
    /// Turns passed only on retry.
    Retry,
    /// The detail of the report, and the reason of the failure if there is one.
    Detail {
        reason: Option<Reason>,
        detail: String,
    },
    /// Only the number of failed runs is known.
    Runs(Runs),
    /// The incident has ended. `None` where the length is unknown, or no run failed.
    Ended {
        situation: Situation,
        lasted: Option<Duration>,
        runs: Option<Runs>,
    },
    Nothing,
}

/// The results of the other attempts of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempts {
    /// There was one attempt, or the others do not matter.
    One,
    /// This many attempts failed in the same way.
    Same(usize),
    /// The first attempt failed in another way: for this reason, or on a check.
    Different { first: Option<Reason> },
}

/// How many alarms of a list are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateCounts {
    pub(crate) down: usize,
    pub(crate) degraded: usize,
    pub(crate) no_data: usize,
    pub(crate) over: usize,
    pub(crate) other: usize,
}

impl StateCounts {
    pub(crate) fn count(&mut self, situation: Situation) {
        *match situation {
            Situation::Down(_) | Situation::DownFrom(_) => &mut self.down,
            Situation::Degraded(_) => &mut self.degraded,
            Situation::NoData(_) | Situation::NoDataFrom => &mut self.no_data,
            Situation::Recovered(_)
            | Situation::Closed(_)
            | Situation::SelfMonitoringOver
            | Situation::ExternalOver => &mut self.over,
            Situation::SelfMonitoring
            | Situation::ProbeAlarm
            | Situation::External
            | Situation::Unreadable => &mut self.other,
        } += 1;
    }
}

/// The subject of the mail about `item`.
pub(crate) fn situation(item: &Item) -> Situation {
    match item.closure {
        Some(closure) => Situation::Closed(closure),
        None => of(&item.alert, item.incident, item.report.as_ref()),
    }
}

/// The situation of an alarm of which only the state is known.
pub(crate) fn situation_of_alert(alert: &Alert) -> Situation {
    of(alert, None, None)
}

fn of(alert: &Alert, incident: Option<Incident>, report: Option<&Report>) -> Situation {
    let over = alert.state == State::Ok;
    let no_data = alert.state == State::InsufficientData;
    match &alert.subject {
        Subject::Down { .. } | Subject::Degraded { .. } if over => {
            Situation::Recovered(match (&alert.subject, incident) {
                (_, Some(incident)) if !incident.rose => Problem::NoData,
                (Subject::Degraded { .. }, _) => Problem::Degraded,
                _ => Problem::Down,
            })
        }
        Subject::Down { .. } | Subject::Degraded { .. } if no_data => {
            Situation::NoData(match report.map(|report| report.outcome) {
                Some(Outcome::RunError { fault }) => Some(fault),
                _ => None,
            })
        }
        Subject::Location { .. } if over => Situation::Recovered(Problem::Location),
        Subject::Location { .. } if no_data => Situation::NoDataFrom,
        Subject::Location { .. } => {
            Situation::DownFrom(report.and_then(|report| report.outcome.reason()))
        }
        Subject::Down { .. } => Situation::Down(report.and_then(|report| report.outcome.reason())),
        Subject::Degraded { .. } => Situation::Degraded(slow(report)),
        Subject::SelfMonitoring if over => Situation::SelfMonitoringOver,
        Subject::SelfMonitoring => Situation::SelfMonitoring,
        Subject::External { .. } if over => Situation::ExternalOver,
        Subject::External { .. } if alert.is_probe_alarm() => Situation::ProbeAlarm,
        Subject::External { .. } => Situation::External,
        Subject::Unreadable => Situation::Unreadable,
    }
}

fn slow(report: Option<&Report>) -> Slowness {
    let Some((report, attempt)) = report.and_then(|report| Some((report, report.last()?))) else {
        return Slowness::Unknown;
    };
    match late(attempt) {
        _ if report.outcome != Outcome::Degraded => Slowness::Unknown,
        Some((what, _)) => what,
        None if 0 < report.retries() => Slowness::Retry,
        None => Slowness::Unknown,
    }
}

/// The objective that was missed by the most.
pub(crate) fn late(attempt: &Attempt) -> Option<(Slowness, Missed)> {
    let by = |missed: &Missed| missed.measured.saturating_sub(missed.objective);
    let what = |missed: &Missed| match missed.what {
        Objective::FirstChunk => Some(Slowness::FirstChunk),
        Objective::Reply => Some(Slowness::Reply),
        // Only the detail of the report describes these.
        Objective::InterChunk | Objective::CharactersPerSecond => None,
    };
    let described = attempt.missed().filter_map(|missed| Some((what(&missed)?, missed)));
    described.max_by_key(|(_, missed)| by(missed))
}

/// The measurement that describes `item` best.
pub(crate) fn measurement(item: &Item, situation: Situation) -> Measurement {
    let during = item.metrics.as_ref().and_then(|metrics| metrics.during.runs);
    if item.alert.state == State::Ok {
        if item.kind == NotificationKind::Settled {
            // The last incident does not describe the others.
            return Measurement::Nothing;
        }
        let lasted = item.lasted(item.alert.changed);
        return Measurement::Ended {
            situation,
            lasted,
            runs: during.filter(|runs| 0 < runs.failed()),
        };
    }
    let report = item.report.as_ref();
    match (situation, report.and_then(|report| Some((report, report.last()?)))) {
        (Situation::Down(_) | Situation::DownFrom(_), Some((report, attempt))) => {
            why_down(report, attempt)
        }
        (Situation::Degraded(Slowness::Retry), Some(_)) => Measurement::Retry,
        (Situation::Degraded(slow), Some((_, attempt))) => late(attempt)
            .filter(|missed| missed.0 == slow)
            .map_or(Measurement::Nothing, |(what, missed)| Measurement::Late {
                turn: missed.turn + 1,
                what,
                measured: missed.measured,
                objective: missed.objective,
            }),
        (Situation::Down(_) | Situation::DownFrom(_), None) => match (report, during) {
            (Some(report), _) => detail(report),
            (None, Some(runs)) if 0 < runs.failed() => Measurement::Runs(runs),
            (None, _) => Measurement::Nothing,
        },
        _ => Measurement::Nothing,
    }
}

fn why_down(report: &Report, attempt: &Attempt) -> Measurement {
    use domain::Reason::{CheckFailed, FirstChunkTimeout, QueueTimeout, Stalled, Timeout};
    if let Some((turn, check)) = attempt.failed_checks().next() {
        let (expected, found) = (check.expected.clone(), check.found.clone());
        return Measurement::Check { turn: turn + 1, expected, found };
    }
    match (report.outcome.reason(), attempt.turns.last()) {
        (Some(FirstChunkTimeout | QueueTimeout | Stalled | Timeout), Some(turn)) => {
            Measurement::TimedOut {
                turn: attempt.turns.len(),
                after: attempt.duration.saturating_sub(turn.offset),
                objective: turn.objectives.first_chunk.or(turn.objectives.reply),
            }
        }
        (Some(CheckFailed) | None, _) => Measurement::Nothing,
        _ => detail(report),
    }
}

fn detail(report: &Report) -> Measurement {
    Measurement::Detail { reason: report.outcome.reason(), detail: report.detail.clone() }
}

/// The attempt that shows the failure. For a run that passed on retry it is the first one, which is what
/// some users meet.
pub(crate) fn decisive_attempt(report: &Report, situation: Situation) -> Option<&Attempt> {
    if situation == Situation::Degraded(Slowness::Retry) {
        report.attempts.first()
    } else {
        report.last()
    }
}

/// The results of the attempts before the last one; compared by reason, turn and failed check.
pub(crate) fn attempts(report: &Report) -> Attempts {
    fn failure(attempt: &Attempt) -> (Option<Cause>, usize, Option<(usize, &str)>) {
        let check = attempt.failed_checks().next();
        let check = check.map(|(turn, check)| (turn, check.expected.as_str()));
        (attempt.failure.as_ref().map(|failure| failure.cause), attempt.turns.len(), check)
    }
    match report.attempts.as_slice() {
        [] | [_] => Attempts::One,
        [first, others @ ..] if others.iter().all(|other| failure(other) == failure(first)) => {
            Attempts::Same(report.attempts.len())
        }
        [first, ..] => Attempts::Different {
            first: match failure(first).0 {
                Some(Cause::Target(reason)) => Some(reason),
                Some(Cause::Own(_)) => None,
                None => failure(first).2.map(|_| Reason::CheckFailed),
            },
        },
    }
}

/// The turn that shows the failure, from 0; `None` when no turn began.
pub(crate) fn decisive_turn(report: &Report, attempt: &Attempt) -> Option<usize> {
    let failed = attempt.failed_checks().next().map(|(turn, _)| turn);
    let late = late(attempt).map(|(_, missed)| missed.turn);
    let last = attempt.turns.len().checked_sub(1);
    match report.outcome {
        Outcome::Degraded => late.or(failed).or(last),
        _ => failed.or(last),
    }
}

/// Sort key, the most urgent first: down, no data, degraded, resolved.
#[must_use]
pub(crate) fn urgency(alert: &Alert, severity: Severity) -> (Severity, State, u8, String) {
    let kind = match alert.subject {
        Subject::Down { .. } => 0,
        Subject::SelfMonitoring => 1,
        Subject::External { .. } => 2,
        Subject::Unreadable => 3,
        Subject::Location { .. } => 4,
        Subject::Degraded { .. } => 5,
    };
    (severity, alert.state, kind, alert.name.clone())
}

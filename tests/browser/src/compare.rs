//! The two results of a case, and their differences.

use std::fmt;

use domain::report::{Attempt, Objective, Report};
use domain::{Outcome, Reason};
use serde::{Deserialize, Serialize};

use crate::chromium::{Seen, SeenTurn};
use crate::manifest::{Case, Right};
use crate::normalise::{comparable, is_blank};

/// One case with both results.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Comparison {
    pub(crate) case: String,
    pub(crate) browser: Side,
    pub(crate) vigie: Side,
    /// One sentence for each difference; empty if there is none.
    pub(crate) differences: Vec<String>,
}

/// The verdict of one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Up,
    Degraded,
    Down,
    /// Vigie finds no chat that it supports.
    Refused,
    /// The conversation could not be held for a reason that is not the app's.
    #[default]
    Error,
}

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Refused => "refused",
            Self::Error => "error",
        })
    }
}

/// The result of one of the two.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Side {
    pub(crate) verdict: Verdict,
    /// Why it is not up.
    pub(crate) reason: String,
    pub(crate) answers: Vec<String>,
    /// The missed objectives that a browser can measure, such as `reply of turn 2`.
    #[serde(default)]
    pub(crate) missed: Vec<String>,
    /// Of the last turn: first text received, first text painted (browser only), end.
    pub(crate) first_ms: Option<u64>,
    pub(crate) painted_ms: Option<u64>,
    pub(crate) end_ms: Option<u64>,
}

impl Side {
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.verdict, Verdict::Up | Verdict::Degraded)
    }

    /// No result about the app.
    pub(crate) fn error(error: &anyhow::Error) -> Self {
        Self { reason: format!("{error:#}"), ..Self::default() }
    }

    fn down(reason: String) -> Self {
        Self { verdict: Verdict::Down, reason, ..Self::default() }
    }
}

impl Comparison {
    pub(crate) fn new(case: &Case, browser: Side, vigie: Side) -> Self {
        let differences = differences(case, &browser, &vigie);
        Self { case: case.name.clone(), browser, vigie, differences }
    }

    pub(crate) fn agrees(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Whether the result is the one in the manifest.
pub(crate) fn is_right(case: &Case, side: &Side) -> bool {
    matches!(
        (case.right, side.verdict),
        (Right::Up, Verdict::Up)
            | (Right::Degraded, Verdict::Degraded)
            | (Right::Down, Verdict::Down)
    )
}

/// Whether an earlier result has what is compared today: one from before the missed objectives were
/// named has none.
pub(crate) fn is_complete(side: &Side) -> bool {
    side.verdict != Verdict::Degraded || !side.missed.is_empty()
}

fn differences(case: &Case, browser: &Side, vigie: &Side) -> Vec<String> {
    let error = [browser, vigie].into_iter().find(|side| side.verdict == Verdict::Error);
    if let Some(side) = error {
        return vec![format!("not compared: {}", side.reason)];
    }
    let mut differences = Vec::new();
    if !is_right(case, browser) {
        differences
            .push(format!("the manifest says {:?}, the browser {}", case.right, browser.verdict));
    }
    let refused = vigie.verdict == Verdict::Refused;
    if refused && (case.may_refuse || !browser.is_up()) {
        return differences;
    }
    if browser.is_up() != vigie.is_up() {
        let what = if vigie.is_up() { "false up" } else { "false down" };
        differences
            .push(format!("{what}: the browser says {}, Vigie {}", browser.verdict, vigie.verdict));
    }
    let both = browser.is_up() && vigie.is_up();
    // A retry makes the run of Vigie degraded too; it counts where the probe is about times.
    let is_timed =
        case.probe.first_text_objective_ms().or(case.probe.reply_objective_ms()).is_some();
    let differs = browser.missed != vigie.missed || (is_timed && browser.verdict != vigie.verdict);
    if both && differs {
        differences.push(format!(
            "objectives: the browser says {} [{}], Vigie {} [{}]",
            browser.verdict,
            browser.missed.join(", "),
            vigie.verdict,
            vigie.missed.join(", "),
        ));
    }
    if case.may_differ || !both {
        return differences;
    }
    let answers = browser.answers.iter().zip(&vigie.answers).enumerate();
    differences.extend(
        answers
            .filter(|(_, (seen, reported))| comparable(seen) != comparable(reported))
            .map(|(turn, _)| format!("answer of turn {} differs", turn + 1)),
    );
    differences
}

/// The verdict of the browser: the checks of the probe, applied to the page.
pub(crate) fn browser(case: &Case, seen: &Seen) -> Side {
    let mut side = Side::default();
    for (number, (turn, expected)) in (1..).zip(seen.turns.iter().zip(&case.probe.conversation)) {
        side.missed.extend(missed(case, number, turn));
        let answer = turn.answer();
        let images = turn.replies.iter().map(|reply| reply.images).sum();
        side.answers.push(answer.clone());
        side.first_ms = turn.first_received_ms;
        side.painted_ms = turn.first_painted_ms;
        side.end_ms = turn.last_change_ms;
        let error = turn.toasts.iter().find(|toast| toast.level == "error");
        let silent = turn.replies.iter().any(|reply| is_blank(&reply.text) && reply.images == 0);
        let failed = expected.expect.iter().find_map(|check| check.failure(&answer, images));
        let reason = if let Some(toast) = error {
            Some(format!("error toast: {}", toast.text))
        } else if !turn.accepted {
            Some(format!("message not accepted {}", turn.refused.join(", ")))
        } else if silent || turn.replies.is_empty() {
            Some("no answer".to_owned())
        } else if !turn.settled {
            Some("the answer did not end in time".to_owned())
        } else {
            failed
        };
        if let Some(reason) = reason
            && side.reason.is_empty()
        {
            side.reason = reason;
        }
    }
    if let Some(failure) = &seen.failure {
        return Side { answers: side.answers, ..Side::down(failure.clone()) };
    }
    side.verdict = match (side.reason.is_empty(), side.missed.is_empty()) {
        (true, true) => Verdict::Up,
        (true, false) => Verdict::Degraded,
        (false, _) => Verdict::Down,
    };
    side
}

/// The objectives that a turn in the browser missed.
fn missed(case: &Case, number: usize, turn: &SeenTurn) -> impl Iterator<Item = String> {
    let first_text = turn.first_received_ms.or(turn.first_painted_ms);
    let objectives = [
        (Objective::FirstChunk, first_text, case.probe.first_text_objective_ms()),
        (Objective::Reply, turn.last_change_ms, case.probe.reply_objective_ms()),
    ];
    objectives.into_iter().filter_map(move |(what, measured, objective)| {
        let is_late =
            measured.zip(objective).is_some_and(|(measured, objective)| measured > objective);
        name(what, number).filter(|_| is_late)
    })
}

/// An objective of a turn; `None` if a browser does not measure it.
fn name(what: Objective, turn: usize) -> Option<String> {
    match what {
        Objective::FirstChunk => Some(format!("first chunk of turn {turn}")),
        Objective::Reply => Some(format!("reply of turn {turn}")),
        Objective::InterChunk | Objective::CharactersPerSecond => None,
    }
}

/// The replies without the labels of their components, `[LABEL]`, which the page shows elsewhere.
fn without_labels(answered: &str) -> String {
    let is_label = |line: &str| line.starts_with('[') && line.ends_with(']');
    let parts = answered.split("\n\n").map(|part| match part.split_once('\n') {
        Some((first, rest)) if is_label(first) => rest,
        _ => part,
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

pub(crate) fn vigie(report: &Report) -> Side {
    let last = report.last();
    let turns = last.map_or(&[][..], |attempt: &Attempt| &attempt.turns);
    let all_missed: Vec<_> = last.into_iter().flat_map(Attempt::missed).collect();
    let missed = all_missed.iter().filter_map(|missed| name(missed.what, missed.turn + 1));
    let missed: Vec<String> = missed.collect();
    // Then a browser cannot find the app degraded.
    let is_unmeasured = report.attempts.len() == 1 && !all_missed.is_empty() && missed.is_empty();
    let timing = turns.last().map(|turn| &turn.timing);
    let ms = |time: Option<std::time::Duration>| {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    };
    let (verdict, reason) = match report.outcome {
        Outcome::Up => (Verdict::Up, String::new()),
        Outcome::Degraded if is_unmeasured => (Verdict::Up, report.detail.clone()),
        Outcome::Degraded => (Verdict::Degraded, report.detail.clone()),
        Outcome::Down { reason: Reason::EndpointMissing } => {
            (Verdict::Refused, report.detail.clone())
        }
        Outcome::Down { reason } => (Verdict::Down, format!("{reason}: {}", report.detail)),
        Outcome::RunError { fault } => {
            (Verdict::Error, format!("{}: {}", fault.as_str(), report.detail))
        }
    };
    Side {
        verdict,
        reason,
        answers: turns.iter().map(|turn| without_labels(&turn.answered)).collect(),
        missed,
        first_ms: ms(timing.and_then(|timing| timing.first_text)),
        painted_ms: None,
        end_ms: ms(timing.and_then(|timing| timing.reply)),
    }
}

//! Incidents: periods in which an alarm of a probe was active.

use std::cmp::Reverse;
use std::fmt;

use domain::{ProbeName, Reason, Report, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The number of an incident, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IncidentId(pub i64);

impl fmt::Display for IncidentId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

/// What an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    Down,
    Degraded,
}

impl IncidentKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Degraded => "degraded",
        }
    }

    /// `None` for another word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Down, Self::Degraded].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An incident that begins. The texts come from the run that opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIncident {
    pub probe: ProbeName,
    pub kind: IncidentKind,
    /// The due time of the first failed run.
    pub began: Timestamp,
    /// When the alarm rose.
    pub opened: Timestamp,
    pub reason: Option<Reason>,
    /// One sentence about the failure; may be empty.
    pub detail: String,
    /// The turn that failed, counted from 1.
    pub turn: Option<u32>,
    pub expected: Option<String>,
    pub found: Option<String>,
    /// The due time of a run with a report.
    pub report_due: Option<Timestamp>,
}

impl NewIncident {
    /// With the texts of the run that opened it.
    #[must_use]
    pub fn explained_by(self, report: &Report) -> Self {
        let attempt = report.last();
        let failed = attempt.and_then(|attempt| attempt.failed_checks().next());
        let reached =
            attempt.filter(|attempt| attempt.failure.is_some()).map(|one| one.turns.len());
        let turn = failed.map(|(turn, _)| turn + 1).or(reached).filter(|turn| *turn > 0);
        Self {
            reason: report.outcome.reason(),
            detail: report.detail.clone(),
            turn: turn.and_then(|turn| u32::try_from(turn).ok()),
            expected: failed.map(|(_, check)| check.expected.clone()),
            found: failed.map(|(_, check)| check.found.clone()),
            report_due: (report.outcome.verdict() != Some(Verdict::Up)).then_some(report.due),
            ..self
        }
    }
}

/// A stored incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub what: NewIncident,
    /// `None` while it lasts.
    pub ended: Option<Timestamp>,
    pub acknowledged: Option<Acknowledgement>,
}

impl Incident {
    /// The order of lists: open ones first, then the newest, by the minute that pages show. Of one minute, the alarm
    /// `down` is above `degraded`.
    #[must_use]
    pub fn list_order(&self) -> impl Ord + use<> {
        let began = self.what.began.as_millisecond();
        let minute = Reverse(began.div_euclid(60_000));
        (self.ended.is_some(), minute, self.what.kind, Reverse(began), Reverse(self.id))
    }
}

/// Who acknowledged an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: String,
    pub at: Timestamp,
}

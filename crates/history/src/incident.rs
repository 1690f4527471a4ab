//! Incidents: periods in which an alarm of a probe was active.

use std::fmt;

use domain::{ProbeName, Reason};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, named_params, params};

use crate::error::HistoryError;
use crate::time::timestamp;

/// The number of an incident, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IncidentId(pub i64);

impl fmt::Display for IncidentId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

/// What an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    fn from_word(word: &str) -> Option<Self> {
        [Self::Down, Self::Degraded].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An incident that begins. The texts come from the run that opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A stored incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub id: IncidentId,
    pub what: NewIncident,
    /// `None` while it lasts.
    pub ended: Option<Timestamp>,
    pub acknowledged: Option<Acknowledgement>,
}

/// Who acknowledged an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub by: String,
    pub at: Timestamp,
}

/// The columns that [`read`] expects.
pub(crate) const COLUMNS: &str = "incident.id, probe.name, kind, began, opened, ended, reason, detail, turn, \
     expected, found, report_due, acknowledged_by, acknowledged_at";

/// An incident from a row with [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> Result<Result<Incident, HistoryError>, rusqlite::Error> {
    let (name, kind): (String, String) = (row.get(1)?, row.get(2)?);
    let (began, opened): (i64, i64) = (row.get(3)?, row.get(4)?);
    let (ended, reason): (Option<i64>, Option<String>) = (row.get(5)?, row.get(6)?);
    let (by, at): (Option<String>, Option<i64>) = (row.get(12)?, row.get(13)?);
    let report_due: Option<i64> = row.get(11)?;
    let texts = (row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?);
    let id = IncidentId(row.get(0)?);
    let incident = || {
        let acknowledged = match by.zip(at) {
            Some((by, at)) => Some(Acknowledgement { by, at: timestamp(at)? }),
            None => None,
        };
        let (detail, turn, expected, found) = texts;
        let what = NewIncident {
            probe: name.parse().ok()?,
            kind: IncidentKind::from_word(&kind)?,
            began: timestamp(began)?,
            opened: timestamp(opened)?,
            reason: reason.and_then(|word| by_word(&word)),
            detail,
            turn,
            expected,
            found,
            report_due: report_due.and_then(timestamp),
        };
        Some(Incident { id, what, ended: ended.and_then(timestamp), acknowledged })
    };
    Ok(incident().ok_or(HistoryError::Damaged { what: "an incident" }))
}

fn by_word(word: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == word)
}

/// Opens an incident, unless one of the same probe and kind is open; returns its number.
pub(crate) fn open(
    transaction: &Transaction<'_>,
    probe: i64,
    new: &NewIncident,
) -> Result<IncidentId, HistoryError> {
    let open = "SELECT id FROM incident WHERE probe = ?1 AND kind = ?2 AND ended IS NULL";
    let kind = new.kind.as_str();
    let found = transaction.query_row(open, params![probe, kind], |row| row.get(0)).optional()?;
    if let Some(id) = found {
        return Ok(IncidentId(id));
    }
    transaction.execute(
        "INSERT INTO incident (probe, kind, began, opened, reason, detail, turn, expected, found, report_due)
         VALUES (:probe, :kind, :began, :opened, :reason, :detail, :turn, :expected, :found, :report_due)",
        named_params! {
            ":probe": probe,
            ":kind": kind,
            ":began": new.began.as_millisecond(),
            ":opened": new.opened.as_millisecond(),
            ":reason": new.reason.map(Reason::as_str),
            ":detail": new.detail,
            ":turn": new.turn,
            ":expected": new.expected,
            ":found": new.found,
            ":report_due": new.report_due.map(Timestamp::as_millisecond),
        },
    )?;
    Ok(IncidentId(transaction.last_insert_rowid()))
}

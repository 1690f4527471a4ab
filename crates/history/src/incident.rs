//! Incidents in the tables.

use domain::Reason;
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, named_params, params};

use run_record::time::timestamp;
use run_record::{Acknowledgement, Incident, IncidentId, IncidentKind, NewIncident};

use crate::error::HistoryError;

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

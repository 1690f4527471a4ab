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

/// The query of the first `?1` incidents with a condition, in the order of [`Incident::list_order`], which is that of
/// the index `incident_order`.
pub(crate) fn list(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM incident JOIN probe ON probe.id = incident.probe WHERE {condition}
         ORDER BY ended IS NULL DESC, began / 60000 DESC, kind = 'down' DESC, began DESC, incident.id DESC
         LIMIT ?1"
    )
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// The steps of the plan of a list: without the index, thousands of incidents are sorted on each page.
    fn plan(condition: &str) -> Vec<String> {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::schema::migrate(&mut connection).unwrap();
        let query = format!("EXPLAIN QUERY PLAN {}", list(condition));
        let mut plan = connection.prepare(&query).unwrap();
        plan.raw_bind_parameter(1, 50).unwrap();
        let mut rows = plan.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get(3).unwrap());
        }
        steps
    }

    #[test]
    fn incidents_are_listed_by_an_index() {
        let all = plan("true").join("\n");
        assert!(all.contains("incident_order") && !all.contains("TEMP B-TREE"), "{all}");
        let of_probe = plan("incident.probe = ?2").join("\n");
        assert!(of_probe.contains("SEARCH incident"), "{of_probe}");
    }
}

//! Periods that are over: the charts and totals of their runs, so that a page does not read every run.
//!
//! A period is over when its probe has a run of a later hour. Its row is written in the transaction that stores this
//! run, and again when an earlier run is added. Periods of a file of version 1 are added step by step
//! ([`fill`]); until then pages read the runs of such a probe.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension as _, params};

use run_record::time::{HOURS_A_DAY, hour_of};
use run_record::{RunGroup, RunRecord, Summary, packed};

use crate::error::HistoryError;
use crate::row::{row_id, time_of};

/// The format of the bytes, their first byte.
const FORMAT: u8 = 1;

/// The length of a period: the steps of the charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Hour,
    QuarterDay,
    Day,
}

impl Length {
    /// Each is a part of the next.
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::QuarterDay, Self::Day];

    pub(crate) fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::QuarterDay => 6,
            Self::Day => HOURS_A_DAY,
        }
    }

    /// The first hour of the period with `hour`.
    pub(crate) fn start(self, hour: i64) -> i64 {
        hour.div_euclid(self.hours()) * self.hours()
    }

    /// The row of the period that begins at `hour`.
    pub(crate) fn row(self, probe: i64, hour: i64) -> i64 {
        let code = match self {
            Self::Hour => 0,
            Self::QuarterDay => 1,
            Self::Day => 2,
        };
        row_id(probe * 4 + code, hour)
    }

    /// The hours of the period with `hour`.
    fn period(self, hour: i64) -> Range<i64> {
        let start = self.start(hour);
        start..start + self.hours()
    }
}

/// The body of a row. That of an hour also has its [`Summary`].
pub(crate) struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, HistoryError> {
        match bytes.split_first() {
            Some((&FORMAT, rest)) => Ok(Self(rest)),
            _ => Err(damaged()),
        }
    }

    pub(crate) fn group(&self) -> Result<RunGroup, HistoryError> {
        RunGroup::decode(&mut { self.0 }).ok_or_else(damaged)
    }

    pub(crate) fn group_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The encoded [`Summary`] of an hour.
    pub(crate) fn summary_bytes(&self) -> Result<&'a [u8], HistoryError> {
        let mut rest = self.0;
        RunGroup::decode(&mut rest).ok_or_else(damaged)?;
        Ok(rest)
    }
}

pub(crate) fn damaged() -> HistoryError {
    HistoryError::Damaged { what: "a period" }
}

/// The last hour with runs of a probe.
pub(crate) fn last_hour(connection: &Connection, probe: i64) -> Result<Option<i64>, HistoryError> {
    hour_before(connection, probe, 1 << 24)
}

/// The last hour with runs before `hour`.
pub(crate) fn hour_before(
    connection: &Connection,
    probe: i64,
    hour: i64,
) -> Result<Option<i64>, HistoryError> {
    let mut query =
        connection.prepare_cached("SELECT max(id) FROM hour WHERE id >= ?1 AND id < ?2")?;
    let range = [row_id(probe, 0), (probe << crate::row::TIME_BITS) + hour];
    let last: Option<i64> = query.query_row(range, |row| row.get(0))?;
    Ok(last.map(time_of))
}

/// The runs of these hours, without those of damaged ones: one damaged hour must not hide other runs, keep later ones
/// from being stored, nor old ones from being deleted.
pub(crate) fn runs(
    connection: &Connection,
    probe: i64,
    hours: Range<i64>,
) -> Result<Vec<RunRecord>, HistoryError> {
    let mut query = connection
        .prepare_cached("SELECT id, runs FROM hour WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = query.query([row_id(probe, hours.start), row_id(probe, hours.end)])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
        runs.extend(packed::decode(time_of(row.get(0)?), bytes).unwrap_or_default());
    }
    Ok(runs)
}

/// Writes the periods with `hour` that are over.
pub(crate) fn store(connection: &Connection, probe: i64, hour: i64) -> Result<(), HistoryError> {
    let last = last_hour(connection, probe)?.unwrap_or(0);
    let is_over = |length: &Length| length.period(hour).end <= last;
    let Some(longest) = Length::ALL.into_iter().rev().find(is_over) else { return Ok(()) };
    let runs = runs(connection, probe, longest.period(hour))?;
    for length in Length::ALL.into_iter().filter(is_over) {
        let hours = length.period(hour);
        let from = runs.partition_point(|run| hour_of(run.due) < hours.start);
        let to = runs.partition_point(|run| hour_of(run.due) < hours.end);
        insert(connection, probe, length, &runs[from..to])?;
    }
    Ok(())
}

/// Writes the row of one period; nothing without runs.
fn insert(
    connection: &Connection,
    probe: i64,
    length: Length,
    runs: &[RunRecord],
) -> Result<(), HistoryError> {
    let Some(group) = RunGroup::of(runs) else { return Ok(()) };
    let mut body = vec![FORMAT];
    group.encode(&mut body);
    if length == Length::Hour {
        body.extend(Summary::of(runs).encode());
    }
    let id = length.row(probe, length.start(hour_of(group.at)));
    connection
        .prepare_cached("INSERT OR REPLACE INTO period (id, body) VALUES (?1, ?2)")?
        .execute(params![id, body])?;
    Ok(())
}

/// Whether all periods of a probe that are over have rows.
pub(crate) fn is_filled(connection: &Connection, probe: i64) -> Result<bool, HistoryError> {
    let mut query = connection.prepare_cached("SELECT 1 FROM unfilled WHERE probe = ?1")?;
    Ok(!query.exists([probe])?)
}

/// Writes the periods of one day of a file of version 1, the newest first; whether there may be more.
pub(crate) fn fill(connection: &Connection) -> Result<bool, HistoryError> {
    let mut query =
        connection.prepare_cached("SELECT probe, hour FROM unfilled ORDER BY probe LIMIT 1")?;
    let next = query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((probe, before)): Option<(i64, i64)> = next else { return Ok(false) };
    let Some(hour) = hour_before(connection, probe, before)? else {
        connection.execute("DELETE FROM unfilled WHERE probe = ?1", [probe])?;
        return Ok(true);
    };
    let day = Length::Day.period(hour);
    let last = last_hour(connection, probe)?.unwrap_or(0);
    let runs = runs(connection, probe, day.clone())?;
    for length in Length::ALL {
        let start = |run: &RunRecord| length.start(hour_of(run.due));
        for period in runs.chunk_by(|a, b| start(a) == start(b)) {
            let is_over = period.first().is_some_and(|run| start(run) + length.hours() <= last);
            if is_over {
                insert(connection, probe, length, period)?;
            }
        }
    }
    connection.execute("UPDATE unfilled SET hour = ?2 WHERE probe = ?1", [probe, day.start])?;
    Ok(true)
}

/// Deletes the periods before `hour`. Those with later hours are written again.
pub(crate) fn prune(connection: &Connection, probe: i64, hour: i64) -> Result<(), HistoryError> {
    for length in Length::ALL {
        connection
            .prepare_cached("DELETE FROM period WHERE id >= ?1 AND id < ?2")?
            .execute([length.row(probe, 0), length.row(probe, hour)])?;
    }
    store(connection, probe, hour)
}

//! Reads the history while it is written.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use domain::{ProbeName, Report, Verdict};
use flate2::read::ZlibDecoder;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use run_record::time::{HOURS_A_DAY, day_of, hour_of, start_of_day, start_of_hour};
use run_record::{Counts, Incident, IncidentId, RunRecord, RunSource, Summary, packed};

use crate::error::HistoryError;
use crate::incident::{self, COLUMNS};
use crate::store::{row_id, time_of};

/// The largest report that is read, in bytes of JSON.
const LARGEST_REPORT: u64 = 4 * 1024 * 1024;

/// A read-only connection.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens a file that [`crate::History::open`] has created.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self { connection })
    }

    /// Every probe with a run or an incident, by name.
    pub fn probes(&self) -> Result<Vec<ProbeName>, HistoryError> {
        let mut query = self.connection.prepare_cached("SELECT name FROM probe ORDER BY name")?;
        let names = query.query_map([], |row| row.get::<_, String>(0))?;
        names
            .map(|name| name?.parse().map_err(|_| HistoryError::Damaged { what: "a probe" }))
            .collect()
    }

    /// The stored report of the run that was due at `due`.
    pub fn report(
        &self,
        probe: &ProbeName,
        due: Timestamp,
    ) -> Result<Option<Report>, HistoryError> {
        let mut query = self.connection.prepare_cached(
            "SELECT body FROM report WHERE due = ?2 AND probe = (SELECT id FROM probe WHERE name = ?1)",
        )?;
        let parameters = params![probe.as_str(), due.as_millisecond()];
        let body: Option<Vec<u8>> = query.query_row(parameters, |row| row.get(0)).optional()?;
        body.map(|body| decompressed(&body)).transpose()
    }

    /// The newest report of each probe.
    pub fn latest_reports(&self) -> Result<Vec<Report>, HistoryError> {
        let mut query = self.connection.prepare_cached("SELECT body FROM latest")?;
        let bodies = query.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        bodies.map(|body| decompressed(&body?)).collect()
    }

    /// The records of all alarms, by key.
    pub fn alarms(&self) -> Result<Vec<(String, String)>, HistoryError> {
        let mut query = self.connection.prepare_cached("SELECT key, record FROM alarm")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn id(&self, probe: &ProbeName) -> Result<Option<i64>, HistoryError> {
        let mut query = self.connection.prepare_cached("SELECT id FROM probe WHERE name = ?1")?;
        Ok(query.query_row([probe.as_str()], |row| row.get(0)).optional()?)
    }

    /// The rows of days from `first` up to, but without, `end`.
    fn day_rows<T: Totals>(
        &self,
        probe: i64,
        first: i64,
        end: i64,
    ) -> Result<Vec<(i64, T)>, HistoryError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, summary FROM day WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let mut rows = query.query([row_id(probe, first), row_id(probe, end)])?;
        let mut days = Vec::new();
        while let Some(row) = rows.next()? {
            let totals = decode_day(row.get_ref(1)?.as_blob().unwrap_or_default())?;
            days.push((time_of(row.get(0)?), totals));
        }
        Ok(days)
    }

    /// Days of UTC with the totals of each.
    fn days_of<T: Totals>(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, T)>, HistoryError> {
        let Some(id) = self.id(probe)? else { return Ok(Vec::new()) };
        let days = self.day_rows(id, day_of(since), day_of(until) + 1)?;
        let start = |(day, totals)| Some((start_of_day(day)?, totals));
        Ok(days.into_iter().filter_map(start).collect())
    }

    /// Whole days from their rows, the hours around them from the runs.
    fn totals<T: Totals>(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<T, HistoryError> {
        let mut total = T::default();
        let Some(id) = self.id(probe)? else { return Ok(total) };
        let (first, last) = (hour_of(since), hour_of(until));
        let first_day = first.div_euclid(HOURS_A_DAY) + i64::from(first % HOURS_A_DAY != 0);
        // The last day is whole if it has no later hours, as today.
        let is_whole = self.last_hour(id, day_of(until))?.is_none_or(|hour| hour <= last);
        let end_day = (day_of(until) + i64::from(is_whole)).max(first_day);
        for (_, totals) in self.day_rows::<T>(id, first_day, end_day)? {
            total.merge(&totals);
        }
        let head = first..(last + 1).min(first_day * HOURS_A_DAY);
        let tail = head.end.max(end_day * HOURS_A_DAY)..last + 1;
        for range in [head, tail] {
            for (_, runs) in self.hour_rows(id, range.start, range.end)? {
                for run in &runs {
                    total.add(run);
                }
            }
        }
        Ok(total)
    }

    /// The last hour with runs of a day.
    fn last_hour(&self, probe: i64, day: i64) -> Result<Option<i64>, HistoryError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT max(id) FROM hour WHERE id >= ?1 AND id < ?2")?;
        let first = day * HOURS_A_DAY;
        let range = [row_id(probe, first), row_id(probe, first + HOURS_A_DAY)];
        let last: Option<i64> = query.query_row(range, |row| row.get(0))?;
        Ok(last.map(time_of))
    }

    /// The rows of hours from `first` up to, but without, `end`.
    fn hour_rows(
        &self,
        probe: i64,
        first: i64,
        end: i64,
    ) -> Result<Vec<(i64, Vec<RunRecord>)>, HistoryError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, runs FROM hour WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let mut rows = query.query([row_id(probe, first), row_id(probe, end)])?;
        let mut hours = Vec::new();
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            let runs = decode_hour(id, row.get_ref(1)?.as_blob().unwrap_or_default())?;
            hours.push((time_of(id), runs));
        }
        Ok(hours)
    }
}

impl RunSource for Reader {
    type Error = HistoryError;

    fn has_runs_since(&self, _: Timestamp) -> bool {
        true
    }

    fn summary(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Summary, HistoryError> {
        self.totals(probe, since, until)
    }

    fn counts(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Counts, HistoryError> {
        self.totals(probe, since, until)
    }

    fn days(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, HistoryError> {
        self.days_of(probe, since, until)
    }

    fn day_counts(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Counts)>, HistoryError> {
        self.days_of(probe, since, until)
    }

    fn hours(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, HistoryError> {
        let Some(id) = self.id(probe)? else { return Ok(Vec::new()) };
        let hours = self.hour_rows(id, hour_of(since), hour_of(until) + 1)?;
        let start =
            |(hour, runs): (i64, Vec<RunRecord>)| Some((start_of_hour(hour)?, Summary::of(&runs)));
        Ok(hours.into_iter().filter_map(start).collect())
    }

    fn runs(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<RunRecord>, HistoryError> {
        let Some(id) = self.id(probe)? else { return Ok(Vec::new()) };
        let hours = self.hour_rows(id, hour_of(since), hour_of(until) + 1)?;
        let runs = hours.into_iter().flat_map(|(_, runs)| runs);
        Ok(runs.filter(|run| since <= run.due && run.due <= until).collect())
    }

    fn last_runs(&self, probe: &ProbeName, count: usize) -> Result<Vec<RunRecord>, HistoryError> {
        let mut last = Vec::new();
        let Some(id) = self.id(probe)? else { return Ok(last) };
        let mut query = self.connection.prepare_cached(
            "SELECT id, runs FROM hour WHERE id >= ?1 AND id < ?2 ORDER BY id DESC",
        )?;
        let mut rows = query.query([row_id(id, 0), row_id(id + 1, 0)])?;
        while last.len() < count
            && let Some(row) = rows.next()?
        {
            last.extend(
                decode_hour(row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or_default())?
                    .into_iter()
                    .rev(),
            );
        }
        last.truncate(count);
        Ok(last)
    }

    fn since(
        &self,
        probe: &ProbeName,
        verdict: Verdict,
    ) -> Result<Option<Timestamp>, HistoryError> {
        let Some(id) = self.id(probe)? else { return Ok(None) };
        let mut query = self.connection.prepare_cached(
            "SELECT id, summary FROM day WHERE id >= ?1 AND id < ?2 ORDER BY id DESC",
        )?;
        let mut rows = query.query([row_id(id, 0), row_id(id + 1, 0)])?;
        let mut same = None;
        let mut first = None;
        while let Some(row) = rows.next()? {
            let day = time_of(row.get(0)?);
            let counts: Counts = decode_day(row.get_ref(1)?.as_blob().unwrap_or_default())?;
            let is_same = counts.judged() == counts.verdict(verdict);
            if is_same && counts.judged() > 0 {
                same = Some(day);
            } else if !is_same {
                let hours = self.hour_rows(id, day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY)?;
                first = after_last_other(&hours, verdict);
                if first.is_none() && same.is_none() {
                    return Ok(None);
                }
                break;
            }
        }
        if first.is_none()
            && let Some(day) = same
        {
            // Every run of this day had the verdict.
            let hours = self.hour_rows(id, day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY)?;
            first = hours
                .iter()
                .flat_map(|(_, runs)| runs)
                .find(|run| run.counted_verdict().is_some())
                .map(|run| run.due);
        }
        Ok(first)
    }

    fn incidents(
        &self,
        probe: Option<&ProbeName>,
        count: usize,
    ) -> Result<Vec<Incident>, HistoryError> {
        // See `Incident::list_order`.
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incident JOIN probe ON probe.id = incident.probe
             WHERE ?1 IS NULL OR probe.name = ?1
             ORDER BY ended IS NULL DESC, began / 60000 DESC, kind = 'down' DESC, began DESC, incident.id DESC
             LIMIT ?2"
        ))?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let parameters = params![probe.map(ProbeName::as_str), count];
        query.query_map(parameters, incident::read)?.map(|incident| incident?).collect()
    }

    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, HistoryError> {
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incident JOIN probe ON probe.id = incident.probe WHERE incident.id = ?1"
        ))?;
        query.query_row([id.0], incident::read).optional()?.transpose()
    }
}

fn decode_hour(id: i64, bytes: &[u8]) -> Result<Vec<RunRecord>, HistoryError> {
    packed::decode(time_of(id), bytes).ok_or(HistoryError::Damaged { what: "an hour" })
}

fn decode_day<T: Totals>(bytes: &[u8]) -> Result<T, HistoryError> {
    T::decode(bytes).ok_or(HistoryError::Damaged { what: "a day" })
}

/// What is read from the row of a day: all of it, or the counts, which is faster.
trait Totals: Default {
    fn decode(bytes: &[u8]) -> Option<Self>;
    fn add(&mut self, run: &RunRecord);
    fn merge(&mut self, other: &Self);
}

impl Totals for Summary {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes)
    }

    fn add(&mut self, run: &RunRecord) {
        self.add(run);
    }

    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }
}

impl Totals for Counts {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Summary::decode_counts(bytes)
    }

    fn add(&mut self, run: &RunRecord) {
        self.add(run);
    }

    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }
}

/// The first run after the last one with another verdict; `None` if no such run follows it.
fn after_last_other(hours: &[(i64, Vec<RunRecord>)], verdict: Verdict) -> Option<Timestamp> {
    let judged =
        hours.iter().flat_map(|(_, runs)| runs).filter(|run| run.counted_verdict().is_some());
    let same = judged.rev().take_while(|run| run.counted_verdict() == Some(verdict));
    same.last().map(|run| run.due)
}

fn decompressed(body: &[u8]) -> Result<Report, HistoryError> {
    let damaged = HistoryError::Damaged { what: "a report" };
    let mut json = Vec::new();
    let read = ZlibDecoder::new(body).take(LARGEST_REPORT).read_to_end(&mut json);
    read.ok().and_then(|_| serde_json::from_slice(&json).ok()).ok_or(damaged)
}

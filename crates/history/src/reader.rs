//! Reads the history while it is written.

use std::cell::RefCell;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::{ProbeName, Report, Verdict};
use flate2::read::ZlibDecoder;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use run_record::time::{HOURS_A_DAY, day_of, hour_of, start_of_day, start_of_hour};
use run_record::{Counts, Incident, IncidentId, RunGroup, RunRecord, RunSource, Summary, packed};

use crate::error::HistoryError;
use crate::incident::{self, COLUMNS};
use crate::period::{self, Body, Length};
use crate::row::{row_id, time_of};

/// The largest report that is read, in bytes of JSON.
const LARGEST_REPORT: u64 = 4 * 1024 * 1024;
const HOUR: Duration = Duration::from_secs(3_600);

/// A read-only connection.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    /// What was read of one probe since the transaction began.
    days: RefCell<Option<DaysOfProbe>>,
}

/// The counts of all days of a probe, oldest first. A page needs them for totals, bars and the state.
#[derive(Clone, Debug)]
struct DaysOfProbe {
    probe: i64,
    counts: Arc<[(i64, Counts)]>,
}

impl Reader {
    /// Opens a file that [`crate::History::open`] has created.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self { connection, days: RefCell::default() })
    }

    /// Reads the file as it is now: what is written meanwhile is not seen by `read`.
    pub fn at_once<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        if !self.connection.is_autocommit() {
            return read(self);
        }
        // Ends when it is dropped. Nothing is written, so a failure to end it is not an error.
        let _transaction = self.connection.unchecked_transaction()?;
        self.days.take();
        let result = read(self);
        self.days.take();
        result
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

    /// The newest report of each probe. Damaged ones are left out, since the next run replaces them.
    pub fn latest_reports(&self) -> Result<Vec<Report>, HistoryError> {
        let mut query = self.connection.prepare_cached("SELECT body FROM latest")?;
        let bodies = query.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        let readable = bodies.map(|body| Ok(decompressed(&body?).ok()));
        readable.filter_map(Result::transpose).collect()
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

    /// The counts of all days of a probe, which are read once in a transaction.
    fn counts_of_days(&self, probe: i64) -> Result<Arc<[(i64, Counts)]>, HistoryError> {
        let mut known = self.days.borrow_mut();
        if let Some(days) = known.as_ref().filter(|days| days.probe == probe) {
            return Ok(Arc::clone(&days.counts));
        }
        let counts: Arc<[(i64, Counts)]> = self.day_rows(probe, 0, i64::MAX)?.into();
        *known = Some(DaysOfProbe { probe, counts: Arc::clone(&counts) });
        Ok(counts)
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
            let day = time_of(row.get(0)?);
            let totals = match T::decode(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                Some(totals) => totals,
                None => self.totals_of_runs(probe, day)?,
            };
            days.push((day, totals));
        }
        Ok(days)
    }

    /// The totals of a day whose row is damaged.
    fn totals_of_runs<T: Totals>(&self, probe: i64, day: i64) -> Result<T, HistoryError> {
        let mut totals = T::default();
        for run in period::runs(&self.connection, probe, hours_of(day))? {
            totals.add(&run);
        }
        Ok(totals)
    }

    /// Days of UTC with the totals of each.
    fn days_of<T: Totals>(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, T)>, HistoryError> {
        let Some(id) = self.id(probe)? else { return Ok(Vec::new()) };
        let days = T::days(self, id, day_of(since), day_of(until) + 1)?;
        let start = |(day, totals)| Some((start_of_day(day)?, totals));
        Ok(days.into_iter().filter_map(start).collect())
    }

    /// The totals since each of `since`: whole days from their rows, the hours around them from theirs.
    fn totals<T: Totals, const N: usize>(
        &self,
        probe: &ProbeName,
        since: [Timestamp; N],
        until: Timestamp,
    ) -> Result<[T; N], HistoryError> {
        let mut totals = [(); N].map(|()| T::default());
        let Some(id) = self.id(probe)? else { return Ok(totals) };
        let Some(earliest) = since.iter().min() else { return Ok(totals) };
        let last = hour_of(until);
        // The last day is whole if it has no later hours, as today.
        let is_whole = self.last_hour(id, day_of(until))?.is_none_or(|hour| hour <= last);
        let end_day = day_of(until) + i64::from(is_whole);
        let days = T::days(self, id, first_whole_day(*earliest), end_day)?;
        for (total, since) in totals.iter_mut().zip(since) {
            let (first, first_day) = (hour_of(since), first_whole_day(since));
            for (_, day) in days.iter().filter(|(day, _)| first_day <= *day) {
                total.merge(day);
            }
            let head = first..(last + 1).min(first_day * HOURS_A_DAY);
            let tail = head.end.max(end_day.max(first_day) * HOURS_A_DAY)..last + 1;
            for range in [head, tail] {
                for (_, hour) in self.hour_totals::<T>(id, range)? {
                    total.merge(&hour);
                }
            }
        }
        Ok(totals)
    }

    /// The last hour with runs of a day.
    fn last_hour(&self, probe: i64, day: i64) -> Result<Option<i64>, HistoryError> {
        let first = day * HOURS_A_DAY;
        let last = period::hour_before(&self.connection, probe, first + HOURS_A_DAY)?;
        Ok(last.filter(|hour| first <= *hour))
    }

    /// The totals of each of these hours, from their rows or else from the runs.
    fn hour_totals<T: Totals>(
        &self,
        probe: i64,
        hours: Range<i64>,
    ) -> Result<Vec<(i64, T)>, HistoryError> {
        let mut totals = Vec::new();
        if hours.is_empty() {
            return Ok(totals);
        }
        let rest = match self.first_without_row(probe)? {
            Some(first) => {
                self.each_period(probe, Length::Hour, hours.clone(), |hour, body| {
                    totals.push((hour, T::decode_hour(&body)?));
                    Ok(())
                })?;
                first.max(hours.start)
            }
            None => hours.start,
        };
        for (hour, runs) in self.hour_rows(probe, rest, hours.end)? {
            let mut total = T::default();
            for run in &runs {
                total.add(run);
            }
            totals.push((hour, total));
        }
        Ok(totals)
    }

    /// The hour from which on the periods have no rows, because they are not over; `None` if earlier ones may have none.
    fn first_without_row(&self, probe: i64) -> Result<Option<i64>, HistoryError> {
        if !period::is_filled(&self.connection, probe)? {
            return Ok(None);
        }
        Ok(Some(period::last_hour(&self.connection, probe)?.unwrap_or(0)))
    }

    /// The stored periods that begin in `hours`. Damaged ones are left out.
    fn each_period(
        &self,
        probe: i64,
        length: Length,
        hours: Range<i64>,
        mut read: impl FnMut(i64, Body<'_>) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, body FROM period WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let range = [length.row(probe, hours.start), length.row(probe, hours.end)];
        let mut rows = query.query(range)?;
        while let Some(row) = rows.next()? {
            if let Ok(body) = Body::of(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                // It only fails if the body is damaged.
                let _ = read(time_of(row.get(0)?), body);
            }
        }
        Ok(())
    }

    /// The groups of whole periods of `length` from their rows, those around them from the runs; `None` if the periods
    /// may have no rows.
    fn stored_groups(
        &self,
        probe: i64,
        since: Timestamp,
        until: Timestamp,
        length: Length,
    ) -> Result<Option<Vec<RunGroup>>, HistoryError> {
        let Some(without_row) = self.first_without_row(probe)? else { return Ok(None) };
        let step = HOUR * u32::try_from(length.hours()).unwrap_or(1);
        let after = |hour: i64| start_of_hour(hour).unwrap_or(Timestamp::MAX);
        // Only a period that begins at `since` or later is whole.
        let mut first = length.start(hour_of(since));
        if after(first) < since {
            first += length.hours();
        }
        let end = length.start(hour_of(until).min(without_row)).max(first);
        let groups_of = |hours: Range<i64>| {
            let mut runs = period::runs(&self.connection, probe, hours)?;
            runs.retain(|run| since <= run.due && run.due <= until);
            Ok::<_, HistoryError>(RunGroup::of_each(&runs, step))
        };
        let last = hour_of(until) + 1;
        let mut groups = groups_of(hour_of(since)..first.min(last))?;
        self.each_period(probe, length, first..end, |_, body| {
            groups.push(body.group()?);
            Ok(())
        })?;
        groups.extend(groups_of(end..last)?);
        Ok(Some(groups))
    }

    /// The first run since which every run with a verdict had this one.
    fn same_since(&self, probe: i64, verdict: Verdict) -> Result<Option<Timestamp>, HistoryError> {
        let mut same = None;
        for (day, counts) in self.counts_of_days(probe)?.iter().rev() {
            let day = *day;
            if counts.judged() != counts.verdict(verdict) {
                let after = self.after_last_other(probe, day, verdict)?;
                if after.is_some() || same.is_none() {
                    return Ok(after);
                }
                break;
            }
            if 0 < counts.judged() {
                same = Some(day);
            }
        }
        // Every run of this day had the verdict.
        let Some(day) = same else { return Ok(None) };
        for (hour, counts) in self.hour_totals::<Counts>(probe, hours_of(day))? {
            if 0 < counts.judged() {
                return self.first_judged(probe, hour);
            }
        }
        Ok(None)
    }

    /// The first run of a day after the last one with another verdict; `None` if no such run follows it.
    fn after_last_other(
        &self,
        probe: i64,
        day: i64,
        verdict: Verdict,
    ) -> Result<Option<Timestamp>, HistoryError> {
        let mut next = None;
        for (hour, counts) in self.hour_totals::<Counts>(probe, hours_of(day))?.into_iter().rev() {
            if counts.judged() != counts.verdict(verdict) {
                let runs = period::runs(&self.connection, probe, hour..hour + 1)?;
                let judged = runs.iter().filter(|run| run.counted_verdict().is_some()).rev();
                let same = judged.take_while(|run| run.counted_verdict() == Some(verdict));
                let due = same.last().map(|run| run.due);
                return match (due, next) {
                    (None, Some(next)) => self.first_judged(probe, next),
                    (due, _) => Ok(due),
                };
            }
            if 0 < counts.judged() {
                next = Some(hour);
            }
        }
        Ok(None)
    }

    /// The first run of an hour with a verdict that counts.
    fn first_judged(&self, probe: i64, hour: i64) -> Result<Option<Timestamp>, HistoryError> {
        let runs = period::runs(&self.connection, probe, hour..hour + 1)?;
        Ok(runs.iter().find(|run| run.counted_verdict().is_some()).map(|run| run.due))
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
            let hour = time_of(row.get(0)?);
            // As in `period::runs`, a damaged hour is left out.
            let runs = packed::decode(hour, row.get_ref(1)?.as_blob().unwrap_or_default());
            hours.extend(runs.map(|runs| (hour, runs)));
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
        let [summary] = self.at_once(|reader| reader.totals(probe, [since], until))?;
        Ok(summary)
    }

    fn counts<const N: usize>(
        &self,
        probe: &ProbeName,
        since: [Timestamp; N],
        until: Timestamp,
    ) -> Result<[Counts; N], HistoryError> {
        self.at_once(|reader| reader.totals(probe, since, until))
    }

    fn days(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, HistoryError> {
        self.at_once(|reader| reader.days_of(probe, since, until))
    }

    fn day_counts(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Counts)>, HistoryError> {
        self.at_once(|reader| reader.days_of(probe, since, until))
    }

    fn hours(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, HistoryError> {
        let range = hour_of(since)..hour_of(until) + 1;
        let hours = self.at_once(|reader| match reader.id(probe)? {
            Some(id) => reader.hour_totals(id, range),
            None => Ok(Vec::new()),
        })?;
        let start = |(hour, totals)| Some((start_of_hour(hour)?, totals));
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

    fn groups(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
        step: Duration,
    ) -> Result<Vec<RunGroup>, HistoryError> {
        let of_step = |length: &Length| u64::try_from(length.hours() * 3_600) == Ok(step.as_secs());
        let length = Length::ALL.into_iter().find(of_step).filter(|_| step.subsec_nanos() == 0);
        self.at_once(|reader| {
            if let Some(length) = length
                && let Some(id) = reader.id(probe)?
                && let Some(groups) = reader.stored_groups(id, since, until, length)?
            {
                return Ok(groups);
            }
            Ok(RunGroup::of_each(&reader.runs(probe, since, until)?, step))
        })
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
            let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
            let runs = packed::decode(time_of(row.get(0)?), bytes).unwrap_or_default();
            last.extend(runs.into_iter().rev());
        }
        last.truncate(count);
        Ok(last)
    }

    fn since(
        &self,
        probe: &ProbeName,
        verdict: Verdict,
    ) -> Result<Option<Timestamp>, HistoryError> {
        self.at_once(|reader| match reader.id(probe)? {
            Some(id) => reader.same_since(id, verdict),
            None => Ok(None),
        })
    }

    fn incidents(
        &self,
        probe: Option<&ProbeName>,
        count: usize,
    ) -> Result<Vec<Incident>, HistoryError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let Some(probe) = probe else {
            let mut query = self.connection.prepare_cached(&incident::list("true"))?;
            return query.query_map([count], incident::read)?.map(|incident| incident?).collect();
        };
        let Some(id) = self.id(probe)? else { return Ok(Vec::new()) };
        let of_probe = incident::list("incident.probe = ?2");
        let mut query = self.connection.prepare_cached(&of_probe)?;
        query.query_map([count, id], incident::read)?.map(|incident| incident?).collect()
    }

    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, HistoryError> {
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incident JOIN probe ON probe.id = incident.probe WHERE incident.id = ?1"
        ))?;
        query.query_row([id.0], incident::read).optional()?.transpose()
    }
}

/// What is read from the row of a day or an hour: all of it, or the counts, which is faster.
trait Totals: Default {
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// The days from `first` up to, but without, `end`.
    fn days(
        reader: &Reader,
        probe: i64,
        first: i64,
        end: i64,
    ) -> Result<Vec<(i64, Self)>, HistoryError>;
    fn decode_hour(body: &Body<'_>) -> Result<Self, HistoryError>;
    fn add(&mut self, run: &RunRecord);
    fn merge(&mut self, other: &Self);
}

impl Totals for Summary {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes)
    }

    fn days(
        reader: &Reader,
        probe: i64,
        first: i64,
        end: i64,
    ) -> Result<Vec<(i64, Self)>, HistoryError> {
        reader.day_rows(probe, first, end)
    }

    fn decode_hour(body: &Body<'_>) -> Result<Self, HistoryError> {
        Self::decode(body.summary_bytes()?).ok_or_else(period::damaged)
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

    fn days(
        reader: &Reader,
        probe: i64,
        first: i64,
        end: i64,
    ) -> Result<Vec<(i64, Self)>, HistoryError> {
        let days = reader.counts_of_days(probe)?;
        Ok(days.iter().filter(|(day, _)| (first..end).contains(day)).cloned().collect())
    }

    fn decode_hour(body: &Body<'_>) -> Result<Self, HistoryError> {
        RunGroup::decode_counts(body.group_bytes()).ok_or_else(period::damaged)
    }

    fn add(&mut self, run: &RunRecord) {
        self.add(run);
    }

    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }
}

/// The first day of UTC that begins at the hour of `since` or later.
fn first_whole_day(since: Timestamp) -> i64 {
    let hour = hour_of(since);
    hour.div_euclid(HOURS_A_DAY) + i64::from(hour % HOURS_A_DAY != 0)
}

fn hours_of(day: i64) -> Range<i64> {
    day * HOURS_A_DAY..(day + 1) * HOURS_A_DAY
}

fn decompressed(body: &[u8]) -> Result<Report, HistoryError> {
    let damaged = HistoryError::Damaged { what: "a report" };
    let mut json = Vec::new();
    let read = ZlibDecoder::new(body).take(LARGEST_REPORT).read_to_end(&mut json);
    read.ok().and_then(|_| serde_json::from_slice(&json).ok()).ok_or(damaged)
}

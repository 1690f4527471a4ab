//! Writes the history.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{EnvironmentName, Outcome, ProbeName, Report};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use run_record::time::{HOURS_A_DAY, day_of, hour_of};
use run_record::{IncidentId, IncidentKind, NewIncident, RunRecord, Summary, packed};

use crate::error::HistoryError;
use crate::incident;
use crate::period;
use crate::row::row_id;
use crate::schema;

/// The reports that are kept of each probe. The run records of older runs remain.
const REPORTS_PER_PROBE: i64 = 100;

/// The open history of one environment.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    path: PathBuf,
    probes: BTreeMap<ProbeName, i64>,
    /// Holds the lock of this process.
    _lock: File,
}

/// A run to store.
#[derive(Clone, Copy, Debug)]
pub struct ReportedRun<'a> {
    pub report: &'a Report,
    /// Whether it was due in a maintenance window.
    pub in_maintenance: bool,
}

/// A run that [`History::record`] could not store.
#[derive(Debug)]
pub struct NotStored {
    pub probe: ProbeName,
    pub due: Timestamp,
    pub error: HistoryError,
}

/// How much [`History::prune`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub hours: usize,
    pub days: usize,
    pub reports: usize,
    pub incidents: usize,
}

impl History {
    /// Opens `FOLDER/ENVIRONMENT.db`, which is created if needed.
    pub fn open(folder: &Path, environment: &EnvironmentName) -> Result<Self, HistoryError> {
        let created = |source| HistoryError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(created)?;
        let path = folder.join(format!("{environment}.db"));
        let lock = lock(&path.with_extension("lock"), &path)?;
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        // The page size takes effect only in a new file. Eight hours of runs fit in a page.
        connection.pragma_update(None, "page_size", 8_192)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        schema::migrate(&mut connection)?;
        Ok(Self { connection, path, probes: BTreeMap::new(), _lock: lock })
    }

    /// The path of the file, for [`crate::Reader::open`].
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores runs in one transaction, and the reports of those that are not up. Returns the runs that could not be
    /// stored; these do not keep the others from being stored.
    ///
    /// # Errors
    /// None of the runs was stored.
    pub fn record(&mut self, runs: &[ReportedRun<'_>]) -> Result<Vec<NotStored>, HistoryError> {
        let (mut new, mut not_stored) = (Vec::new(), Vec::new());
        let mut transaction = self.connection.transaction()?;
        for run in runs {
            let known = new.len();
            let savepoint = transaction.savepoint()?;
            match add_reported(&savepoint, &self.probes, &mut new, run) {
                Ok(()) => savepoint.commit()?,
                Err(error) => {
                    // Some errors, such as a full disk, also end the transaction; then this fails.
                    savepoint.finish()?;
                    new.truncate(known);
                    let ReportedRun { report, .. } = run;
                    let (probe, due) = (report.probe.clone(), report.due);
                    not_stored.push(NotStored { probe, due, error });
                }
            }
        }
        transaction.commit()?;
        self.probes.extend(new);
        Ok(not_stored)
    }

    /// Stores runs without reports, such as those of an import, in one transaction.
    pub fn record_runs(
        &mut self,
        probe: &ProbeName,
        runs: &[RunRecord],
    ) -> Result<(), HistoryError> {
        let mut new = Vec::new();
        let transaction = self.connection.transaction()?;
        let id = probe_id(&transaction, &self.probes, &mut new, probe)?;
        let mut runs: Vec<RunRecord> = runs.iter().map(|run| run.rounded()).collect();
        runs.sort_by_key(|run| run.due);
        for hour in runs.chunk_by(|a, b| hour_of(a.due) == hour_of(b.due)) {
            add_runs(&transaction, id, hour)?;
        }
        transaction.commit()?;
        self.probes.extend(new);
        Ok(())
    }

    /// Opens an incident. If one of this probe and kind is open already, its number is returned.
    pub fn open_incident(&mut self, incident: &NewIncident) -> Result<IncidentId, HistoryError> {
        let mut new = Vec::new();
        let transaction = self.connection.transaction()?;
        let probe = probe_id(&transaction, &self.probes, &mut new, &incident.probe)?;
        let id = incident::open(&transaction, probe, incident)?;
        transaction.commit()?;
        self.probes.extend(new);
        Ok(id)
    }

    /// Closes the open incident of this probe and kind; whether there was one.
    pub fn close_incident(
        &mut self,
        probe: &ProbeName,
        kind: IncidentKind,
        ended: Timestamp,
    ) -> Result<bool, HistoryError> {
        let closed = self.connection.execute(
            "UPDATE incident SET ended = max(?3, began) WHERE kind = ?2 AND ended IS NULL
             AND probe = (SELECT id FROM probe WHERE name = ?1)",
            params![probe.as_str(), kind.as_str(), ended.as_millisecond()],
        )?;
        Ok(closed > 0)
    }

    /// Notes who acknowledged the open incidents of a probe; how many there were.
    pub fn acknowledge(
        &mut self,
        probe: &ProbeName,
        by: &str,
        at: Timestamp,
    ) -> Result<usize, HistoryError> {
        Ok(self.connection.execute(
            "UPDATE incident SET acknowledged_by = ?2, acknowledged_at = ?3
             WHERE ended IS NULL AND probe = (SELECT id FROM probe WHERE name = ?1)",
            params![probe.as_str(), by, at.as_millisecond()],
        )?)
    }

    /// Stores the records of alarms, by key, in one transaction.
    pub fn save_alarms<'a>(
        &mut self,
        records: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), HistoryError> {
        let transaction = self.connection.transaction()?;
        for (key, record) in records {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO alarm (key, record) VALUES (?1, ?2)")?
                .execute([key, record])?;
        }
        Ok(transaction.commit()?)
    }

    /// Whether this is the first call with `name` within `period`. It stays so after a restart.
    pub fn claim(
        &mut self,
        name: &str,
        now: Timestamp,
        period: Duration,
    ) -> Result<bool, HistoryError> {
        let until = now.saturating_add(period).unwrap_or(Timestamp::MAX);
        let claimed = self.connection.execute(
            "INSERT INTO claim (name, until) VALUES (?1, ?3)
             ON CONFLICT (name) DO UPDATE SET until = ?3 WHERE until <= ?2",
            params![name, now.as_millisecond(), until.as_millisecond()],
        )?;
        Ok(claimed > 0)
    }

    /// Allows the next [`Self::claim`], because what was claimed did not happen.
    pub fn release(&mut self, name: &str) -> Result<(), HistoryError> {
        self.connection.execute("DELETE FROM claim WHERE name = ?1", [name])?;
        Ok(())
    }

    /// Prepares one day of a file of version 1 for fast pages, in one transaction; whether there may be more.
    pub fn fill(&mut self) -> Result<bool, HistoryError> {
        let transaction = self.connection.transaction()?;
        let has_more = period::fill(&transaction)?;
        transaction.commit()?;
        Ok(has_more)
    }

    /// Deletes what is older than `retention`, except incidents that are open.
    pub fn prune(&mut self, now: Timestamp, retention: Duration) -> Result<Pruned, HistoryError> {
        let oldest = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
        let (hour, day) = (hour_of(oldest), day_of(oldest));
        let transaction = self.connection.transaction()?;
        let mut pruned = Pruned::default();
        let ids: Vec<i64> = {
            let mut query = transaction.prepare_cached("SELECT id FROM probe")?;
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for probe in ids {
            let delete = |table: &str, before: i64| {
                let statement = format!("DELETE FROM {table} WHERE id >= ?1 AND id < ?2");
                let range = params![row_id(probe, 0), row_id(probe, before)];
                transaction.prepare_cached(&statement)?.execute(range)
            };
            let hours = delete("hour", hour)?;
            if 0 < hours {
                period::prune(&transaction, probe, hour)?;
            }
            pruned.hours += hours;
            pruned.days += delete("day", day)?;
        }
        let oldest = oldest.as_millisecond();
        pruned.reports = transaction.execute("DELETE FROM report WHERE due < ?1", [oldest])?;
        pruned.incidents =
            transaction.execute("DELETE FROM incident WHERE ended < ?1", [oldest])?;
        transaction.commit()?;
        Ok(pruned)
    }
}

fn lock(path: &Path, database: &Path) -> Result<File, HistoryError> {
    let failed = |source| HistoryError::Lock { path: path.to_owned(), source };
    let file = File::options().create(true).append(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HistoryError::InUse { path: database.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The number of a probe, which is created if needed. New numbers are valid only after the commit.
fn probe_id(
    connection: &Connection,
    known: &BTreeMap<ProbeName, i64>,
    new: &mut Vec<(ProbeName, i64)>,
    name: &ProbeName,
) -> Result<i64, HistoryError> {
    if let Some(id) = known.get(name) {
        return Ok(*id);
    }
    connection
        .prepare_cached("INSERT OR IGNORE INTO probe (name) VALUES (?1)")?
        .execute([name.as_str()])?;
    let mut query = connection.prepare_cached("SELECT id FROM probe WHERE name = ?1")?;
    let id = query.query_row([name.as_str()], |row| row.get(0))?;
    new.push((name.clone(), id));
    Ok(id)
}

/// Adds a run, and its report if it was not up.
fn add_reported(
    connection: &Connection,
    known: &BTreeMap<ProbeName, i64>,
    new: &mut Vec<(ProbeName, i64)>,
    ReportedRun { report, in_maintenance }: &ReportedRun<'_>,
) -> Result<(), HistoryError> {
    let probe = probe_id(connection, known, new, &report.probe)?;
    let body = compressed(report)?;
    let has_report = report.outcome != Outcome::Up;
    let run = RunRecord { has_report, in_maintenance: *in_maintenance, ..RunRecord::of(report) };
    add_runs(connection, probe, std::slice::from_ref(&run))?;
    if has_report {
        add_report(connection, probe, run.due, &body)?;
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO latest (probe, body) VALUES (?1, ?2)")?
        .execute(params![probe, body])?;
    Ok(())
}

/// Adds runs of one hour, in the order of their due times. A run that is stored already is replaced.
fn add_runs(connection: &Connection, probe: i64, new: &[RunRecord]) -> Result<(), HistoryError> {
    let Some(first) = new.first() else { return Ok(()) };
    let hour = hour_of(first.due);
    let id = row_id(probe, hour);
    let mut query = connection.prepare_cached("SELECT runs FROM hour WHERE id = ?1")?;
    let stored: Option<Vec<u8>> = query.query_row([id], |row| row.get(0)).optional()?;
    let damaged = HistoryError::Damaged { what: "an hour" };
    let mut runs = match stored {
        Some(bytes) => packed::decode(hour, &bytes).ok_or(damaged)?,
        None => Vec::new(),
    };
    let before = runs.len();
    for run in new {
        match runs.binary_search_by_key(&run.due, |run| run.due) {
            Ok(at) => runs[at] = *run,
            Err(at) => runs.insert(at, *run),
        }
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO hour (id, runs) VALUES (?1, ?2)")?
        .execute(params![id, packed::encode(hour, &runs)])?;
    store_periods(connection, probe, hour, before == 0)?;
    let day = hour.div_euclid(HOURS_A_DAY);
    let id = row_id(probe, day);
    let mut query = connection.prepare_cached("SELECT summary FROM day WHERE id = ?1")?;
    let stored: Option<Vec<u8>> = query.query_row([id], |row| row.get(0)).optional()?;
    let stored = stored.map_or_else(|| Some(Summary::default()), |bytes| Summary::decode(&bytes));
    let summary = match stored.filter(|_| runs.len() == before + new.len()) {
        Some(mut summary) => {
            for run in new {
                summary.add(run);
            }
            summary
        }
        // A run was replaced, or the summary is damaged.
        None => summary_of_day(connection, probe, day)?,
    };
    connection
        .prepare_cached("INSERT OR REPLACE INTO day (id, summary) VALUES (?1, ?2)")?
        .execute(params![id, summary.encode()])?;
    Ok(())
}

/// Writes the periods that a run of `hour` ends, or the ones that it changes. `is_new`: the first run of this hour.
fn store_periods(
    connection: &Connection,
    probe: i64,
    hour: i64,
    is_new: bool,
) -> Result<(), HistoryError> {
    if period::last_hour(connection, probe)? != Some(hour) {
        return period::store(connection, probe, hour);
    }
    match period::hour_before(connection, probe, hour)? {
        Some(previous) if is_new => period::store(connection, probe, previous),
        _ => Ok(()),
    }
}

/// The summary of all runs of a day.
fn summary_of_day(connection: &Connection, probe: i64, day: i64) -> Result<Summary, HistoryError> {
    let first = day * HOURS_A_DAY;
    let runs = period::runs(connection, probe, first..first + HOURS_A_DAY)?;
    Ok(Summary::of(&runs))
}

fn add_report(
    connection: &Connection,
    probe: i64,
    due: Timestamp,
    body: &[u8],
) -> Result<(), HistoryError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO report (probe, due, body) VALUES (?1, ?2, ?3)")?
        .execute(params![probe, due.as_millisecond(), body])?;
    // The report that opened an incident is kept with it.
    connection
        .prepare_cached(
            "DELETE FROM report WHERE probe = ?1
             AND due <= (SELECT due FROM report WHERE probe = ?1 ORDER BY due DESC LIMIT 1 OFFSET ?2)
             AND due NOT IN (SELECT report_due FROM incident WHERE probe = ?1 AND report_due NOT NULL)",
        )?
        .execute(params![probe, REPORTS_PER_PROBE])?;
    Ok(())
}

fn compressed(report: &Report) -> Result<Vec<u8>, HistoryError> {
    let json = serde_json::to_vec(report).map_err(HistoryError::Encode)?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&json).map_err(HistoryError::Compress)?;
    encoder.finish().map_err(HistoryError::Compress)
}

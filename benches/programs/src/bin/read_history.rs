//! Reads the rows behind pages of `vigie serve` from its history and does nothing with them: `read_history FILE COUNT`.
//! The rows are those of COUNT probes one after another, since a page with the same rows as before is in the cache.
//!
//! Prints one line of JSON: milliseconds of each read, by page.

#![expect(clippy::print_stdout, reason = "the output of the program")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

/// See `crates/history/src/schema`.
const TIME_BITS: u32 = 24;
/// Codes of the lengths of periods.
const HOURS: i64 = 0;
const QUARTER_DAYS: i64 = 1;
const DAYS: i64 = 2;
/// Probes on a page of the overview.
const PROBES_PER_PAGE: i64 = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: read_history FILE COUNT");
    let (file, count) = (next()?, next()?.parse::<i64>()?);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let history = History(Connection::open_with_flags(file, flags)?);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let hour = i64::try_from(seconds / 3_600)?;
    let probes = history.0.query_row("SELECT max(id) FROM probe", [], |row| row.get(0))?;
    let of = |number: i64| 1 + number * 37 % probes;
    let each = |read: &dyn Fn(i64) -> Result<usize, rusqlite::Error>| {
        (0..count).map(|number| timed(|| read(of(number)))).collect::<Result<Vec<f64>, _>>()
    };
    let times = json!({
        "24h": each(&|probe| history.hours(probe, hour - 24, hour))?,
        "7d": each(&|probe| history.periods(HOURS, probe, hour - 7 * 24, hour))?,
        "30d": each(&|probe| history.periods(QUARTER_DAYS, probe, hour - 30 * 24, hour))?,
        "90d": each(&|probe| history.periods(DAYS, probe, hour - 90 * 24, hour))?,
        "overview": each(&|probe| history.overview(probe, probes, hour))?,
    });
    println!("{times}");
    Ok(())
}

fn timed(read: impl Fn() -> Result<usize, rusqlite::Error>) -> Result<f64, rusqlite::Error> {
    let began = Instant::now();
    std::hint::black_box(read()?);
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

struct History(Connection);

impl History {
    /// The runs of these hours; their bytes.
    fn hours(&self, probe: i64, first: i64, last: i64) -> Result<usize, rusqlite::Error> {
        self.bytes("SELECT runs FROM hour WHERE id BETWEEN ?1 AND ?2", probe, first, last)
    }

    fn days(&self, probe: i64, first: i64, last: i64) -> Result<usize, rusqlite::Error> {
        self.bytes("SELECT summary FROM day WHERE id BETWEEN ?1 AND ?2", probe, first, last)
    }

    /// The periods of a length that begin in these hours.
    fn periods(
        &self,
        length: i64,
        probe: i64,
        first: i64,
        last: i64,
    ) -> Result<usize, rusqlite::Error> {
        let statement = "SELECT body FROM period WHERE id BETWEEN ?1 AND ?2";
        self.bytes(statement, probe * 4 + length, first, last)
    }

    /// The last hour of each probe, and 90 days and 24 hours of the probes of a page.
    fn overview(&self, first: i64, probes: i64, hour: i64) -> Result<usize, rusqlite::Error> {
        let mut bytes = 0;
        for probe in 1..=probes {
            bytes += self.hours(probe, hour - 1, hour)?;
        }
        for probe in (first..first + PROBES_PER_PAGE).map(|probe| 1 + probe % probes) {
            bytes += self.days(probe, hour / 24 - 90, hour / 24)?;
            bytes += self.periods(HOURS, probe, hour - 24, hour)?;
        }
        Ok(bytes)
    }

    fn bytes(
        &self,
        statement: &str,
        probe: i64,
        first: i64,
        last: i64,
    ) -> Result<usize, rusqlite::Error> {
        let mut query = self.0.prepare_cached(statement)?;
        let id = |time: i64| (probe << TIME_BITS) + time;
        let mut rows = query.query([id(first), id(last)])?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            bytes += row.get_ref(0)?.as_blob().map_or(0, <[u8]>::len);
        }
        Ok(bytes)
    }
}

//! What pages read from the rows of periods equals what the single runs say.

use std::time::Duration;

use domain::{Outcome, ProbeName, Reason, Verdict};
use history::{History, Reader, RunRecord, RunSource as _, Summary};
use jiff::Timestamp;
use proptest::prelude::*;
use run_record::RunGroup;
use run_record::time::{hour_of, start_of_hour};
use rusqlite::Connection;

use crate::at;

const HOUR: u64 = 3_600;
const DAY: i64 = 86_400;
/// Seconds of the steps: with and without stored periods.
const STEPS: [u64; 5] = [60, HOUR, 2 * HOUR, 6 * HOUR, 24 * HOUR];

fn bot() -> ProbeName {
    "bot".parse().unwrap()
}

fn open(folder: &tempfile::TempDir) -> History {
    History::open(folder.path(), &"local".parse().unwrap()).unwrap()
}

/// A run whose outcome and times differ from those of its neighbours.
fn run(second: i64) -> RunRecord {
    let mixed = second.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let outcome = match mixed % 16 {
        0 | 1 => Outcome::Down { reason: Reason::Connect },
        2 => Outcome::Degraded,
        3 => Outcome::RunError { fault: domain::OwnFault::Secret },
        _ => Outcome::Up,
    };
    let ms = |most: u64| Some(Duration::from_millis(mixed % most));
    RunRecord {
        first_chunk: ms(4_001).filter(|_| mixed % 16 > 3),
        reply: ms(9_001).filter(|_| mixed % 16 > 3),
        queue: ms(77),
        dns: ms(5),
        tls: ms(31).filter(|_| mixed.is_multiple_of(2)),
        in_maintenance: mixed.is_multiple_of(11),
        ..RunRecord::new(at(second), outcome, Duration::from_millis(mixed % 9_999))
    }
}

/// The stored periods by length: hours, quarters of a day, days.
pub(crate) fn rows(history: &History) -> Vec<(i64, i64)> {
    let file = Connection::open(history.path()).unwrap();
    let lengths = "SELECT (id >> 24) % 4, count(*) FROM period GROUP BY 1 ORDER BY 1";
    let mut query = file.prepare(lengths).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Every third hour of a month, two runs each, in a file without periods. Also the rows that it lacks.
pub(crate) fn file_of_version_1(folder: &tempfile::TempDir) -> (Vec<RunRecord>, Vec<(i64, i64)>) {
    let hours = (0..30 * 24).step_by(3);
    let runs: Vec<RunRecord> =
        hours.flat_map(|hour| [hour * 3_600 + 30, hour * 3_600 + 90]).map(run).collect();
    let mut history = open(folder);
    history.record_runs(&bot(), &runs).unwrap();
    history.record_runs(&"other".parse().unwrap(), &runs[..9]).unwrap();
    let expected = rows(&history);
    let file = Connection::open(history.path()).unwrap();
    file.execute_batch(
        "DROP TABLE period; DROP TABLE unfilled; DROP TABLE claim; DROP INDEX incident_order;
         PRAGMA user_version = 1",
    )
    .unwrap();
    (runs, expected)
}

/// Compares charts, totals and states with `runs`, which are all runs of the probe.
pub(crate) fn check(history: &History, runs: &[RunRecord], round: usize) {
    let reader = Reader::open(history.path()).unwrap();
    for (since, until) in [(0, 40 * DAY), (7_000, 3 * DAY + 100), (5 * DAY + 9_999, 40 * DAY)] {
        compare(&reader, runs, at(since), at(until), &format!("round {round}"));
    }
}

fn compare(reader: &Reader, runs: &[RunRecord], since: Timestamp, until: Timestamp, what: &str) {
    let bot = bot();
    let between: Vec<RunRecord> =
        runs.iter().filter(|run| since <= run.due && run.due <= until).copied().collect();
    for step in STEPS.map(Duration::from_secs) {
        let groups = reader.groups(&bot, since, until, step).unwrap();
        let expected = RunGroup::of_each(&between, step);
        assert_eq!(groups, expected, "{what}: {step:?} from {since} to {until}");
    }
    let whole: Vec<&RunRecord> = runs
        .iter()
        .filter(|run| (hour_of(since)..=hour_of(until)).contains(&hour_of(run.due)))
        .collect();
    let hours = whole.chunk_by(|a, b| hour_of(a.due) == hour_of(b.due)).map(|hour| {
        (start_of_hour(hour_of(hour[0].due)).unwrap(), Summary::of(hour.iter().copied()))
    });
    let expected: Vec<(Timestamp, Summary)> = hours.collect();
    assert_eq!(reader.hours(&bot, since, until).unwrap(), expected, "{what}: {since} to {until}");
    let [counts] = reader.counts(&bot, [since], until).unwrap();
    assert_eq!(counts, Summary::of(whole).counts, "{what}: {since} to {until}");
    for verdict in [Verdict::Up, Verdict::Down] {
        let judged = runs.iter().rev().filter(|run| run.counted_verdict().is_some());
        let same = judged.take_while(|run| run.counted_verdict() == Some(verdict));
        let expected = same.last().map(|run| run.due);
        assert_eq!(reader.since(&bot, verdict).unwrap(), expected, "{what}: {verdict:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Runs arrive in any order, some twice, and old ones are deleted.
    #[test]
    fn pages_equal_the_single_runs(
        seconds in prop::collection::btree_set(0_i64..4 * DAY, 1..120),
        parts in prop::collection::vec(any::<u8>(), 120),
        since in 0_i64..4 * DAY,
        length in 0_i64..5 * DAY,
        kept_hours in 24_u64..120,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut history = open(&folder);
        let runs: Vec<RunRecord> = seconds.iter().map(|second| run(*second)).collect();
        for part in 0..4 {
            let of_part = |(run, its): (&RunRecord, &u8)| {
                (its % 4 == part || its % 16 == part).then_some(*run)
            };
            let some: Vec<RunRecord> = runs.iter().zip(&parts).filter_map(of_part).collect();
            history.record_runs(&bot(), &some).unwrap();
        }
        let reader = Reader::open(history.path()).unwrap();
        let (since, until) = (at(since), at(since + length));
        compare(&reader, &runs, since, until, "all");

        let now = at(4 * DAY);
        history.prune(now, Duration::from_secs(kept_hours * HOUR)).unwrap();
        let oldest = hour_of(now) - i64::try_from(kept_hours).unwrap();
        let kept: Vec<RunRecord> =
            runs.iter().filter(|run| oldest <= hour_of(run.due)).copied().collect();
        for step in STEPS.map(Duration::from_secs) {
            let groups = reader.groups(&bot(), at(0), at(9 * DAY), step).unwrap();
            prop_assert_eq!(groups, RunGroup::of_each(&kept, step), "{:?}", step);
        }
    }
}

#[test]
fn periods_that_are_over_have_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    let minutes: Vec<RunRecord> = (0..=25 * 60).map(|minute| run(minute * 60)).collect();
    for one in &minutes[..24 * 60] {
        history.record_runs(&bot(), std::slice::from_ref(one)).unwrap();
    }
    assert_eq!(rows(&history), [(0, 23), (1, 3)]);
    history.record_runs(&bot(), &minutes[24 * 60..]).unwrap();
    assert_eq!(rows(&history), [(0, 25), (1, 4), (2, 1)]);
    check(&history, &minutes, 0);
    // The rows are read: without one, its runs are missing.
    let file = Connection::open(history.path()).unwrap();
    file.execute("DELETE FROM period WHERE (id >> 24) % 4 = 2", []).unwrap();
    let reader = Reader::open(history.path()).unwrap();
    let groups = reader.groups(&bot(), at(0), at(2 * DAY), Duration::from_secs(24 * HOUR));
    assert_eq!(groups.unwrap().len(), 1);
}

#[test]
fn file_of_version_1_is_filled_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, expected) = file_of_version_1(&folder);
    let mut history = open(&folder);
    assert_eq!(rows(&history), []);
    let mut steps = 0;
    loop {
        check(&history, &runs, steps);
        if !history.fill().unwrap() {
            break;
        }
        steps += 1;
        // New runs are stored meanwhile.
        if steps == 5 {
            history.record_runs(&bot(), &runs[..3]).unwrap();
        }
    }
    assert!(30 < steps, "{steps}");
    assert_eq!(rows(&history), expected);
    let reader = Reader::open(history.path()).unwrap();
    assert_eq!(reader.runs(&bot(), at(0), at(40 * DAY)).unwrap(), runs);
}

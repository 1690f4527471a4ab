//! What is written is read back.

use std::cmp::Reverse;
use std::time::Duration;

use domain::{Outcome, ProbeName, Reason, Report, Verdict};
use history::{
    History, HistoryError, Incident, IncidentId, IncidentKind, NewIncident, Reader, RunRecord,
    RunSource as _, Summary,
};
use proptest::prelude::*;
use rusqlite::Connection;
use testkit::reports::{attempt, eventful, report, turn};

use crate::{START, at, reported, run};

const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };

fn bot() -> ProbeName {
    "bot".parse().unwrap()
}

fn open(folder: &tempfile::TempDir) -> History {
    History::open(folder.path(), &"local".parse().unwrap()).unwrap()
}

#[test]
fn only_one_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder);
    let second = History::open(folder.path(), &"local".parse().unwrap());
    assert!(matches!(second, Err(HistoryError::InUse { .. })));
    History::open(folder.path(), &"prod".parse().unwrap()).unwrap();
    drop(first);
    open(&folder);
}

#[test]
fn report_of_a_failed_run_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    let good = report(vec![attempt(vec![turn(400, "a", "b")])]);
    let bad = eventful();
    assert!(bad.outcome != Outcome::Up && good.outcome == Outcome::Up);
    let later = Report { due: bad.due + Duration::from_secs(60), ..good };
    history.record(&[reported(&bad), reported(&later)]).unwrap();
    let reader = Reader::open(history.path()).unwrap();
    assert_eq!(reader.probes().unwrap(), std::slice::from_ref(&bad.probe));
    assert_eq!(reader.report(&bad.probe, bad.due).unwrap(), Some(bad.clone()));
    assert_eq!(reader.report(&bad.probe, later.due).unwrap(), None);
    assert_eq!(reader.latest_reports().unwrap(), std::slice::from_ref(&later));
    let runs = reader.last_runs(&bad.probe, 5).unwrap();
    let expected = [RunRecord::of(&later), RunRecord { has_report: true, ..RunRecord::of(&bad) }];
    assert_eq!(runs, expected);
}

/// A run of this probe that was up.
fn up(probe: &str, second: i64) -> Report {
    let good = report(vec![attempt(vec![turn(400, "a", "b")])]);
    Report { probe: probe.parse().unwrap(), due: at(second), ..good }
}

/// Changes the rows of the probe `bad` in the open file.
fn damage(history: &History, set: &str) {
    let file = Connection::open(history.path()).unwrap();
    let of_probe = "(SELECT id FROM probe WHERE name = 'bad')";
    let key = if set.starts_with("latest") { "probe" } else { "id >> 24" };
    let changed = file.execute(&format!("UPDATE {set} WHERE {key} = {of_probe}"), []).unwrap();
    assert!(0 < changed, "{set}");
}

#[test]
fn damaged_hour_loses_no_runs_of_other_probes_or_hours() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    assert!(history.record(&[reported(&up("bad", 0))]).unwrap().is_empty());
    damage(&history, "hour SET runs = x'ff'");
    let (bad, good, new) = (up("bad", 60), up("good", 60), up("new", 60));
    let not_stored = history.record(&[reported(&good), reported(&bad), reported(&new)]).unwrap();
    let [one] = &not_stored[..] else { panic!("{not_stored:?}") };
    assert_eq!((one.probe.as_str(), one.due), ("bad", at(60)));
    assert!(matches!(one.error, HistoryError::Damaged { .. }), "{:?}", one.error);
    let reader = Reader::open(history.path()).unwrap();
    for probe in [&good.probe, &new.probe] {
        assert_eq!(reader.last_runs(probe, 9).unwrap().len(), 1, "{probe}");
    }
    // The hours, quarters and days that end after the damaged hour are stored without it.
    for hour in 1..50 {
        let not_stored = history.record(&[reported(&up("bad", hour * 3_600))]).unwrap();
        assert!(not_stored.is_empty(), "{hour}: {not_stored:?}");
    }
    assert_eq!(reader.last_runs(&bad.probe, 99).unwrap().len(), 49);
    let end = at(50 * 3_600);
    assert_eq!(reader.runs(&bad.probe, at(0), end).unwrap().len(), 49);
    assert_eq!(reader.hours(&bad.probe, at(0), end).unwrap().len(), 49);
    let hour = Duration::from_secs(3_600);
    assert_eq!(reader.groups(&bad.probe, at(0), end, hour).unwrap().len(), 49);
    let kept = Duration::from_secs(47 * 3_600);
    assert_eq!(history.prune(at(50 * 3_600), kept).unwrap().hours, 5);
}

#[test]
fn damaged_day_and_report_are_replaced_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    history.record(&[reported(&up("bad", 0)), reported(&up("good", 0))]).unwrap();
    for set in ["day SET summary = x'ff'", "latest SET body = x'ff'"] {
        damage(&history, set);
    }
    let reader = Reader::open(history.path()).unwrap();
    assert_eq!(reader.latest_reports().unwrap(), [up("good", 0)]);
    let days = reader.day_counts(&up("bad", 0).probe, at(0), at(60)).unwrap();
    assert_eq!(days.iter().map(|(_, counts)| counts.judged()).sum::<u64>(), 1);
    let bad = up("bad", 60);
    assert!(history.record(&[reported(&bad)]).unwrap().is_empty());
    assert_eq!(reader.summary(&bad.probe, at(0), at(60)).unwrap().counts.judged(), 2);
    assert_eq!(reader.latest_reports().unwrap().len(), 2);
}

#[test]
fn repeated_run_replaces_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    history.record_runs(&bot(), &[run(0, Outcome::Up), run(60, Outcome::Up)]).unwrap();
    history.record_runs(&bot(), &[run(60, DOWN)]).unwrap();
    let reader = Reader::open(history.path()).unwrap();
    let summary = reader.summary(&bot(), at(0), at(60)).unwrap();
    assert_eq!((summary.counts.passed(), summary.counts.judged()), (1, 2));
    let [(_, day)] = &reader.days(&bot(), at(0), at(0)).unwrap()[..] else { panic!() };
    assert_eq!(*day, summary);
}

#[test]
fn one_hundred_reports_are_kept_and_those_of_incidents() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    let bad = eventful();
    let due = |minute: u64| bad.due + Duration::from_secs(60 * minute);
    let incident = NewIncident { report_due: Some(due(3)), ..incident(0) };
    history.open_incident(&NewIncident { probe: bad.probe.clone(), ..incident }).unwrap();
    for minute in 0..120 {
        let report = Report { due: due(minute), ..bad.clone() };
        history.record(&[reported(&report)]).unwrap();
    }
    let reader = Reader::open(history.path()).unwrap();
    let kept = (0..120).filter(|minute| reader.report(&bad.probe, due(*minute)).unwrap().is_some());
    let kept: Vec<u64> = kept.collect();
    assert_eq!(kept[..2], [3, 20]);
    assert_eq!(kept.len(), 101);
}

fn incident(second: i64) -> NewIncident {
    NewIncident {
        probe: bot(),
        kind: IncidentKind::Down,
        began: at(second),
        opened: at(second + 90),
        reason: Some(Reason::CheckFailed),
        detail: "turn 2: `contains \"x\"` failed".to_owned(),
        turn: Some(2),
        expected: Some("contains \"x\"".to_owned()),
        found: Some("<b>'; DROP TABLE probe; --".to_owned()),
        report_due: Some(at(second)),
    }
}

#[test]
fn incident_is_opened_once_acknowledged_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    let first = history.open_incident(&incident(0)).unwrap();
    assert_eq!(history.open_incident(&incident(60)).unwrap(), first);
    let degraded = NewIncident { kind: IncidentKind::Degraded, ..incident(0) };
    assert_ne!(history.open_incident(&degraded).unwrap(), first);
    assert_eq!(history.acknowledge(&bot(), "ana", at(200)).unwrap(), 2);
    assert!(history.close_incident(&bot(), IncidentKind::Down, at(300)).unwrap());
    assert!(!history.close_incident(&bot(), IncidentKind::Down, at(400)).unwrap());
    let second = history.open_incident(&incident(600)).unwrap();
    let reader = Reader::open(history.path()).unwrap();
    let stored = reader.incident(first).unwrap().unwrap();
    assert_eq!((stored.what, stored.ended), (incident(0), Some(at(300))));
    assert_eq!(stored.acknowledged.map(|one| (one.by, one.at)), Some(("ana".to_owned(), at(200))));
    let ids: Vec<IncidentId> =
        reader.incidents(Some(&bot()), 10).unwrap().iter().map(|one| one.id).collect();
    assert_eq!((ids[0], ids[2]), (second, first));
    assert_eq!(reader.incidents(None, 1).unwrap().len(), 1);
    assert_eq!(reader.incidents(Some(&"other".parse().unwrap()), 10).unwrap(), []);
    assert_eq!(reader.incident(IncidentId(99)).unwrap(), None);
}

#[test]
fn incidents_are_listed_newest_first_and_down_above_degraded() {
    use IncidentKind::{Degraded, Down};
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    // Probe, kind, the second at which it began, whether it lasts.
    let incidents = [
        ("a", Down, 0, false),
        ("a", Degraded, 20, false),
        ("b", Down, 65, true),
        ("b", Degraded, 70, true),
        ("c", Degraded, 130, false),
        ("d", Down, 200, false),
        ("d", Degraded, 50, true),
    ];
    for (probe, kind, second, lasts) in incidents {
        let probe: ProbeName = probe.parse().unwrap();
        let new = NewIncident { probe: probe.clone(), kind, ..incident(second) };
        history.open_incident(&new).unwrap();
        if !lasts {
            history.close_incident(&probe, kind, at(600)).unwrap();
        }
    }
    let stored = Reader::open(history.path()).unwrap().incidents(None, 9).unwrap();
    let shown = |one: &Incident| format!("{} {}", one.what.probe, one.what.kind.as_str());
    let listed: Vec<String> = stored.iter().map(shown).collect();
    let expected =
        ["b down", "b degraded", "d degraded", "d down", "c degraded", "a down", "a degraded"];
    assert_eq!(listed, expected);
    let mut sorted = stored.clone();
    sorted.sort_by_key(|one| Reverse(one.id));
    sorted.sort_by_key(Incident::list_order);
    assert_eq!(sorted, stored);
}

#[test]
fn alarm_records_are_replaced_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    history.save_alarms([("a", "1"), ("b", "2")]).unwrap();
    history.save_alarms([("a", "3")]).unwrap();
    let reader = Reader::open(history.path()).unwrap();
    let expected = [("a".to_owned(), "3".to_owned()), ("b".to_owned(), "2".to_owned())];
    assert_eq!(reader.alarms().unwrap(), expected);
}

#[test]
fn claim_succeeds_once_in_its_period() {
    let folder = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3_600);
    let mut history = open(&folder);
    assert!(history.claim("weekly", at(0), hour).unwrap());
    assert!(!history.claim("weekly", at(3_599), hour).unwrap());
    assert!(history.claim("other", at(3_599), hour).unwrap());
    drop(history);
    let mut history = open(&folder);
    assert!(!history.claim("weekly", at(3_599), hour).unwrap());
    assert!(history.claim("weekly", at(3_600), hour).unwrap());
    history.release("weekly").unwrap();
    assert!(history.claim("weekly", at(3_601), hour).unwrap());
}

#[test]
fn old_runs_are_deleted_and_open_incidents_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    let day = 86_400;
    let runs: Vec<RunRecord> = (0..10 * 24).map(|hour| run(hour * 3_600, Outcome::Up)).collect();
    history.record_runs(&bot(), &runs).unwrap();
    history.record_runs(&"other".parse().unwrap(), &runs[..24]).unwrap();
    history.open_incident(&incident(0)).unwrap();
    history.close_incident(&bot(), IncidentKind::Down, at(60)).unwrap();
    let kept = history.open_incident(&incident(100)).unwrap();
    let pruned = history.prune(at(9 * day), Duration::from_secs(7 * 86_400)).unwrap();
    assert_eq!((pruned.hours, pruned.days, pruned.incidents), (48 + 24, 3, 1));
    let reader = Reader::open(history.path()).unwrap();
    let summary = reader.summary(&bot(), at(0), at(10 * day)).unwrap();
    assert_eq!(summary.counts.judged(), 8 * 24);
    let ids: Vec<IncidentId> =
        reader.incidents(None, 9).unwrap().iter().map(|one| one.id).collect();
    assert_eq!(ids, [kept]);
}

#[test]
fn verdict_lasts_since_its_first_run() {
    type Case<'a> = (&'a str, &'a [(i64, Outcome)], Verdict, Option<i64>);
    let (up, error) = (Outcome::Up, Outcome::RunError { fault: domain::OwnFault::Secret });
    let day = 86_400;
    let cases: [Case<'_>; 7] = [
        ("no run", &[], Verdict::Up, None),
        ("one run", &[(5, up)], Verdict::Up, Some(5)),
        ("another verdict", &[(5, up)], Verdict::Down, None),
        ("within a day", &[(5, DOWN), (65, up), (125, up)], Verdict::Up, Some(65)),
        ("over days", &[(5, DOWN), (65, up), (day, up), (3 * day, up)], Verdict::Up, Some(65)),
        ("changed at midnight", &[(5, DOWN), (day, up), (2 * day, up)], Verdict::Up, Some(day)),
        ("run errors do not count", &[(5, up), (65, error), (day, up)], Verdict::Up, Some(5)),
    ];
    for (name, runs, verdict, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut history = open(&folder);
        let runs: Vec<RunRecord> = runs.iter().map(|(at, outcome)| run(*at, *outcome)).collect();
        history.record_runs(&bot(), &runs).unwrap();
        let reader = Reader::open(history.path()).unwrap();
        assert_eq!(reader.since(&bot(), verdict).unwrap(), expected.map(at), "{name}");
    }
}

#[test]
fn damaged_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("local.db"), "not a database, but long enough".repeat(99))
        .unwrap();
    assert!(History::open(folder.path(), &"local".parse().unwrap()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Days, hours and edges together count each run once.
    #[test]
    fn summary_equals_the_runs_of_its_hours(
        seconds in prop::collection::btree_set(0_i64..4 * 86_400, 0..80),
        since in 0_i64..4 * 86_400,
        length in 0_i64..4 * 86_400,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut history = open(&folder);
        let outcome = |second: i64| if second % 3 == 0 { DOWN } else { Outcome::Up };
        let runs: Vec<RunRecord> = seconds.iter().map(|at| run(*at, outcome(*at))).collect();
        let (odd, even): (Vec<RunRecord>, Vec<RunRecord>) =
            runs.iter().partition(|run| run.due.as_second() % 2 == 1);
        history.record_runs(&bot(), &even).unwrap();
        history.record_runs(&bot(), &odd).unwrap();
        let reader = Reader::open(history.path()).unwrap();
        let hour = |second: i64| (START + second).div_euclid(3_600);
        let until = since + length;
        let inside = runs.iter().filter(|run| {
            (hour(since)..=hour(until)).contains(&run.due.as_second().div_euclid(3_600))
        });
        let expected = Summary::of(inside);
        let (since, until) = (at(since), at(until));
        let counts = reader.counts(&bot(), [since, since], until).unwrap();
        prop_assert_eq!(counts, [expected.counts.clone(), expected.counts.clone()]);
        prop_assert_eq!(reader.summary(&bot(), since, until).unwrap(), expected);
        let days = reader.days(&bot(), since, until).unwrap().into_iter();
        let of_days: Vec<_> = days.map(|(start, summary)| (start, summary.counts)).collect();
        prop_assert_eq!(reader.day_counts(&bot(), since, until).unwrap(), of_days);
        prop_assert_eq!(reader.runs(&bot(), at(0), at(5 * 86_400)).unwrap(), runs);
    }
}

#[test]
fn run_in_maintenance_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(&folder);
    let maintenance = RunRecord { in_maintenance: true, ..run(120, DOWN) };
    let runs = [run(0, Outcome::Up), run(60, Outcome::Up), maintenance, run(180, Outcome::Up)];
    history.record_runs(&bot(), &runs).unwrap();
    let reader = Reader::open(history.path()).unwrap();
    assert_eq!(reader.last_runs(&bot(), 2).unwrap()[1], maintenance);
    assert_eq!(reader.since(&bot(), Verdict::Up).unwrap(), Some(at(0)));
    let summary = reader.summary(&bot(), at(0), at(3_600)).unwrap();
    let counts = summary.counts;
    assert_eq!((counts.passed(), counts.judged(), counts.maintenance()), (3, 3, 1));
}

//! What is written is read back, through the requests of the SDK.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

mod fake;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{LocationName, Outcome, ProbeName, Reason};
use jiff::Timestamp;
use run_record::time::day_of;
use run_record::{
    Acknowledgement, Incident, IncidentId, IncidentKind, NewIncident, RunRecord, Summary,
};
use run_table::RunTable;

use fake::Fake;

fn table_of(fake: &Fake) -> RunTable {
    RunTable::new(fake.client(), "table")
}

fn probe() -> ProbeName {
    "support-bot".parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    format!("2026-11-30T{text}Z").parse().unwrap()
}

fn run(due: &str, outcome: Outcome) -> RunRecord {
    RunRecord {
        retries: 1,
        first_chunk: Some(Duration::from_millis(812)),
        connect: Some(Duration::from_millis(12)),
        has_report: outcome != Outcome::Up,
        ..RunRecord::new(at(due), outcome, Duration::from_millis(2_345))
    }
}

const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };

#[tokio::test]
async fn runs_of_a_period_are_read_back_in_order() {
    let fake = Fake::new();
    let table = table_of(&fake);
    let office: LocationName = "office".parse().unwrap();
    let times = ["09:59:30", "10:00:30", "10:09:30", "10:10:30", "10:59:30", "11:00:30"];
    for time in times {
        table.record(&probe(), None, &run(time, Outcome::Up)).await.unwrap();
    }
    let same_time = run("10:09:30", DOWN);
    for _ in 0..2 {
        table.record(&probe(), Some(&office), &same_time).await.unwrap();
    }
    let read = table.runs(&probe(), at("10:00:00"), at("10:59:59")).await.unwrap();
    let dues: Vec<_> = read.iter().map(|run| run.record.due).collect();
    let expected = ["10:00:30", "10:09:30", "10:09:30", "10:10:30", "10:59:30"];
    assert_eq!(dues, expected.map(at));
    let located: Vec<_> = read.iter().filter(|run| run.location.is_some()).collect();
    assert!(matches!(located[..], [one] if one.record == same_time));
    let expires: Vec<_> =
        fake.items.lock().unwrap().values().map(|item| item["expires_at"].clone()).collect();
    let kept = at("09:59:30").as_second() + 92 * 86_400;
    assert_eq!(expires[0], AttributeValue::N(kept.to_string()));
}

#[tokio::test]
async fn last_runs_of_all_probes_are_read_in_batches() {
    let fake = Fake::new();
    let table = table_of(&fake);
    let probes: Vec<ProbeName> = (0..2).map(|n| format!("bot-{n}").parse().unwrap()).collect();
    for probe in &probes {
        for time in ["09:45:00", "09:55:00", "10:01:00"] {
            table.record(probe, None, &run(time, Outcome::Up)).await.unwrap();
        }
    }
    let names: Vec<&ProbeName> = probes.iter().collect();
    let recent = table.recent(&names, at("10:02:00")).await.unwrap();
    for probe in &probes {
        let dues: Vec<_> = recent[probe].iter().map(|run| run.record.due).collect();
        assert_eq!(dues, [at("09:55:00"), at("10:01:00")]);
    }
}

#[tokio::test]
async fn totals_and_incidents_are_read_back() {
    let table = table_of(&Fake::new());
    let day = day_of(at("10:00:00"));
    let totals = Summary::of(&[run("10:00:00", Outcome::Up), run("10:01:00", DOWN)]);
    table.put_day(&probe(), day - 1, &totals).await.unwrap();
    table.record(&probe(), None, &run("10:01:00", DOWN)).await.unwrap();
    let days = table.days(&probe(), day - 89, day).await.unwrap();
    assert_eq!(days, BTreeMap::from([(day - 1, totals)]));

    let incident = |id| Incident {
        id: IncidentId(id),
        what: NewIncident {
            probe: probe(),
            kind: IncidentKind::Down,
            began: at("10:00:00"),
            opened: at("10:02:00"),
            reason: Some(Reason::Connect),
            detail: "<script>".to_owned(),
            turn: Some(2),
            expected: None,
            found: None,
            report_due: Some(at("10:01:00")),
        },
        ended: None,
        acknowledged: Some(Acknowledgement { by: "ana".to_owned(), at: at("10:05:00") }),
    };
    for id in [9, 10, 8] {
        table.put_incident(&incident(id)).await.unwrap();
    }
    let ended = Incident { ended: Some(at("10:30:00")), ..incident(8) };
    table.put_incident(&ended).await.unwrap();
    let read = table.incidents(100).await.unwrap();
    assert_eq!(read, [incident(10), incident(9), ended]);
}

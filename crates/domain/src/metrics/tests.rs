use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::testing::report;
use crate::{AvailabilityObjective, Outcome, OwnFault, Reason, Report};

fn named<'a>(values: &'a [SeriesValue], name: &str) -> Vec<&'a SeriesValue> {
    values.iter().filter(|value| value.name == name).collect()
}

#[test]
fn series_are_documented_and_have_common_labels_once() {
    let values = for_prometheus(&report(2, 2));
    for value in &values {
        let published = PUBLISHED.iter().find(|published| published.name == value.name).unwrap();
        let names: BTreeSet<&str> = value.labels.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), value.labels.len(), "{}: a label twice", value.name);
        assert!(COMMON_LABELS.iter().chain(published.labels).all(|label| names.contains(label)));
        assert!(value.labels.contains(&("job".to_owned(), "gradio_chatbot".to_owned())));
        assert!(value.labels.contains(&("team".to_owned(), "chat".to_owned())));
    }
}

#[test]
fn degraded_run_is_a_success() {
    let degraded = Report { outcome: Outcome::Degraded, ..report(1, 1) };
    let values = for_prometheus(&degraded);
    assert_eq!(named(&values, "probe_success")[0].value, Some(1.0));
    assert_eq!(named(&values, "probe_degraded")[0].value, Some(1.0));
    let metrics = for_cloudwatch(&degraded, Detail::Essential);
    let named: Vec<(&str, &[f64])> =
        metrics.iter().map(|metric| (metric.name, &metric.values[..])).collect();
    let expected: &[(&str, &[f64])] = &[
        ("Success", &[1.0]),
        ("Degraded", &[1.0]),
        ("Duration", &[0.6]),
        ("TimeToFirstChunk", &[0.11]),
    ];
    assert_eq!(named, expected);
}

#[test]
fn run_in_a_maintenance_window_can_be_subtracted() {
    let down = Outcome::Down { reason: Reason::Stalled };
    let objective = AvailabilityObjective::from_percent(99.5);
    let report = Report { outcome: down, maintenance: true, objective, ..report(1, 1) };
    let metrics = for_cloudwatch(&report, Detail::Essential);
    let values: Vec<_> = ["Success", "MaintenanceSuccess"]
        .map(|name| metrics.iter().find(|metric| metric.name == name).unwrap().values[0])
        .into();
    assert_eq!(values, [0.0, 0.0]);
    let series = for_prometheus(&report);
    assert_eq!(named(&series, "probe_maintenance_success")[0].value, Some(0.0));
    assert_eq!(named(&series, "probe_objective_ratio")[0].value, Some(0.995));
}

#[test]
fn certificate_is_published_in_every_sixth_hour() {
    let (hour, minutes) = (jiff::SignedDuration::from_hours(1), Duration::from_mins);
    let midnight: jiff::Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let cases = [
        (0, minutes(1), Detail::Essential, true),
        (1, minutes(1), Detail::Essential, false),
        (6, minutes(1), Detail::Essential, true),
        (1, minutes(1), Detail::Full, true),
        (1, minutes(120), Detail::Essential, true),
    ];
    for (hours, every, detail, expected) in cases {
        let mut report = Report { due: midnight + hour * hours, every, ..report(1, 1) };
        report.attempts[0].certificate_expires = Some(report.due + hour * 240);
        let metrics = for_cloudwatch(&report, detail);
        let left = metrics.iter().find(|metric| metric.name == "CertificateDaysLeft");
        let left = left.map(|metric| metric.values[0]);
        assert_eq!(left, expected.then_some(10.0), "{hours} {every:?} {detail:?}");
    }
}

#[test]
fn unreached_turn_ends_its_series() {
    let values = for_prometheus(&report(3, 1));
    let first_chunks: Vec<Option<f64>> =
        named(&values, "probe_turn_first_chunk_seconds").iter().map(|value| value.value).collect();
    assert_eq!(first_chunks, [Some(0.11), None, None]);
}

#[test]
fn phases_add_up_to_the_turns() {
    let values = for_prometheus(&report(2, 2));
    let turns: f64 = named(&values, "probe_phase_duration_seconds")
        .iter()
        .filter(|value| {
            value.labels.iter().any(|(name, value)| {
                name == "phase" && ["queue", "first_chunk", "reply"].contains(&value.as_str())
            })
        })
        .filter_map(|value| value.value)
        .sum();
    assert!((turns - 2.0 * 0.51).abs() < 1e-9, "{turns}");
}

#[test]
fn exactly_one_reason_is_set_when_the_target_is_down() {
    let down = Report { outcome: Outcome::Down { reason: Reason::Stalled }, ..report(1, 1) };
    let values = for_prometheus(&down);
    let reasons = named(&values, "probe_failure");
    assert_eq!(reasons.len(), Reason::ALL.len());
    let set: Vec<_> = reasons.iter().filter(|value| value.value == Some(1.0)).collect();
    assert_eq!(set.len(), 1);
    assert!(set[0].labels.contains(&("reason".to_owned(), "stalled".to_owned())));
    let failure = for_cloudwatch(&down, Detail::Essential)
        .into_iter()
        .find(|metric| metric.name == "Failure");
    assert_eq!(failure.and_then(|metric| metric.reason), Some(Reason::Stalled));
}

#[test]
fn run_error_has_no_series_about_the_target() {
    let report = Report { outcome: Outcome::RunError { fault: OwnFault::Secret }, ..report(1, 0) };
    assert_eq!(for_prometheus(&report), []);
    let names: Vec<_> =
        for_cloudwatch(&report, Detail::Full).into_iter().map(|metric| metric.name).collect();
    assert_eq!(names, ["RunErrors"]);
}

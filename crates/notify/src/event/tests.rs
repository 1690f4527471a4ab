use proptest::prelude::*;

use super::*;

fn recorded(name: &str) -> String {
    let path = format!("{}/../../tests/fixtures/events/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn alerts(body: &str) -> Vec<Alert> {
    let now = "2026-11-22T15:00:00Z".parse().unwrap();
    match read(body, "id", now, &"prod".parse().unwrap()) {
        Incoming::Alerts(alerts) => alerts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn alarm_is_the_same_alert_from_sns_and_eventbridge() {
    let sns = alerts(&recorded("cloudwatch-down.json")).remove(0);
    let rule = alerts(&recorded("eventbridge-down.json")).remove(0);
    assert_eq!(sns.source, Source::CloudWatch);
    assert_eq!(rule, Alert { source: Source::EventBridge, ..sns.clone() });
    assert_eq!(sns.subject, Subject::Down { probe: "support-bot".parse().unwrap() });
    assert_eq!((sns.state, sns.previous), (State::Alarm, Some(State::Ok)));
    assert_eq!(sns.changed.to_string(), "2026-11-22T14:05:11.418Z");
    assert_eq!(sns.looks_back_seconds, Some(180));
    assert_eq!(sns.severity, Some(Severity::Page));
    assert_eq!(sns.labels["team"], "chat");
    assert_eq!(sns.runbook.as_deref(), Some("https://wiki.example.com/support-bot"));
    assert!(sns.description.starts_with("support-bot is down: 2 of 3 runs failed"));
}

#[test]
fn alarm_on_metric_math_looks_back_by_its_metrics() {
    let mut message: Value = serde_json::from_str(&recorded("cloudwatch-down.json")).unwrap();
    let metric = |period: u64| serde_json::json!({ "Id": "a", "MetricStat": { "Period": period } });
    message["Trigger"] = serde_json::json!({
        "EvaluationPeriods": 3,
        "Metrics": [{ "Id": "e", "Expression": "a + b" }, metric(60), metric(120)],
    });
    assert_eq!(alerts(&message.to_string())[0].looks_back_seconds, Some(360));
}

#[test]
fn each_alert_of_an_alertmanager_group_is_separate() {
    let firing = alerts(&recorded("alertmanager-firing.json"));
    let [probe, instance] = &firing[..] else { panic!("{firing:?}") };
    assert_eq!(probe.subject, Subject::Down { probe: "support-bot".parse().unwrap() });
    assert_eq!(probe.changed.to_string(), "2026-11-22T14:05:10.221Z");
    assert_eq!(instance.subject, Subject::External { probe: None });
    assert_eq!(instance.severity, Some(Severity::Page), "`critical` is a page");
    assert!(!instance.labels.contains_key("alertname"));

    let resolved = alerts(&recorded("alertmanager-resolved.json")).remove(0);
    assert_eq!((&resolved.key, resolved.state), (&probe.key, State::Ok));
    assert_eq!(resolved.changed.to_string(), "2026-11-22T14:17:10.221Z");
}

#[test]
fn timer_is_read_back_as_sent() {
    let carried = alerts(&recorded("cloudwatch-down.json"));
    let environment = "prod".parse().unwrap();
    let back =
        |timer: &Timer| read(&timer.clone().message(), "id", Timestamp::UNIX_EPOCH, &environment);
    let record = AlarmRecord::new(&carried[0], Severity::Page);
    let timers = [
        Timer::Flush(carried),
        Timer::Flush(Vec::new()),
        Timer::Records(vec![record]),
        Timer::Tick("t".to_owned()),
    ];
    for timer in timers {
        assert_eq!(back(&timer), Incoming::Timer(timer));
    }
    let newer = r#"{"version":2,"tick":"2026-11-22T14:05:00Z"}"#;
    let refused = read(newer, "id", Timestamp::UNIX_EPOCH, &environment);
    assert_eq!(refused, Incoming::Refused { version: 2 });
}

proptest! {
    /// Every message becomes at least one alert.
    #[test]
    fn no_message_is_dropped(text in any::<String>(), cut in 0_usize..3_000) {
        prop_assert!(!alerts(&text).is_empty());
        let alarm = recorded("alertmanager-firing.json");
        let end = alarm.floor_char_boundary(cut.min(alarm.len() - 2));
        let broken = alerts(&alarm[..end]);
        prop_assert_eq!(&broken[0].subject, &Subject::Unreadable);
    }

    #[test]
    fn any_value_in_a_known_format_is_read(name in any::<String>(), at in any::<String>(), state in any::<String>()) {
        let alarm = serde_json::json!({ "AlarmName": name, "StateChangeTime": at, "NewStateValue": state, "AlarmArn": name });
        prop_assert!(!alerts(&alarm.to_string()).is_empty());
        let group = serde_json::json!({ "alerts": [{ "status": state, "labels": { "alertname": name, "probe": at } }] });
        prop_assert!(!alerts(&group.to_string()).is_empty());
    }
}

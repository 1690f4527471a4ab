//! Mails are sent although parts of AWS are unavailable.

use aws_sdk_cloudwatch::types::StateValue;
use domain::Reason;

use crate::fake_aws::{FakeAws, Part, alarm, at, event};
use crate::samples::down;

#[tokio::test]
async fn mail_is_sent_without_missing_evidence() {
    // Without table and queue the event must stay in the queue of alarms.
    let cases: &[(&str, &[Part], usize)] = &[
        ("the bucket", &[Part::Bucket], 0),
        ("the metrics", &[Part::Metrics], 0),
        ("the table", &[Part::Table], 0),
        ("the queue", &[Part::Queue], 0),
        ("all but the topic", &[Part::Bucket, Part::Metrics, Part::Table, Part::Queue], 1),
    ];
    for (name, parts, redelivered) in cases {
        let mut aws = FakeAws::new();
        aws.state().reports = vec![down(Reason::AppError)];
        parts.iter().for_each(|part| aws.breaks(*part));
        let failed = aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
        aws.flush(at("14:05:42")).await;
        assert_eq!(failed, *redelivered, "{name}");
        let [mail] = &aws.published()[..] else { panic!("{name}: {:?}", aws.subjects()) };
        assert!(mail.subject.starts_with("DOWN support-bot (prod)"), "{name}: {}", mail.subject);
    }
}

#[tokio::test]
async fn failed_publish_is_retried() {
    let mut aws = FakeAws::new();
    aws.breaks(Part::Topics);
    assert_eq!(aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await, 0);
    let flush = aws.state().sent.clone();
    assert_eq!(aws.flush(at("14:05:42")).await, 1, "the flush is redelivered");
    let sent = [("NotificationsUnpublished".to_owned(), 1.0)];
    assert_eq!(aws.state().counts, sent, "an alarm uses the metric");
    assert_eq!(
        aws.tick(at("14:08:00")).await,
        0,
        "a tick is not retried: the next one is due soon"
    );
    aws.repair(Part::Topics);
    let again = flush.into_iter().map(|(body, _)| body).collect();
    assert_eq!(aws.bodies(again, at("14:11:42")).await, 0);
    assert_eq!(aws.subjects().len(), 1);
}

#[tokio::test]
async fn redelivered_event_is_sent_after_a_crash() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    // The invocation crashed before it scheduled the flush.
    aws.state().sent.clear();
    aws.message(&event("cloudwatch-down.json"), at("14:11:12")).await;
    aws.flush(at("14:11:42")).await;
    assert_eq!(aws.subjects().len(), 1);
}

#[tokio::test]
async fn tick_replaces_a_lost_flush() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.state().sent.clear();
    aws.tick(at("14:06:00")).await;
    assert_eq!(aws.subjects().len(), 0, "its flush may still arrive");
    aws.tick(at("14:07:00")).await;
    assert_eq!(aws.subjects().len(), 1);
}

#[tokio::test]
async fn concurrent_invocations_send_once() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    // Another invocation is sending and has not stored what it sent.
    aws.claimed("sending", at("14:06:40"));
    assert_eq!(aws.flush(at("14:05:42")).await, 0);
    assert_eq!(aws.subjects().len(), 0, "the other invocation sends");
    assert_eq!(aws.state().sent.len(), 1, "this one tries again after another window");
    aws.flush(at("14:07:12")).await;
    assert_eq!(aws.subjects().len(), 1, "the claim of the other invocation expired");
    aws.flush(at("14:07:42")).await;
    assert_eq!(aws.subjects().len(), 1);
}

#[tokio::test]
async fn flush_without_a_table_sends_its_alerts() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.breaks(Part::Table);
    aws.flush(at("14:05:42")).await;
    assert_eq!(aws.subjects(), ["DOWN support-bot (prod): conversations fail"]);
    aws.repair(Part::Table);
    aws.tick(at("14:08:00")).await;
    assert_eq!(aws.subjects().len(), 1, "what was sent is still known");
}

#[tokio::test]
async fn lost_records_repeat_mails_and_lose_none() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.state().items.clear();
    aws.message(&event("cloudwatch-down.json"), at("14:10:12")).await;
    aws.flush(at("14:10:42")).await;
    aws.state().items.clear();
    aws.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    let states: Vec<String> =
        aws.published().iter().map(|mail| mail.attributes["state"].clone()).collect();
    assert_eq!(states, ["ALARM", "ALARM", "OK"]);
}

#[tokio::test]
async fn mails_are_limited_without_a_table() {
    let mut aws = FakeAws::new();
    aws.breaks(Part::Table);
    let messages: Vec<String> = (0..1_000)
        .map(|number| alarm("cloudwatch-down.json", &format!("bot-{number}"), at("14:05:11")))
        .collect();
    for batch in messages.chunks(10) {
        assert_eq!(aws.messages(batch, at("14:05:12")).await, 0);
    }
    assert_eq!(aws.subjects().len(), 1, "the first events");
    let unavailable = |count: &&(String, f64)| count.0 == "NotificationStoreUnavailable";
    assert!(aws.state().counts.iter().find(unavailable).is_some(), "an alarm uses the metric");
    aws.tick(at("14:07:00")).await;
    assert_eq!(aws.subjects().len(), 2, "the rest makes one mail");
    aws.tick(at("14:09:00")).await;
    assert_eq!(aws.subjects().len(), 2, "the environment remembers what it sent");
}

#[tokio::test]
async fn rejected_timer_does_not_affect_other_messages() {
    let mut aws = FakeAws::with(&[("GROUP_WINDOW_SECONDS", "0")]);
    aws.alarm_is("vigie-prod-support-bot-down", StateValue::Alarm, at("14:05:11"));
    let bodies = vec![
        "{\"version\":99,\"tick\":\"x\"}".to_owned(),
        crate::fake_aws::envelope(&event("cloudwatch-down.json"), 1, at("14:05:12")),
    ];
    assert_eq!(aws.bodies(bodies, at("14:05:12")).await, 1, "only the timer that is not known");
    assert_eq!(aws.subjects().len(), 1);
}

#[tokio::test]
async fn deleted_alarm_is_closed_with_a_mail() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.state().alarms.clear();
    for minute in 10..20 {
        aws.tick(at(&format!("15:{minute}:00"))).await;
    }
    let subjects = aws.subjects();
    assert_eq!(
        subjects[1..],
        ["CLOSED support-bot (prod): the alarm was deleted or renamed, lasted 1 h 08 min"]
    );
}

#[tokio::test]
async fn lost_ok_is_found_by_a_query() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.alarm_is("vigie-prod-support-bot-down", StateValue::Ok, at("15:00:00"));
    for minute in 0..10 {
        aws.tick(at(&format!("18:{minute:02}:00"))).await;
    }
    let subjects = aws.subjects();
    assert_eq!(subjects[1..], ["OK support-bot (prod): answers correctly again, down for 54 min"]);
}

#[tokio::test]
async fn eighty_alarms_are_repeated_and_resolved() {
    let mut aws = FakeAws::new();
    let all = |event: &str, changed| -> Vec<String> {
        (10..90).map(|number| alarm(event, &format!("bot-{number}"), changed)).collect()
    };
    for batch in all("cloudwatch-down.json", at("14:05:11")).chunks(10) {
        aws.messages(batch, at("14:05:12")).await;
    }
    aws.flush(at("14:05:42")).await;
    aws.tick(at("18:06:00")).await;
    for batch in all("cloudwatch-ok.json", at("19:00:11")).chunks(10) {
        aws.messages(batch, at("19:00:12")).await;
    }
    aws.flush(at("19:00:42")).await;
    let list = |state| format!("80 {state} (prod): bot-10, bot-11, bot-12, bot-13, +76");
    assert_eq!(aws.subjects(), [list("DOWN"), list("DOWN"), list("OK")]);
}

#[tokio::test]
async fn muted_alarm_is_not_repeated() {
    let mut aws = FakeAws::with(&[("ESCALATE_AFTER_SECONDS", "3600")]);
    let messages =
        ["muted-bot", "other-bot"].map(|bot| alarm("cloudwatch-down.json", bot, at("14:05:11")));
    aws.messages(&messages, at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.state().muted.insert("vigie-prod-muted-bot-down".to_owned());
    for hour in 15..=18 {
        for minute in 0..60 {
            aws.tick(at(&format!("{hour}:{minute:02}:00"))).await;
        }
    }
    let sent = [
        "2 DOWN (prod): muted-bot, other-bot",
        "ESCALATED: DOWN other-bot (prod): conversations fail",
        "STILL DOWN other-bot (prod): conversations fail",
    ];
    assert_eq!(aws.subjects(), sent);
    aws.state().muted.clear();
    aws.tick(at("19:00:00")).await;
    assert_eq!(
        aws.subjects()[3..],
        [
            "ESCALATED: DOWN muted-bot (prod): conversations fail",
            "STILL DOWN muted-bot (prod): conversations fail"
        ]
    );
}

#[tokio::test]
async fn alarm_is_repeated_when_mutes_are_unknown() {
    let mut aws = FakeAws::new();
    aws.breaks(Part::Mutes);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.tick(at("18:06:00")).await;
    assert_eq!(aws.subjects()[1..], ["STILL DOWN support-bot (prod): conversations fail"]);
}

#[tokio::test]
async fn one_request_shows_that_nothing_is_muted() {
    let mut aws = FakeAws::new();
    let messages: Vec<String> = (0..10)
        .map(|number| alarm("cloudwatch-down.json", &format!("bot-{number}"), at("14:05:11")))
        .collect();
    aws.messages(&messages, at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    for minute in 0..30 {
        aws.tick(at(&format!("18:{minute:02}:00"))).await;
    }
    assert_eq!(aws.subjects().len(), 2);
    assert_eq!(aws.state().listed_mutes, 0);
}

#[tokio::test]
async fn lost_alarm_event_is_found_by_a_query() {
    let mut aws = FakeAws::new();
    aws.alarm_is("vigie-prod-support-bot-down", StateValue::Alarm, at("14:05:11"));
    for minute in 6..10 {
        aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    assert_eq!(aws.subjects(), ["DOWN support-bot (prod): conversations fail"]);
}

#[tokio::test]
async fn reminder_waits_for_a_query_that_confirms_it() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.breaks(Part::Alarms);
    aws.tick(at("18:06:00")).await;
    assert_eq!(aws.subjects().len(), 1, "the state is not known");
    aws.repair(Part::Alarms);
    aws.tick(at("18:07:00")).await;
    assert_eq!(aws.subjects()[1..], ["STILL DOWN support-bot (prod): conversations fail"]);
}

#[tokio::test]
async fn failing_escalation_does_not_repeat_reminders() {
    let mut aws = FakeAws::with(&[("ESCALATE_AFTER_SECONDS", "14400")]);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.state().broken_topics.insert("escalation".to_owned());
    for minute in 5..59 {
        aws.tick(at(&format!("18:{minute:02}:00"))).await;
    }
    assert_eq!(aws.subjects().len(), 2, "{:?}", aws.subjects());
}

#[tokio::test]
async fn missing_data_is_repeated_and_listed() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-no-data.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.message(&alarm("cloudwatch-down.json", "other-bot", at("15:00:00")), at("15:00:01")).await;
    aws.flush(at("15:00:31")).await;
    let mail = aws.published().pop().unwrap();
    assert!(mail.body.contains("NO DATA support-bot, since "), "{}", mail.body);
    aws.tick(at("18:07:00")).await;
    assert_eq!(aws.subjects()[2..], ["STILL NO DATA support-bot (prod): no results"]);
}

#[tokio::test]
async fn silenced_alertmanager_alert_is_closed() {
    let mut aws = FakeAws::with(&[("ALERTMANAGER_REPEAT_SECONDS", "14400")]);
    aws.message(&event("alertmanager-firing.json"), at("14:05:41")).await;
    aws.flush(at("14:06:11")).await;
    let before = aws.subjects().len();
    for hour in 15..23 {
        for minute in 0..60 {
            aws.tick(at(&format!("{hour}:{minute:02}:00"))).await;
        }
    }
    let subjects = aws.subjects();
    assert_eq!(subjects[before..], ["2 OK (prod): support-bot, InstanceDown"]);
}

#[tokio::test]
async fn alarms_are_read_page_by_page() {
    let mut aws = FakeAws::new();
    // A page has at most 100 alarms, and no event reports these.
    for number in 0..250 {
        let name = format!("vigie-prod-bot-{number:03}-down");
        aws.alarm_is(&name, StateValue::Alarm, at("14:05:11"));
    }
    aws.tick(at("14:09:00")).await;
    assert_eq!(aws.subjects(), ["250 DOWN (prod): bot-000, bot-001, bot-002, bot-003, +246"]);
}

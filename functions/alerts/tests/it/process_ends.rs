//! The process ends at any moment: no notification and no resolution is lost, and none is repeated without end.

use aws_sdk_cloudwatch::types::StateValue;

use crate::fake_aws::{FakeAws, Part, at, event};

const DOWN: &str = "DOWN support-bot (prod): conversations fail";
const ALARM: &str = "vigie-prod-support-bot-down";

async fn down(aws: &mut FakeAws) {
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    assert_eq!(aws.subjects(), [DOWN]);
}

#[tokio::test]
async fn end_after_a_crash_at_publish_is_sent() {
    let mut aws = FakeAws::new();
    down(&mut aws).await;
    aws.end_process_at_publish();
    aws.alarm_is(ALARM, StateValue::Ok, at("14:06:30"));
    for minute in 7..20 {
        aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    let subjects = aws.subjects();
    assert_eq!(subjects[1..], ["OK support-bot (prod): answers correctly again, down for 1 min"]);
}

#[tokio::test]
async fn crash_at_publish_repeats_a_mail_once() {
    let mut aws = FakeAws::new();
    down(&mut aws).await;
    aws.end_process_at_publish();
    for hour in 14..18 {
        for minute in (7..60).step_by(3) {
            aws.tick(at(&format!("{hour}:{minute:02}:00"))).await;
        }
    }
    assert_eq!(aws.subjects(), [DOWN, DOWN]);
}

#[tokio::test]
async fn crash_at_each_publish_repeats_a_mail_at_growing_intervals() {
    let mut aws = FakeAws::new();
    down(&mut aws).await;
    aws.end_process_at_publish();
    for hour in 14..18 {
        for minute in (7..60).step_by(3) {
            let count = aws.subjects().len();
            aws.tick(at(&format!("{hour}:{minute:02}:00"))).await;
            if count < aws.subjects().len() {
                aws.end_process_at_publish();
            }
        }
    }
    let count = aws.subjects().len();
    assert!((5..=10).contains(&count), "{count}");
}

#[tokio::test]
async fn alert_of_a_sender_that_cannot_be_asked_survives_in_the_queue() {
    let mut aws = FakeAws::new();
    aws.breaks(Part::Table);
    let failed = aws.message(&event("alertmanager-firing.json"), at("14:05:41")).await;
    assert_eq!((failed, aws.subjects().len()), (0, 1));
    aws.end_process();
    aws.repair(Part::Table);
    assert_eq!(aws.flush(at("14:06:41")).await, 0);
    aws.message(&event("alertmanager-resolved.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    assert_eq!(aws.subjects().len(), 2, "{:?}", aws.subjects());
    assert!(aws.subjects()[1].starts_with("OK support-bot"), "{:?}", aws.subjects());
}

#[tokio::test]
async fn mail_without_a_table_has_an_end_after_a_crash() {
    let mut aws = FakeAws::new();
    aws.breaks(Part::Table);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.end_process();
    aws.alarm_is(ALARM, StateValue::Ok, at("14:08:00"));
    assert_eq!(aws.flush(at("14:09:00")).await, 0, "the record is queued again");
    assert_eq!(aws.state().sent.len(), 1);
    aws.tick(at("14:09:00")).await;
    let ok = "OK support-bot (prod): answers correctly again, down for 2 min";
    assert_eq!(aws.subjects(), [DOWN, ok]);
    aws.repair(Part::Table);
    aws.flush(at("14:10:00")).await;
    aws.tick(at("14:12:00")).await;
    assert_eq!(aws.subjects(), [DOWN, ok]);
}

#[tokio::test]
async fn event_is_redelivered_when_table_and_queue_fail() {
    let mut aws = FakeAws::new();
    aws.breaks(Part::Table);
    aws.breaks(Part::Queue);
    assert_eq!(aws.message(&event("alertmanager-firing.json"), at("14:05:41")).await, 1);
    assert_eq!(aws.subjects().len(), 1, "the mail is sent nevertheless");
}

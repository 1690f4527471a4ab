//! The process ends at any moment: no notification and no resolution is lost, and none is repeated without end.

use aws_sdk_cloudwatch::types::StateValue;

use crate::world::{Part, World, at, event};

const DOWN: &str = "DOWN support-bot (prod): conversations fail";
const ALARM: &str = "vigie-prod-support-bot-down";

async fn down(world: &mut World) {
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    assert_eq!(world.subjects(), [DOWN]);
}

#[tokio::test]
async fn end_after_a_crash_at_publish_is_sent() {
    let mut world = World::new();
    down(&mut world).await;
    world.end_process_at_publish();
    world.alarm_is(ALARM, StateValue::Ok, at("14:06:30"));
    for minute in 7..20 {
        world.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    let subjects = world.subjects();
    assert_eq!(subjects[1..], ["OK support-bot (prod): answers correctly again, down for 1 min"]);
}

#[tokio::test]
async fn crash_at_publish_repeats_a_mail_once() {
    let mut world = World::new();
    down(&mut world).await;
    world.end_process_at_publish();
    for hour in 14..18 {
        for minute in (7..60).step_by(3) {
            world.tick(at(&format!("{hour}:{minute:02}:00"))).await;
        }
    }
    assert_eq!(world.subjects(), [DOWN, DOWN]);
}

#[tokio::test]
async fn crash_at_each_publish_repeats_a_mail_at_growing_intervals() {
    let mut world = World::new();
    down(&mut world).await;
    world.end_process_at_publish();
    for hour in 14..18 {
        for minute in (7..60).step_by(3) {
            let count = world.subjects().len();
            world.tick(at(&format!("{hour}:{minute:02}:00"))).await;
            if count < world.subjects().len() {
                world.end_process_at_publish();
            }
        }
    }
    let count = world.subjects().len();
    assert!((5..=10).contains(&count), "{count}");
}

#[tokio::test]
async fn alert_of_a_sender_that_cannot_be_asked_survives_in_the_queue() {
    let mut world = World::new();
    world.breaks(Part::Table);
    let failed = world.message(&event("alertmanager-firing.json"), at("14:05:41")).await;
    assert_eq!((failed, world.subjects().len()), (0, 1));
    world.end_process();
    world.repair(Part::Table);
    assert_eq!(world.flush(at("14:06:41")).await, 0);
    world.message(&event("alertmanager-resolved.json"), at("14:17:12")).await;
    world.flush(at("14:17:42")).await;
    assert_eq!(world.subjects().len(), 2, "{:?}", world.subjects());
    assert!(world.subjects()[1].starts_with("OK support-bot"), "{:?}", world.subjects());
}

#[tokio::test]
async fn mail_without_a_table_has_an_end_after_a_crash() {
    let mut world = World::new();
    world.breaks(Part::Table);
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.end_process();
    world.alarm_is(ALARM, StateValue::Ok, at("14:08:00"));
    assert_eq!(world.flush(at("14:09:00")).await, 0, "the record is queued again");
    assert_eq!(world.state().sent.len(), 1);
    world.tick(at("14:09:00")).await;
    let ok = "OK support-bot (prod): answers correctly again, down for 2 min";
    assert_eq!(world.subjects(), [DOWN, ok]);
    world.repair(Part::Table);
    world.flush(at("14:10:00")).await;
    world.tick(at("14:12:00")).await;
    assert_eq!(world.subjects(), [DOWN, ok]);
}

#[tokio::test]
async fn event_is_redelivered_when_table_and_queue_fail() {
    let mut world = World::new();
    world.breaks(Part::Table);
    world.breaks(Part::Queue);
    assert_eq!(world.message(&event("alertmanager-firing.json"), at("14:05:41")).await, 1);
    assert_eq!(world.subjects().len(), 1, "the mail is sent nevertheless");
}

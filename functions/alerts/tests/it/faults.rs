//! The path must not go quiet: whatever fails costs its part of the mail, never the mail.

use domain::Reason;

use crate::samples::down;
use crate::world::{Part, World, alarm, at, event};

#[tokio::test]
async fn a_mail_goes_out_without_what_could_not_be_had() {
    let cases: &[(&str, &[Part])] = &[
        ("the bucket", &[Part::Bucket]),
        ("the figures", &[Part::Metrics]),
        ("the table", &[Part::Table]),
        ("the queue", &[Part::Queue]),
        ("all but the topic", &[Part::Bucket, Part::Metrics, Part::Table, Part::Queue]),
    ];
    for (name, parts) in cases {
        let mut world = World::new();
        world.state().report = Some(down(Reason::AppError));
        parts.iter().for_each(|part| world.breaks(*part));
        let failed = world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
        world.flush(at("14:05:42")).await;
        assert_eq!(failed, 0, "{name}");
        let [mail] = &world.published()[..] else { panic!("{name}: {:?}", world.subjects()) };
        assert!(mail.subject.starts_with("DOWN support-bot (prod)"), "{name}: {}", mail.subject);
    }
}

#[tokio::test]
async fn a_publish_that_fails_is_tried_again_until_it_works() {
    let mut world = World::new();
    world.breaks(Part::Topics);
    assert_eq!(world.message(&event("cloudwatch-down.json"), at("14:05:12")).await, 0);
    let flush = world.state().sent.clone();
    assert_eq!(world.flush(at("14:05:42")).await, 1, "the flush comes again");
    let told = [("NotificationsUnpublished".to_owned(), 1.0)];
    assert_eq!(world.state().figures, told, "an alarm of the watch looks at it");
    assert_eq!(
        world.tick(at("14:08:00")).await,
        0,
        "minutes don't pile up: the next one is due soon"
    );
    world.mends(Part::Topics);
    let again = flush.into_iter().map(|(body, _)| body).collect();
    assert_eq!(world.bodies(again, at("14:11:42")).await, 0);
    assert_eq!(world.subjects().len(), 1);
}

#[tokio::test]
async fn a_change_whose_first_delivery_died_is_told_by_its_second() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    // The flush is lost with the invocation that was to send it.
    world.state().sent.clear();
    world.message(&event("cloudwatch-down.json"), at("14:11:12")).await;
    world.flush(at("14:11:42")).await;
    assert_eq!(world.subjects().len(), 1);
}

#[tokio::test]
async fn what_a_flush_left_behind_is_told_by_the_next_minutes() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.state().sent.clear();
    world.tick(at("14:06:00")).await;
    assert_eq!(world.subjects().len(), 0, "its flush may still come");
    world.tick(at("14:07:00")).await;
    assert_eq!(world.subjects().len(), 1);
}

#[tokio::test]
async fn two_who_would_tell_at_once_tell_once() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    // Another invocation is telling just now, and has not stored yet what it told.
    world.claimed("telling", at("14:06:40"));
    assert_eq!(world.flush(at("14:05:42")).await, 0);
    assert_eq!(world.subjects().len(), 0, "the other one tells");
    assert_eq!(world.state().sent.len(), 1, "and this one looks again after another window");
    world.flush(at("14:07:12")).await;
    assert_eq!(world.subjects().len(), 1, "the other one died; its claim has run out");
    world.flush(at("14:07:42")).await;
    assert_eq!(world.subjects().len(), 1);
}

#[tokio::test]
async fn a_flush_without_a_table_tells_what_it_carries() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.breaks(Part::Table);
    world.flush(at("14:05:42")).await;
    assert_eq!(world.subjects(), ["DOWN support-bot (prod): conversations fail"]);
    world.mends(Part::Table);
    world.tick(at("14:08:00")).await;
    assert_eq!(world.subjects().len(), 2, "twice is better than never");
}

#[tokio::test]
async fn a_lost_memory_repeats_a_mail_and_never_loses_one() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    world.state().items.clear();
    world.message(&event("cloudwatch-down.json"), at("14:10:12")).await;
    world.flush(at("14:10:42")).await;
    world.state().items.clear();
    world.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
    world.flush(at("14:17:42")).await;
    let states: Vec<String> =
        world.published().iter().map(|mail| mail.attributes["state"].clone()).collect();
    assert_eq!(states, ["ALARM", "ALARM", "OK"]);
}

#[tokio::test]
async fn a_thousand_alarms_without_a_table_still_make_a_mail_for_each_batch_at_most() {
    let mut world = World::new();
    world.breaks(Part::Table);
    let messages: Vec<String> = (0..1_000)
        .map(|number| alarm("cloudwatch-down.json", &format!("bot-{number}"), at("14:05:11")))
        .collect();
    for batch in messages.chunks(10) {
        world.messages(batch, at("14:05:12")).await;
    }
    assert_eq!(world.subjects().len(), 100);
}

#[tokio::test]
async fn one_record_that_fails_does_not_take_the_others_with_it() {
    let mut world = World::with(&[("GROUP_WINDOW_SECONDS", "0")]);
    let bodies = vec![
        "{\"version\":99,\"tick\":\"x\"}".to_owned(),
        crate::world::envelope(&event("cloudwatch-down.json"), 1, at("14:05:12")),
    ];
    assert_eq!(world.bodies(bodies, at("14:05:12")).await, 1, "only the timer that is not known");
    assert_eq!(world.subjects().len(), 1);
}

#[tokio::test]
async fn nobody_is_reminded_of_an_alarm_that_is_gone() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    world.state().alarms.insert("vigie-prod-support-bot-down".to_owned(), None);
    for hour in 15..24 {
        world.tick(at(&format!("{hour}:10:00"))).await;
    }
    assert_eq!(world.subjects().len(), 1, "{:?}", world.subjects());
}

#[tokio::test]
async fn an_ok_that_got_lost_is_found_before_anybody_is_reminded() {
    let mut world = World::new();
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    let ok = Some(aws_sdk_cloudwatch::types::StateValue::Ok);
    world.state().alarms.insert("vigie-prod-support-bot-down".to_owned(), ok);
    for minute in 0..10 {
        world.tick(at(&format!("18:{minute:02}:00"))).await;
    }
    let subjects = world.subjects();
    assert_eq!(subjects[1..], ["OK support-bot (prod): answers correctly again, down for 54 min"]);
}

#[tokio::test]
async fn eighty_bots_that_are_down_are_all_reminded_of_and_all_recover() {
    let mut world = World::new();
    let all = |event: &str, changed| -> Vec<String> {
        (10..90).map(|number| alarm(event, &format!("bot-{number}"), changed)).collect()
    };
    for batch in all("cloudwatch-down.json", at("14:05:11")).chunks(10) {
        world.messages(batch, at("14:05:12")).await;
    }
    world.flush(at("14:05:42")).await;
    world.tick(at("18:06:00")).await;
    for batch in all("cloudwatch-ok.json", at("19:00:11")).chunks(10) {
        world.messages(batch, at("19:00:12")).await;
    }
    world.flush(at("19:00:42")).await;
    let list = |state| format!("80 {state} (prod): bot-10, bot-11, bot-12, bot-13, +76");
    assert_eq!(world.subjects(), [list("DOWN"), list("DOWN"), list("OK")]);
}

#[tokio::test]
async fn nobody_is_reminded_of_what_is_muted_until_the_mute_is_over() {
    let mut world = World::with(&[("ESCALATE_AFTER_SECONDS", "3600")]);
    let messages =
        ["muted-bot", "other-bot"].map(|bot| alarm("cloudwatch-down.json", bot, at("14:05:11")));
    world.messages(&messages, at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    assert_eq!(world.state().asked_for_mutes, 0, "what changes is told by CloudWatch itself");
    world.state().muted.insert("vigie-prod-muted-bot-down".to_owned());
    for hour in 15..=18 {
        for minute in 0..60 {
            world.tick(at(&format!("{hour}:{minute:02}:00"))).await;
        }
    }
    let told = [
        "2 DOWN (prod): muted-bot, other-bot",
        "ESCALATED: DOWN other-bot (prod): conversations fail",
        "STILL DOWN other-bot (prod): conversations fail",
    ];
    assert_eq!(world.subjects(), told);
    world.state().muted.clear();
    world.tick(at("19:00:00")).await;
    assert_eq!(
        world.subjects()[3..],
        [
            "ESCALATED: DOWN muted-bot (prod): conversations fail",
            "STILL DOWN muted-bot (prod): conversations fail"
        ]
    );
}

#[tokio::test]
async fn where_mutes_can_not_be_asked_for_people_are_reminded() {
    let mut world = World::new();
    world.breaks(Part::Mutes);
    world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    world.tick(at("18:06:00")).await;
    assert_eq!(world.subjects()[1..], ["STILL DOWN support-bot (prod): conversations fail"]);
}

#[tokio::test]
async fn that_nothing_is_muted_is_one_question_for_all_alarms() {
    let mut world = World::new();
    let messages: Vec<String> = (0..10)
        .map(|number| alarm("cloudwatch-down.json", &format!("bot-{number}"), at("14:05:11")))
        .collect();
    world.messages(&messages, at("14:05:12")).await;
    world.flush(at("14:05:42")).await;
    for minute in 0..30 {
        world.tick(at(&format!("18:{minute:02}:00"))).await;
    }
    assert_eq!(world.subjects().len(), 2);
    assert_eq!(world.state().asked_for_mutes, 1);
}

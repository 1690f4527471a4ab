//! The payloads of each type, and what the vendors accept.

use std::time::Duration;

use notify::notification::Notification;
use notify::{Language, NotificationKind, State};
use receivers::config::{Audience, Kind, Receiver, TopicFormat};
use receivers::event::Event;
use receivers::{Payload, Sender, deliveries, samples};
use serde_json::Value;
use testkit::vendors::{Vendor, VendorServer};
use tokio::time::Instant;

use crate::support::{alert, at, hostile, item, notification, outage, policy, prod, receiver};

fn body(vendor: Vendor, notification: &Notification) -> Value {
    let receiver = receiver(vendor, "https://a.example/x");
    let all = deliveries(&receiver, notification, Language::English).unwrap();
    let Payload::Http(requests) = &all[0].payload else { panic!("{all:?}") };
    // A fork has another address of the runbook.
    let body =
        requests[0].body().replace(env!("CARGO_PKG_REPOSITORY"), "https://git.example.com/vigie");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn payloads_of_an_outage() {
    insta::assert_json_snapshot!("pagerduty", body(Vendor::PagerDuty, &outage()));
    insta::assert_json_snapshot!("slack", body(Vendor::Slack, &outage()));
    insta::assert_json_snapshot!("teams", body(Vendor::Teams, &outage()));
    insta::assert_json_snapshot!("webhook", body(Vendor::Webhook, &outage()));
}

/// What a notification is sent as: accepted requests of the vendor, in their order.
async fn accepted(vendor: Vendor, notification: &Notification, language: Language) -> usize {
    let server = VendorServer::start(vendor, |_| None).await;
    let receiver = receiver(vendor, &server.url);
    let sender = Sender::new(policy(1));
    for delivery in deliveries(&receiver, notification, language).unwrap() {
        if let Payload::Http(requests) = &delivery.payload {
            let deadline = Instant::now() + Duration::from_secs(20);
            let sent = sender.send(&receiver, requests, deadline).await;
            assert!(sent.is_ok(), "{vendor:?}: {sent:?}");
        }
    }
    assert_eq!(server.refused(), [], "{vendor:?}");
    server.accepted().len()
}

#[tokio::test(start_paused = true)]
async fn vendors_accept_hostile_and_long_text() {
    for vendor in Vendor::ALL {
        for state in [State::Alarm, State::Ok] {
            assert_eq!(accepted(vendor, &hostile(state), Language::French).await, 1, "{vendor:?}");
        }
    }
}

/// The next notification about an alarm that keeps flapping says that it settled.
#[test]
fn incident_of_a_flapping_alarm_stays_open() {
    use NotificationKind::{Acknowledged, Changed, Escalation, Flapping, Settled};
    let flapping = Flapping { changes: 7 };
    let changed = at("14:05:11");
    for (kind, state, action) in [
        (Changed, State::Alarm, "trigger"),
        (Changed, State::InsufficientData, "trigger"),
        (Changed, State::Ok, "resolve"),
        (flapping, State::Alarm, "trigger"),
        (flapping, State::Ok, "trigger"),
        (Escalation, State::Ok, "trigger"),
        (Acknowledged, State::Alarm, "acknowledge"),
        (Acknowledged, State::Ok, "acknowledge"),
        (Settled, State::Alarm, "trigger"),
        (Settled, State::Ok, "resolve"),
    ] {
        let one = item(alert("support-bot", state, changed), at("14:00:11"));
        let one = notification(vec![notify::notification::Item { kind, ..one }], at("14:06:00"));
        let payload = body(Vendor::PagerDuty, &one);
        assert_eq!(payload["event_action"], action, "{kind:?} {state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn vendors_accept_every_kind_of_notification() {
    let changed = at("14:05:11");
    for vendor in Vendor::ALL {
        for kind in [
            NotificationKind::Changed,
            NotificationKind::Flapping { changes: 7 },
            NotificationKind::Settled,
            NotificationKind::Escalation,
        ] {
            for state in [State::Alarm, State::InsufficientData, State::Ok] {
                let mut one = item(alert("support-bot", state, changed), at("14:00:11"));
                one.kind = kind;
                let notification = notification(vec![one], at("14:06:00"));
                assert_eq!(accepted(vendor, &notification, Language::English).await, 1);
            }
        }
        let one = outage();
        assert_eq!(accepted(vendor, &one, Language::French).await, 1, "{vendor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn chats_get_one_message_for_many_alarms() {
    let changed = at("14:05:11");
    let items = (0..300).map(|n| item(alert(&format!("bot-{n}"), State::Alarm, changed), changed));
    let many = notification(items.collect(), at("14:06:00"));
    for vendor in [Vendor::Slack, Vendor::Teams] {
        assert_eq!(accepted(vendor, &many, Language::English).await, 1, "{vendor:?}");
    }
    assert_eq!(accepted(Vendor::PagerDuty, &many, Language::English).await, 300);
}

#[tokio::test(start_paused = true)]
async fn test_notification_opens_and_resolves() {
    let test = samples::test(&prod(), "eu-west-1", "b7d1", at("14:05:11"));
    let server = VendorServer::start(Vendor::PagerDuty, |_| None).await;
    let receiver = receiver(Vendor::PagerDuty, &server.url);
    let all = deliveries(&receiver, &test, Language::English).unwrap();
    let Payload::Http(requests) = &all[0].payload else { panic!("{all:?}") };
    let deadline = Instant::now() + Duration::from_secs(20);
    Sender::new(policy(1)).send(&receiver, requests, deadline).await.unwrap();
    let incidents: Vec<_> = server.incidents().into_values().collect();
    assert_eq!((incidents[0].opened, incidents[0].is_open), (1, false));
    let summary = server.accepted()[0].json()["payload"]["summary"].as_str().unwrap().to_owned();
    assert!(summary.starts_with("[TEST] "), "{summary}");
}

#[test]
fn reminder_is_not_sent_unless_requested() {
    let changed = at("10:05:11");
    let mut reminder = item(alert("a", State::Alarm, changed), changed);
    reminder.kind = NotificationKind::Reminder;
    let fresh = item(alert("b", State::Alarm, changed), changed);
    let both = notification(vec![reminder, fresh], at("14:05:11"));
    let mut chat = receiver(Vendor::Slack, "https://a.example/x");
    let sent = |chat: &receivers::Resolved| {
        let all = deliveries(chat, &both, Language::English).unwrap();
        all.into_iter()
            .map(|one| (one.items, matches!(one.payload, Payload::Nothing)))
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&chat), [(vec![0], true), (vec![1], false)]);
    chat.reminders = true;
    assert_eq!(sent(&chat), [(vec![0, 1], false)]);
}

#[test]
fn events_match_the_published_schema() {
    let schema = serde_json::from_str(receivers::EVENT_SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let notifications = [outage(), hostile(State::Alarm), hostile(State::Ok)];
    for notification in notifications {
        let event = Event::new(&notification, &notification.items[0], Language::English);
        let event = serde_json::to_value(&event).unwrap();
        let mistakes: Vec<String> = schema.iter_errors(&event).map(|one| one.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new());
    }
}

fn topic(format: TopicFormat) -> receivers::Resolved {
    let topic = "arn:aws:sns:eu-west-1:123456789012:chat".to_owned();
    let receiver = Receiver {
        name: "topic".to_owned(),
        kind: Kind::Sns { topic: domain::probe::PerEnvironment::Same(topic), format },
        audiences: [Audience::Page].into(),
        reminders: false,
        environments: None,
    };
    receiver.resolve(&prod(), &[].into()).unwrap()
}

fn message(format: TopicFormat, notification: &Notification) -> receivers::TopicMessage {
    let all = deliveries(&topic(format), notification, Language::English).unwrap();
    let Payload::Topic(message) = &all[0].payload else { panic!("{all:?}") };
    message.clone()
}

#[test]
fn topic_messages_have_the_form_that_subscribers_expect() {
    let text = message(TopicFormat::Text, &outage());
    assert!(text.message.starts_with("support-bot (prod, eu-west-1) has been"), "{}", text.message);

    let json = message(TopicFormat::Json, &outage());
    assert!(json.by_protocol);
    let forms: Value = serde_json::from_str(&json.message).unwrap();
    assert_eq!(forms["email"], text.message.as_str());
    let event: Value = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
    assert_eq!(event["version"], 1);

    let alarm: Value =
        serde_json::from_str(&message(TopicFormat::CloudWatch, &outage()).message).unwrap();
    let read = notify::event::read(&alarm.to_string(), "id", at("14:06:00"), &prod());
    assert!(
        matches!(read, notify::event::Incoming::Alerts(list) if list[0].name == "vigie-prod-support-bot-down")
    );

    insta::assert_json_snapshot!(
        "amazon_q",
        serde_json::from_str::<Value>(&message(TopicFormat::AmazonQ, &outage()).message).unwrap()
    );
    for format in
        [TopicFormat::Text, TopicFormat::Json, TopicFormat::CloudWatch, TopicFormat::AmazonQ]
    {
        for state in [State::Alarm, State::Ok] {
            let message = message(format, &hostile(state));
            let sizes = (message.message.len(), message.subject.len());
            assert!(sizes.0 < 256 * 1_024 && sizes.1 < 100, "{format:?} {state:?}: {sizes:?}");
        }
    }
}

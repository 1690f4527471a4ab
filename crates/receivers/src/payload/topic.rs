//! Messages for an SNS topic.

use notify::Language;
use notify::mail::{Mail, write};
use notify::notification::Notification;
use serde_json::{Value, json};

use super::{Delivery, Payload, TopicMessage, amazon_q, cloudwatch};
use crate::config::TopicFormat;
use crate::event::Event;
use crate::text::cut;

/// A mail about 50 alarms has about 10,000 characters.
const LONGEST_MAIL: usize = 30_000;
/// SNS accepts 256 KB for the message with all its forms and the attributes.
const LARGEST_MESSAGE: usize = 250_000;

pub(super) fn deliveries(
    topic: &str,
    format: TopicFormat,
    notification: &Notification,
    needed: &[usize],
    language: Language,
) -> Vec<Delivery> {
    match format {
        TopicFormat::Text => {
            let alone = Notification {
                items: needed.iter().map(|index| notification.items[*index].clone()).collect(),
                ..notification.clone()
            };
            let mail = write(&alone, language);
            let message = message(topic, mail.subject, cut(&mail.body, LONGEST_MAIL), false);
            vec![Delivery { items: needed.to_vec(), payload: Payload::Topic(message) }]
        }
        TopicFormat::Json => one_each(notification, needed, |one| {
            let mail = write(one, language);
            let event = Event::new(one, &one.items[0], language);
            let json = serde_json::to_value(&event).unwrap_or_default();
            let text = by_protocol(&mail, &json);
            message(topic, mail.subject, text, true)
        }),
        TopicFormat::CloudWatch => one_each(notification, needed, |one| {
            let mail = write(one, language);
            let body = cloudwatch::message(one, &one.items[0]).to_string();
            message(topic, mail.subject, body, false)
        }),
        TopicFormat::AmazonQ => one_each(notification, needed, |one| {
            let event = Event::new(one, &one.items[0], language);
            let subject = write(one, language).subject;
            message(topic, subject, amazon_q::message(&event).to_string(), false)
        }),
    }
}

fn one_each(
    notification: &Notification,
    needed: &[usize],
    message: impl Fn(&Notification) -> TopicMessage,
) -> Vec<Delivery> {
    needed
        .iter()
        .map(|index| {
            let items = vec![notification.items[*index].clone()];
            let one = Notification { items, ..notification.clone() };
            Delivery { items: vec![*index], payload: Payload::Topic(message(&one)) }
        })
        .collect()
}

fn message(topic: &str, subject: String, message: String, by_protocol: bool) -> TopicMessage {
    TopicMessage { topic: topic.to_owned(), subject, message, by_protocol }
}

/// The text for people and the event for programs: `default` is for every protocol that is not named. An event that is
/// too large loses the text of the mail.
fn by_protocol(mail: &Mail, event: &Value) -> String {
    let text = cut(&mail.body, LONGEST_MAIL);
    let build = |event: &Value| {
        json!({ "default": event.to_string(), "email": text, "sms": mail.subject }).to_string()
    };
    let whole = build(event);
    if whole.len() <= LARGEST_MESSAGE {
        return whole;
    }
    let mut smaller = event.clone();
    smaller["text"] = json!("");
    build(&smaller)
}

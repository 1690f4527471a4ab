//! The requests and messages for a notification, by the type of the receiver. Pure.

mod amazon_q;
mod cloudwatch;
mod pagerduty;
mod slack;
mod teams;
mod topic;
mod webhook;

use jiff::Timestamp;
use notify::notification::{Item, Notification};
use notify::{Language, NotificationKind};
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use crate::event::Event;
use crate::receiver::{Resolved, Secret, Target};
use crate::template::TemplateError;

/// A part of a notification that is sent, and recorded as sent, on its own.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Indices of the alarms in [`Notification::items`].
    pub items: Vec<usize>,
    pub payload: Payload,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Payload {
    /// The receiver does not need this notification, such as a reminder of an open incident. It counts as sent.
    Nothing,
    /// In this order; all must be accepted.
    Http(Vec<HttpRequest>),
    Topic(TopicMessage),
    Bus(BusEvent),
}

/// A request without what depends on the attempt.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: Secret<Url>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) content_type: &'static str,
    pub(crate) body: Secret<String>,
}

impl HttpRequest {
    fn json(url: &Secret<Url>, body: &Value) -> Self {
        Self {
            method: Method::POST,
            url: url.clone(),
            headers: Vec::new(),
            content_type: "application/json",
            body: Secret(body.to_string()),
        }
    }

    /// The body. With `PagerDuty` it contains the integration key.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body.0
    }
}

/// A message for an SNS topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMessage {
    pub topic: String,
    /// ASCII, at most 99 characters.
    pub subject: String,
    pub message: String,
    /// Whether `message` is a JSON object with a text for each protocol: `MessageStructure: json`.
    pub by_protocol: bool,
}

/// An event for EventBridge.
#[derive(Clone, Debug, PartialEq)]
pub struct BusEvent {
    pub bus: String,
    pub detail_type: &'static str,
    pub time: Timestamp,
    pub resources: Vec<String>,
    pub detail: Value,
}

/// The `detail-type` of a notification on a bus.
const DETAIL_TYPE: &str = "Vigie Notification";

/// What `receiver` is sent about a notification. Every item is in exactly one delivery.
///
/// # Errors
/// If a template fails. Templates are checked with sample events before, so that this is rare.
pub fn deliveries(
    receiver: &Resolved,
    notification: &Notification,
    language: Language,
) -> Result<Vec<Delivery>, TemplateError> {
    let is_needed = |item: &Item| receiver.reminders || item.kind != NotificationKind::Reminder;
    let (needed, skipped): (Vec<usize>, Vec<usize>) =
        (0..notification.items.len()).partition(|index| is_needed(&notification.items[*index]));
    let mut deliveries = Vec::new();
    if !skipped.is_empty() {
        deliveries.push(Delivery { items: skipped, payload: Payload::Nothing });
    }
    if needed.is_empty() {
        return Ok(deliveries);
    }
    let together = || Notification {
        items: needed.iter().map(|index| notification.items[*index].clone()).collect(),
        ..notification.clone()
    };
    let each = |payload: &dyn Fn(&Event, &Item) -> Result<Payload, TemplateError>| {
        needed
            .iter()
            .map(|index| {
                let item = &notification.items[*index];
                let event = Event::new(notification, item, language);
                Ok(Delivery { items: vec![*index], payload: payload(&event, item)? })
            })
            .collect::<Result<Vec<Delivery>, TemplateError>>()
    };
    let group = |payload| vec![Delivery { items: needed.clone(), payload }];
    deliveries.extend(match &receiver.target {
        Target::PagerDuty { url, routing_key } => each(&|event, _| {
            let requests = pagerduty::events(event, routing_key);
            Ok(Payload::Http(requests.iter().map(|body| HttpRequest::json(url, body)).collect()))
        })?,
        Target::Slack { url } => {
            let body = slack::message(&together(), language);
            group(Payload::Http(vec![HttpRequest::json(url, &body)]))
        }
        Target::Teams { url } => {
            let body = teams::message(&together(), language);
            group(Payload::Http(vec![HttpRequest::json(url, &body)]))
        }
        Target::Webhook(webhook) => each(&|event, _| {
            Ok(Payload::Http(vec![webhook::request(webhook, event, notification.now)?]))
        })?,
        Target::Sns { topic, format } => {
            topic::deliveries(topic, *format, notification, &needed, language)
        }
        Target::EventBridge { bus } => each(&|event, item| {
            let arn = item.alert.key.starts_with("arn:").then(|| item.alert.key.clone());
            Ok(Payload::Bus(BusEvent {
                bus: bus.clone(),
                detail_type: DETAIL_TYPE,
                time: notification.now,
                resources: arn.into_iter().collect(),
                detail: serde_json::to_value(event).map_err(TemplateError::Json)?,
            }))
        })?,
    });
    Ok(deliveries)
}

/// The first of the sizes that makes a payload of at most `most` bytes; the last one in any case.
fn fitted(sizes: &[usize], most: usize, build: impl Fn(usize) -> Value) -> Value {
    let mut last = Value::Null;
    for size in sizes {
        last = build(*size);
        if last.to_string().len() <= most {
            break;
        }
    }
    last
}

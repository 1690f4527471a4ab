//! The notification about one alarm as JSON: what webhooks, SNS subscribers and EventBridge receive.
//!
//! Version 1 is described by `event.schema.json`. New fields may be added within a version.

use std::collections::BTreeMap;

use domain::Severity;
use jiff::Timestamp;
use notify::mail::{Digest, LinkKind, digest, write};
use notify::notification::{Item, Notification};
use notify::{Acknowledgement, Closure, Language, NotificationKind, Source, State, Subject};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::text::{cut, hex, lines};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The most labels of an event, and the most characters of each.
const MOST_LABELS: usize = 50;
const LONGEST_LABEL: usize = 200;
/// An alarm of another system may have a name of any length.
const LONGEST_SENTENCE: usize = 2_000;
const LONGEST_TEXT: usize = 20_000;
/// `PagerDuty` accepts keys of up to 255 characters, Opsgenie of 512.
const LONGEST_KEY: usize = 200;

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    pub version: u32,
    /// The same when the notification is sent again after a failure.
    pub id: String,
    pub sent_at: Timestamp,
    pub action: Action,
    pub kind: Kind,
    /// Whether this is a test: nothing is wrong.
    pub test: bool,
    /// Identifies the alarm. Opening, acknowledging and resolving an incident use the same key.
    pub key: String,
    pub severity: Severity,
    pub status: Status,
    pub environment: String,
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// Why the probe is down, such as `check_failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// State, name and what is wrong, on one line.
    pub title: String,
    /// What is wrong.
    pub summary: String,
    /// What is wrong and since when, in a sentence.
    pub headline: String,
    /// What users of the bot notice.
    pub impact: String,
    pub details: Vec<Detail>,
    pub steps: Vec<String>,
    /// The mail as plain text.
    pub text: String,
    pub alarm: Alarm,
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<AcknowledgedBy>,
    pub links: Links,
    /// Commands that work when pasted.
    pub commands: Vec<String>,
}

/// What to do with the incident of [`Event::key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

/// Why the event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Changed,
    Reminder,
    Flapping,
    Settled,
    Escalation,
    Acknowledged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Down,
    Degraded,
    NoData,
    /// An alarm that is not about a probe.
    Alarm,
    /// A message in an unknown format.
    Unknown,
    Resolved,
    /// The alarm was deleted, or its sender no longer reports it.
    Closed,
}

#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    pub label: String,
    pub value: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Alarm {
    pub name: String,
    /// The ARN, or Alertmanager's fingerprint.
    pub id: String,
    pub source: Source,
    pub state: State,
    pub changed_at: Timestamp,
    /// Why the alarm has its state, in the words of its sender.
    pub reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Incident {
    pub since: Timestamp,
    /// Absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub duration_seconds: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct AcknowledgedBy {
    pub by: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<String>,
}

impl Event {
    /// The event about `item`, which is one of `notification`.
    #[must_use]
    pub fn new(notification: &Notification, item: &Item, language: Language) -> Self {
        let alert = &item.alert;
        let digest = digest(notification, item, language);
        let alone = Notification { items: vec![item.clone()], ..notification.clone() };
        let outcome = item.report.as_ref().and_then(|report| report.outcome.reason());
        let labels = alert.labels.iter().take(MOST_LABELS);
        let labels = labels
            .map(|(name, value)| (line(name, LONGEST_LABEL), line(value, LONGEST_LABEL)))
            .collect();
        Self {
            version: VERSION,
            id: id(item, notification.now),
            sent_at: notification.now,
            action: action(item),
            kind: kind(item.kind),
            test: alert.test.is_some(),
            key: key(notification, item),
            severity: item.severity,
            status: status(item),
            probe: alert.subject.probe().map(ToString::to_string),
            reason: outcome.filter(|_| alert.state == State::Alarm).map(domain::Reason::as_str),
            text: cut(&write(&alone, language).body, LONGEST_TEXT),
            alarm: Alarm {
                name: line(&alert.name, 512),
                id: line(&alert.key, 2_048),
                source: alert.source,
                state: alert.state,
                changed_at: alert.changed,
                reason: lines(&alert.reason, 2_000),
                description: lines(&alert.description, 2_000),
            },
            labels,
            incident: incident(item, notification.now),
            acknowledged: item
                .acknowledged
                .as_ref()
                .map(|Acknowledgement { by, at }| AcknowledgedBy { by: line(by, 80), at: *at }),
            links: links(&digest),
            environment: digest.environment,
            region: digest.region,
            title: cut(&digest.title, LONGEST_SENTENCE),
            summary: cut(&digest.summary, LONGEST_SENTENCE),
            headline: cut(&digest.headline, LONGEST_SENTENCE),
            impact: digest.impact,
            details: digest
                .details
                .into_iter()
                .map(|(label, value)| Detail { label, value })
                .collect(),
            steps: digest.steps,
            commands: digest.commands,
        }
    }
}

fn line(text: &str, most: usize) -> String {
    redact::one_line(text, most)
}

/// A notification of the same change has the same id, so that a receiver can drop a repetition. A reminder has
/// another id in each hour.
fn id(item: &Item, now: Timestamp) -> String {
    let alert = &item.alert;
    let incident = item.incident.map(|incident| incident.since.to_string()).unwrap_or_default();
    let (kind, hour) = match kind(item.kind) {
        kind @ (Kind::Reminder | Kind::Flapping) => (kind, now.as_second().div_euclid(3_600)),
        kind => (kind, 0),
    };
    let (changed, kind) = (alert.changed.to_string(), format!("{kind:?} {hour}"));
    let parts = [&alert.key, alert.state.as_str(), &changed, &incident, &kind].join("\n");
    hex(&Sha256::digest(parts.as_bytes())[..16])
}

/// The alarm's ARN or fingerprint with the environment. A key that is too long or has other characters than
/// printable ASCII is replaced by its hash.
fn key(notification: &Notification, item: &Item) -> String {
    let alert = &item.alert;
    let key = match alert.source {
        // The ARN has region and account.
        Source::CloudWatch | Source::EventBridge if alert.key.starts_with("arn:") => {
            alert.key.clone()
        }
        _ => format!("vigie:{}:{}:{}", notification.region, notification.environment, alert.key),
    };
    let plain = key.len() <= LONGEST_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
    if plain { key } else { format!("vigie:{}", hex(&Sha256::digest(key.as_bytes()))) }
}

fn action(item: &Item) -> Action {
    match (item.alert.state, item.kind) {
        (_, NotificationKind::Acknowledged) => Action::Acknowledge,
        // While an alarm flaps, its incident stays open, also when the alarm is OK for a moment.
        (State::Ok, NotificationKind::Changed | NotificationKind::Settled) => Action::Resolve,
        _ => Action::Trigger,
    }
}

fn kind(kind: NotificationKind) -> Kind {
    match kind {
        NotificationKind::Changed => Kind::Changed,
        NotificationKind::Reminder => Kind::Reminder,
        NotificationKind::Flapping { .. } => Kind::Flapping,
        NotificationKind::Settled => Kind::Settled,
        NotificationKind::Escalation => Kind::Escalation,
        NotificationKind::Acknowledged => Kind::Acknowledged,
    }
}

fn status(item: &Item) -> Status {
    let alert = &item.alert;
    match (item.closure, alert.state, &alert.subject) {
        (Some(Closure::Deleted | Closure::NotReported), ..) => Status::Closed,
        (None, _, Subject::Unreadable) => Status::Unknown,
        (None, State::Ok, _) => Status::Resolved,
        (None, State::InsufficientData, _) => Status::NoData,
        (None, State::Alarm, Subject::Down { .. }) => Status::Down,
        (None, State::Alarm, Subject::Degraded { .. }) => Status::Degraded,
        (
            None,
            State::Alarm,
            Subject::SelfMonitoring | Subject::External { .. } | Subject::Location { .. },
        ) => Status::Alarm,
    }
}

fn incident(item: &Item, now: Timestamp) -> Option<Incident> {
    let since = item.incident?.since;
    let until = (item.alert.state == State::Ok).then_some(item.alert.changed);
    let lasted = until.unwrap_or(now).duration_since(since);
    let duration_seconds = u64::try_from(lasted.as_secs()).unwrap_or(0);
    Some(Incident { since, until, duration_seconds })
}

/// The URL percent-encoded; `None` if it is not one of the web, since a receiver would reject it or open it.
fn web_url(text: &str) -> Option<String> {
    let url: Url = text.parse().ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.to_string())
}

fn links(digest: &Digest) -> Links {
    let first = |kind| {
        let mut links = digest.links.iter().filter(|link| link.kind == kind);
        web_url(&links.next()?.url)
    };
    Links {
        report: first(LinkKind::Report),
        runbook: first(LinkKind::Runbook),
        alarm: first(LinkKind::Alarm),
        dashboard: first(LinkKind::Dashboard),
    }
}

//! Reads a queue message: a change of an alarm in one of four formats, or a timer of the function itself.
//!
//! No message is dropped. A message in an unknown format becomes a separate alert that contains the message
//! unchanged.

use std::collections::BTreeMap;

use crate::alert::{Alert, Source, State, Subject};
use domain::alarm_note::Note;
use domain::{EnvironmentName, ProbeName, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::links;
use crate::record::AlarmRecord;

/// The longest text of an unknown message that is kept, in characters.
const LONGEST_RAW: usize = 8_000;

/// The most alerts that are read from one message of Alertmanager.
const MOST_ALERTS: usize = 1_000;

/// The content of a message.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    Alerts(Vec<Alert>),
    Timer(Timer),
    /// A timer of an unknown version.
    Refused {
        version: u32,
    },
}

/// The function's own messages in the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// The window of a group is over. It carries the alerts that opened it, so that they are sent even if
    /// the table fails.
    Flush(Vec<Alert>),
    /// Records that the table did not store.
    Records(Vec<AlarmRecord>),
    /// A minute of the schedule: reminders, escalation, late changes, self-monitoring.
    Tick(String),
}

/// The version of [`Timer`]'s form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned {
    version: u32,
    #[serde(flatten)]
    timer: Timer,
}

impl Timer {
    /// As a message for the queue.
    #[must_use]
    pub fn message(self) -> String {
        let message = Versioned { version: VERSION, timer: self };
        serde_json::to_string(&message).expect("texts and times are always JSON")
    }
}

/// Reads one message of the queue. `id` is the queue's id, for a message without an id.
#[must_use]
pub fn read(body: &str, id: &str, now: Timestamp, environment: &EnvironmentName) -> Incoming {
    match serde_json::from_str(body) {
        Ok(Versioned { version: VERSION, timer }) => return Incoming::Timer(timer),
        Ok(Versioned { version, .. }) => return Incoming::Refused { version },
        Err(_) => {}
    }
    let envelope = match serde_json::from_str::<Envelope>(body) {
        Ok(envelope) => envelope,
        // Sent to the queue directly, or by raw delivery.
        Err(_) => Envelope {
            message_id: id.to_owned(),
            subject: None,
            message: body.to_owned(),
            timestamp: None,
        },
    };
    let reader = Reader { environment, sent: envelope.timestamp.unwrap_or(now) };
    match reader.alerts(&envelope.message) {
        Some(alerts) if !alerts.is_empty() => Incoming::Alerts(alerts),
        _ => Incoming::Alerts(vec![reader.unreadable(&envelope)]),
    }
}

/// What SNS wraps around a message.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    message_id: String,
    subject: Option<String>,
    message: String,
    timestamp: Option<Timestamp>,
}

struct Reader<'a> {
    environment: &'a EnvironmentName,
    /// When SNS accepted the message.
    sent: Timestamp,
}

impl Reader<'_> {
    /// `None` when the message is in an unknown format.
    fn alerts(&self, message: &str) -> Option<Vec<Alert>> {
        let value: Value = serde_json::from_str(message).ok()?;
        let has = |key: &str| value.get(key).is_some();
        if has("AlarmName") {
            Some(vec![self.cloudwatch(serde_json::from_value(value).ok()?)?])
        } else if has("detail-type") {
            Some(vec![self.event_bridge(serde_json::from_value(value).ok()?)?])
        } else if has("alerts") {
            let group: AlertmanagerGroup = serde_json::from_value(value).ok()?;
            let alerts = group.alerts.iter().take(MOST_ALERTS);
            let mut alerts: Vec<Alert> =
                alerts.map(|alert| self.alertmanager(&group, alert)).collect();
            let unread = group.alerts.len().saturating_sub(MOST_ALERTS);
            let cut = group.truncated_alerts.saturating_add(unread as u64);
            if 0 < cut {
                alerts.push(self.truncated(&group, cut));
            }
            Some(alerts)
        } else {
            None
        }
    }

    fn cloudwatch(&self, message: CloudWatchMessage) -> Option<Alert> {
        let arn = message.alarm_arn.unwrap_or_default();
        let trigger = message.trigger.unwrap_or_default();
        Some(self.alarm(
            AlarmChange {
                key: if arn.is_empty() { message.alarm_name.clone() } else { arn.clone() },
                link: links::alarm(&arn),
                name: message.alarm_name,
                state: State::from_word(&message.new_state_value)?,
                previous: message.old_state_value.as_deref().and_then(State::from_word),
                changed: message.state_change_time.parse().unwrap_or(self.sent),
                reason: message.new_state_reason.unwrap_or_default(),
                description: message.alarm_description.unwrap_or_default(),
                looks_back_seconds: trigger.period().zip(trigger.evaluation_periods),
                test: message.vigie_test,
            },
            Source::CloudWatch,
        ))
    }

    fn event_bridge(&self, event: EventBridgeEvent) -> Option<Alert> {
        let arn = event.resources.into_iter().next().unwrap_or_default();
        let detail = event.detail;
        let state = detail.state;
        let metric = detail.configuration.metrics.into_iter().find_map(|metric| metric.metric_stat);
        let settings = state
            .reason_data
            .and_then(|data| serde_json::from_str::<ReasonData>(&data).ok())
            .unwrap_or_default();
        Some(
            self.alarm(
                AlarmChange {
                    key: if arn.is_empty() { detail.alarm_name.clone() } else { arn.clone() },
                    link: links::alarm(&arn),
                    name: detail.alarm_name,
                    state: State::from_word(&state.value)?,
                    previous: detail
                        .previous_state
                        .and_then(|state| State::from_word(&state.value)),
                    changed: state
                        .timestamp
                        .and_then(|at| at.parse().ok())
                        .or(event.time)
                        .unwrap_or(self.sent),
                    reason: state.reason.unwrap_or_default(),
                    description: detail.configuration.description.unwrap_or_default(),
                    looks_back_seconds: settings
                        .period
                        .or(metric.map(|metric| metric.period))
                        .zip(settings.evaluated_datapoints.map(|points| points.len() as u64)),
                    test: None,
                },
                Source::EventBridge,
            ),
        )
    }

    fn alarm(&self, change: AlarmChange, source: Source) -> Alert {
        let (prose, note) = Note::split(&change.description);
        Alert {
            key: change.key,
            subject: Subject::of_alarm(&change.name, self.environment),
            name: change.name,
            source,
            state: change.state,
            previous: change.previous,
            changed: change.changed,
            reported: change.changed,
            reason: change.reason,
            description: prose.to_owned(),
            labels: note.labels,
            annotations: BTreeMap::new(),
            severity: note.severity,
            runbook: note.runbook,
            link: change.link,
            looks_back_seconds: change
                .looks_back_seconds
                .map(|(period, count)| period.saturating_mul(count)),
            test: change.test,
        }
    }

    fn alertmanager(&self, group: &AlertmanagerGroup, alert: &AlertmanagerAlert) -> Alert {
        let mut labels = alert.labels.clone();
        let mut annotations = alert.annotations.clone();
        let name = labels.remove("alertname").unwrap_or_else(|| group.receiver.clone());
        let resolved = alert.status == "resolved";
        // Alertmanager sends an end in the future, or in the year 1, when there is none.
        let ended =
            alert.ends_at.filter(|end| resolved && alert.starts_at.is_none_or(|s| s < *end));
        let changed = if resolved { ended } else { alert.starts_at };
        let is_own = labels.get("environment").is_none_or(|name| name == self.environment.as_str());
        let probe = labels.get("probe").filter(|_| is_own).and_then(|name| name.parse().ok());
        Alert {
            key: if alert.fingerprint.is_empty() {
                format!("{name} {:?}", alert.labels)
            } else {
                format!("alertmanager:{}", alert.fingerprint)
            },
            subject: about(&name, probe),
            source: Source::Alertmanager,
            state: if resolved { State::Ok } else { State::Alarm },
            previous: resolved.then_some(State::Alarm),
            changed: changed.unwrap_or(self.sent),
            // Not `startsAt`: an alert that fires again after it was resolved keeps its first start.
            reported: self.sent,
            reason: annotations.remove("summary").unwrap_or_default(),
            description: annotations.remove("description").unwrap_or_default(),
            severity: labels.get("severity").and_then(|word| severity(word)),
            runbook: annotations.remove("runbook_url").filter(|url| !url.is_empty()),
            link: [&alert.generator_url, &group.external_url]
                .into_iter()
                .find(|url| !url.is_empty())
                .cloned(),
            looks_back_seconds: None,
            test: None,
            labels,
            annotations,
            name,
        }
    }

    /// A notice about the alerts that a group does not contain.
    fn truncated(&self, group: &AlertmanagerGroup, cut: u64) -> Alert {
        let text = format!(
            "Alertmanager left {cut} alerts out of the group of receiver `{}`. See {}",
            group.receiver, group.external_url
        );
        Alert {
            key: format!("truncated:{}:{}", group.receiver, self.sent),
            name: "Alertmanager".to_owned(),
            ..self.unreadable(&Envelope {
                message_id: String::new(),
                subject: None,
                message: text,
                timestamp: None,
            })
        }
    }

    fn unreadable(&self, envelope: &Envelope) -> Alert {
        let subject = envelope.subject.as_deref().unwrap_or("").trim();
        let name = if subject.is_empty() { "message" } else { subject }.to_owned();
        Alert {
            key: format!("message:{}", envelope.message_id),
            source: Source::Unknown,
            reason: envelope.message.chars().take(LONGEST_RAW).collect(),
            ..Alert::new(name, Subject::Unreadable, State::Alarm, self.sent)
        }
    }
}

/// Vigie's Prometheus rules correspond to its CloudWatch alarms.
fn about(name: &str, probe: Option<ProbeName>) -> Subject {
    match (name, probe) {
        ("ProbeDown", Some(probe)) => Subject::Down { probe },
        ("ProbeDegraded", Some(probe)) => Subject::Degraded { probe },
        (_, probe) => Subject::External { probe },
    }
}

/// The words for severities in Prometheus rules.
fn severity(word: &str) -> Option<Severity> {
    match word {
        "page" | "critical" | "error" | "high" => Some(Severity::Page),
        "ticket" | "warning" | "info" | "low" | "none" => Some(Severity::Ticket),
        _ => None,
    }
}

struct AlarmChange {
    key: String,
    name: String,
    link: Option<String>,
    state: State,
    previous: Option<State>,
    changed: Timestamp,
    reason: String,
    description: String,
    /// Period in seconds, and how many.
    looks_back_seconds: Option<(u64, u64)>,
    test: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CloudWatchMessage {
    alarm_name: String,
    alarm_description: Option<String>,
    alarm_arn: Option<String>,
    new_state_value: String,
    new_state_reason: Option<String>,
    state_change_time: String,
    old_state_value: Option<String>,
    trigger: Option<Trigger>,
    /// Set by `vigie test-alert`, not by CloudWatch.
    vigie_test: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    period: Option<u64>,
    evaluation_periods: Option<u64>,
    /// Of metric math, instead of a period.
    #[serde(default)]
    metrics: Value,
}

impl Trigger {
    fn period(&self) -> Option<u64> {
        let metrics = self.metrics.as_array().into_iter().flatten();
        let periods = metrics.filter_map(|metric| metric.pointer("/MetricStat/Period")?.as_u64());
        self.period.or_else(|| periods.max())
    }
}

#[derive(Deserialize)]
struct EventBridgeEvent {
    time: Option<Timestamp>,
    #[serde(default)]
    resources: Vec<String>,
    detail: EventBridgeDetail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBridgeDetail {
    alarm_name: String,
    state: EventBridgeState,
    previous_state: Option<EventBridgeState>,
    #[serde(default)]
    configuration: EventBridgeConfiguration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBridgeState {
    value: String,
    reason: Option<String>,
    reason_data: Option<String>,
    timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
struct EventBridgeConfiguration {
    description: Option<String>,
    #[serde(default)]
    metrics: Vec<EventBridgeMetric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBridgeMetric {
    metric_stat: Option<MetricStat>,
}

#[derive(Deserialize)]
struct MetricStat {
    period: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasonData {
    period: Option<u64>,
    evaluated_datapoints: Option<Vec<serde::de::IgnoredAny>>,
}

/// The webhook's payload, version 4. Vigie's template for Alertmanager's SNS receiver writes the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertmanagerGroup {
    #[serde(default)]
    receiver: String,
    #[serde(default, rename = "externalURL")]
    external_url: String,
    alerts: Vec<AlertmanagerAlert>,
    /// How many alerts Alertmanager left out.
    #[serde(default)]
    truncated_alerts: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertmanagerAlert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    #[serde(default)]
    fingerprint: String,
}

#[cfg(test)]
mod tests;

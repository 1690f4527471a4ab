//! `PagerDuty`'s Events API v2: <https://developer.pagerduty.com/docs/send-alert-event>.

use domain::Severity;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::fitted;
use crate::event::{Action, Event, Status};
use crate::text::cut;

/// Limits of the API.
const LONGEST_SUMMARY: usize = 1_024;
const LARGEST_EVENT: usize = 512 * 1_024;
const LONGEST_SOURCE: usize = 255;

/// One event; for a test two, since nothing else resolves it.
pub(super) fn events(event: &Event, routing_key: &SecretString) -> Vec<Value> {
    match (event.action, event.test) {
        (Action::Trigger, false) => vec![trigger(event, routing_key)],
        (Action::Trigger, true) => {
            vec![trigger(event, routing_key), follow_up(event, routing_key, "resolve")]
        }
        (Action::Acknowledge, _) => vec![follow_up(event, routing_key, "acknowledge")],
        (Action::Resolve, _) => vec![follow_up(event, routing_key, "resolve")],
    }
}

fn follow_up(event: &Event, routing_key: &SecretString, action: &str) -> Value {
    json!({
        "routing_key": routing_key.expose_secret(),
        "event_action": action,
        "dedup_key": event.key,
    })
}

fn trigger(event: &Event, routing_key: &SecretString) -> Value {
    fitted(&[4_000, 1_000, 200, 0], LARGEST_EVENT, |longest| {
        json!({
            "routing_key": routing_key.expose_secret(),
            "event_action": "trigger",
            "dedup_key": event.key,
            "client": "Vigie",
            "payload": {
                "summary": cut(&event.title, LONGEST_SUMMARY),
                "severity": severity(event),
                "source": cut(event.probe.as_ref().unwrap_or(&event.alarm.name), LONGEST_SOURCE),
                "timestamp": event.alarm.changed_at,
                "component": cut(event.probe.as_ref().unwrap_or(&event.alarm.name), LONGEST_SOURCE),
                "group": event.environment,
                "class": event.reason.map_or_else(|| json!(event.status), |reason| json!(reason)),
                "custom_details": details(event, longest),
            },
            "links": links(event),
        })
    })
}

/// A page is critical. A test has the lowest severity, which event rules can suppress.
fn severity(event: &Event) -> &'static str {
    match (event.test, event.severity, event.status) {
        (true, ..) => "info",
        (_, Severity::Page, Status::NoData) => "error",
        (_, Severity::Page, _) => "critical",
        (_, Severity::Ticket, _) => "warning",
    }
}

fn details(event: &Event, longest: usize) -> Value {
    let mut details = Map::new();
    let mut add = |name: &str, text: &str| {
        if !text.is_empty() && 0 < longest {
            details.insert(name.to_owned(), json!(cut(text, longest)));
        }
    };
    add("headline", &event.headline);
    add("impact", &event.impact);
    let observed: Vec<String> =
        event.details.iter().map(|detail| format!("{}: {}", detail.label, detail.value)).collect();
    add("details", &observed.join("\n"));
    add("what to do", &event.steps.join("\n"));
    add("commands", &event.commands.join("\n"));
    add("region", &event.region);
    add("alarm", &event.alarm.name);
    add("alarm reason", &event.alarm.reason);
    let labels: Vec<String> =
        event.labels.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    add("labels", &labels.join("\n"));
    Value::Object(details)
}

fn links(event: &Event) -> Vec<Value> {
    let links = &event.links;
    [
        ("Report", &links.report),
        ("Runbook", &links.runbook),
        ("Alarm", &links.alarm),
        ("Dashboard", &links.dashboard),
    ]
    .into_iter()
    .filter_map(|(text, url)| Some(json!({ "href": url.as_ref()?, "text": text })))
    .collect()
}

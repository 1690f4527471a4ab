//! Receivers that send to the servers of `testkit::vendors`, and notifications.

use std::collections::{BTreeMap, HashMap};

use domain::{EnvironmentName, SecretReference, Severity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use notify::notification::{Item, Notification};
use notify::{Alert, Incident, NotificationKind, Source, State, Subject, Zone};
use receivers::{Configuration, Resolved, RetryPolicy};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::vendors::{API_KEY, ROUTING_KEY, SIGNING_KEY, Vendor};

pub(crate) fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

/// The waits and timeouts of the function. Tests pause the clock, so that they take no time.
pub(crate) fn policy(attempts: u32) -> RetryPolicy {
    RetryPolicy { attempts, ..RetryPolicy::default() }
}

/// The settings of a receiver that sends to `url`. Its URL is the secret `vigie/prod/receivers/url`.
pub(crate) fn settings(vendor: Vendor) -> Value {
    let url = "${secret:vigie/${environment}/receivers/url}";
    let key = "${secret:vigie/prod/receivers/key}";
    match vendor {
        Vendor::PagerDuty => {
            json!({ "name": "on-call", "type": "pagerduty", "routing_key": key, "url": url })
        }
        Vendor::Slack => json!({ "name": "chat", "type": "slack", "url": url }),
        Vendor::Teams => json!({ "name": "teams", "type": "teams", "url": url }),
        Vendor::Webhook => {
            json!({ "name": "hook", "type": "webhook", "url": url, "signing_key": key })
        }
        Vendor::Opsgenie => json!({
            "name": "opsgenie", "type": "webhook", "url": url, "template": "opsgenie",
            "headers": { "Authorization": format!("GenieKey {key}") },
        }),
        Vendor::IncidentIo => json!({
            "name": "incidents", "type": "webhook", "url": url, "template": "incident_io",
            "headers": { "Authorization": format!("Bearer {key}") },
        }),
        Vendor::GoogleChat => {
            json!({ "name": "gchat", "type": "webhook", "url": url, "template": "google_chat" })
        }
        Vendor::Discord => {
            json!({ "name": "discord", "type": "webhook", "url": url, "template": "discord" })
        }
        Vendor::Ntfy => {
            json!({ "name": "phone", "type": "webhook", "url": url, "template": "ntfy" })
        }
    }
}

pub(crate) fn configuration(settings: &[Value]) -> Configuration {
    let file = json!({ "routes": [], "receivers": settings }).to_string();
    receivers::config::parse(&file).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{file}"))
}

/// The receiver for `vendor` with its secrets.
pub(crate) fn receiver(vendor: Vendor, url: &str) -> Resolved {
    let key = match vendor {
        Vendor::PagerDuty => ROUTING_KEY,
        Vendor::Webhook => SIGNING_KEY,
        _ => API_KEY,
    };
    let secret = |name: &str, value: &str| {
        let id = format!("vigie/prod/receivers/{name}");
        // A secret is often stored with a line end.
        let value = SecretString::from(format!("{value}\n"));
        (SecretReference::SecretsManager { id, key: None }, value)
    };
    let secrets = HashMap::from([secret("url", url), secret("key", key)]);
    configuration(&[settings(vendor)]).receivers[0].resolve(&prod(), &secrets).unwrap()
}

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

pub(crate) fn alert(probe: &str, state: State, changed: Timestamp) -> Alert {
    let name = format!("vigie-prod-{probe}-down");
    let subject = Subject::Down { probe: probe.parse().unwrap() };
    Alert {
        key: format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"),
        reason: "Threshold Crossed: 2 out of the last 3 datapoints were below the threshold (1.0)."
            .to_owned(),
        labels: BTreeMap::from([("team".to_owned(), "chat".to_owned())]),
        severity: Some(Severity::Page),
        runbook: Some("https://wiki.example.com/support-bot".to_owned()),
        link: Some(format!(
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/vigie-prod-{probe}-down"
        )),
        looks_back_seconds: Some(180),
        ..Alert::new(name, subject, state, changed)
    }
}

pub(crate) fn item(alert: Alert, since: Timestamp) -> Item {
    Item {
        kind: NotificationKind::Changed,
        severity: alert.severity.unwrap_or(Severity::Page),
        incident: Some(Incident { since, began: since, rose: true }),
        closure: None,
        acknowledged: None,
        report: None,
        metrics: None,
        alert,
    }
}

pub(crate) fn notification(items: Vec<Item>, now: Timestamp) -> Notification {
    Notification {
        environment: prod(),
        now,
        zone: Zone { name: "UTC".to_owned(), rules: TimeZone::UTC },
        items,
        others: Some(Vec::new()),
        seen_from: Vec::new(),
        dashboard: Some("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/vigie-prod".to_owned()),
        region: "eu-west-1".to_owned(),
        bucket: "vigie-prod-reports".to_owned(),
        status_page: None,
    }
}

/// An outage that has a report of a wrong answer.
pub(crate) fn outage() -> Notification {
    let now = at("14:05:42");
    let changed = at("14:05:11");
    let mut report = testkit::reports::eventful();
    report.probe = "support-bot".parse().unwrap();
    let outage =
        Item { report: Some(report), ..item(alert("support-bot", State::Alarm, changed), changed) };
    notification(vec![outage], now)
}

/// Text that breaks markup, JSON, URLs and headers when it is not escaped.
pub(crate) const HOSTILE: &str = "\"q\" 'x' \\ <b>&amp; <!channel> <@U1> <users/all> {{DATE(1)}} ${x} {{ 7*7 }} *b* _i_ ~s~ `c` [l](https://e.example) @everyone\n\r\t\u{1b}[31m\u{0}\u{202e} é 日本 🤖";

/// A notification in which every text from outside is hostile and very long.
pub(crate) fn hostile(state: State) -> Notification {
    let changed = at("14:05:11");
    let long = HOSTILE.repeat(400);
    let mut bad = alert("support-bot", state, changed);
    bad.subject = Subject::External { probe: None };
    bad.source = Source::Alertmanager;
    bad.key.clone_from(&long);
    bad.name.clone_from(&long);
    bad.reason.clone_from(&long);
    bad.description.clone_from(&long);
    bad.labels = (0..100).map(|n| (format!("{n}{HOSTILE}"), long.clone())).collect();
    bad.runbook = Some(format!("https://e.example/{HOSTILE}"));
    bad.link = Some(format!("https://e.example/{HOSTILE}"));
    notification(vec![item(bad, changed)], at("14:05:42"))
}

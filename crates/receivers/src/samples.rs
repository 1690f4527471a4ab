//! Notifications about no real alarm: for tests of a receiver, and to check templates.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{EnvironmentName, ProbeName, Severity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use notify::notification::{Item, Notification};
use notify::{
    Acknowledgement, Alert, Incident, Language, NotificationKind, Source, State, Subject, Zone,
};

use crate::event::Event;

/// Text that breaks markup, JSON, URLs and headers when it is not escaped.
const HOSTILE: &str = "\"quotes\" 'single' \\ back <b>&amp; {{ 7*7 }} ${x} *bold* @everyone <!channel>\n\r\t\u{1b}[31m\u{202e} é 日本 🤖";

/// A marked test notification.
#[must_use]
pub fn test(environment: &EnvironmentName, region: &str, id: &str, now: Timestamp) -> Notification {
    let alert = Alert {
        name: "test".to_owned(),
        key: format!("test:{id}"),
        description: "A test of the path to this receiver.".to_owned(),
        reason: "This is a test. Nothing is wrong.".to_owned(),
        subject: Subject::External { probe: None },
        labels: BTreeMap::new(),
        runbook: None,
        link: None,
        test: Some(id.to_owned()),
        ..alert(State::Alarm, now)
    };
    notification(environment, region, vec![item(alert, None, now)], now)
}

/// Events of all kinds. One has hostile text in every field, and one has nothing that may be absent.
pub(crate) fn events() -> Vec<Event> {
    let now = Timestamp::from_second(1_795_356_300).unwrap_or_default();
    let environment: EnvironmentName = "prod".parse().expect("the constant is a name");
    let firing = alert(State::Alarm, now);
    let hostile = Alert {
        name: HOSTILE.to_owned(),
        key: HOSTILE.repeat(20),
        reason: HOSTILE.to_owned(),
        description: HOSTILE.to_owned(),
        labels: [(HOSTILE.to_owned(), HOSTILE.to_owned())].into(),
        runbook: Some(format!("https://example.com/{HOSTILE}")),
        link: Some(format!("https://example.com/{HOSTILE}")),
        subject: Subject::External { probe: None },
        source: Source::Alertmanager,
        ..firing.clone()
    };
    let bare = Alert {
        subject: Subject::Unreadable,
        labels: BTreeMap::new(),
        runbook: None,
        link: None,
        ..firing.clone()
    };
    let resolved = alert(State::Ok, now);
    let acknowledged = Acknowledgement { by: HOSTILE.to_owned(), at: now };
    let items = [
        item(firing, Some(acknowledged), now),
        item(hostile, None, now),
        item(bare, None, now),
        item(resolved, None, now),
    ];
    items
        .into_iter()
        .map(|item| {
            let notification = notification(&environment, "eu-west-1", vec![item], now);
            Event::new(&notification, &notification.items[0], Language::English)
        })
        .collect()
}

fn alert(state: State, now: Timestamp) -> Alert {
    let probe: ProbeName = "support-bot".parse().expect("the constant is a name");
    let name = "vigie-prod-support-bot-down".to_owned();
    Alert {
        key: "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:vigie-prod-support-bot-down"
            .to_owned(),
        reason: "Threshold Crossed: 2 out of the last 3 datapoints were below the threshold."
            .to_owned(),
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        severity: Some(Severity::Page),
        runbook: Some("https://wiki.example.com/support-bot".to_owned()),
        link: Some("https://eu-west-1.console.aws.amazon.com/cloudwatch/home".to_owned()),
        looks_back_seconds: Some(180),
        ..Alert::new(name, Subject::Down { probe }, state, now)
    }
}

fn item(alert: Alert, acknowledged: Option<Acknowledgement>, now: Timestamp) -> Item {
    let since = now.checked_sub(Duration::from_secs(720)).unwrap_or(now);
    let since = if alert.state == State::Ok { since } else { now };
    Item {
        kind: NotificationKind::Changed,
        severity: alert.severity.unwrap_or(Severity::Page),
        incident: Some(Incident { since, began: since, rose: true }),
        closure: None,
        acknowledged,
        report: None,
        metrics: None,
        alert,
    }
}

fn notification(
    environment: &EnvironmentName,
    region: &str,
    items: Vec<Item>,
    now: Timestamp,
) -> Notification {
    Notification {
        environment: environment.clone(),
        now,
        zone: Zone { name: "UTC".to_owned(), rules: TimeZone::UTC },
        items,
        others: Some(Vec::new()),
        seen_from: Vec::new(),
        dashboard: None,
        region: region.to_owned(),
        bucket: String::new(),
        status_page: None,
    }
}

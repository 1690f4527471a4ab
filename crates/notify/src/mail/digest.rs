//! The parts of a mail as plain values, for receivers that have a layout of their own.

use crate::alert::{State, Subject};
use crate::locale::Language;
use crate::mail::language::messages;
use crate::mail::list;
use crate::mail::parts::acknowledged_by;
use crate::mail::single::Writer;
use crate::mail::situation::{Situation, situation};
use crate::mail::text::{brief, capitalized, one_line};
use crate::notification::{Item, Notification};

/// The longest text of a message in an unknown format, and of a description.
const LONGEST_TEXT: usize = 2_000;

/// One alarm of a notification in short texts. Each text is one line without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The state, the name and what is wrong: `DOWN support-bot (prod): wrong answer, turn 2, …`.
    pub title: String,
    /// What is wrong, without the name.
    pub summary: String,
    /// Why the notification is sent, when it is not the first one: a reminder, an escalation.
    pub kind: Option<String>,
    /// What is wrong and since when, in a sentence.
    pub headline: String,
    /// What users of the bot notice.
    pub impact: String,
    /// Who acknowledged the incident, in a sentence.
    pub acknowledged: Option<String>,
    /// Label and value: the turn, its prompt, the expected and the received text.
    pub details: Vec<(String, String)>,
    pub steps: Vec<String>,
    pub links: Vec<Link>,
    /// Commands that work when pasted.
    pub commands: Vec<String>,
    /// The region of the alarm.
    pub region: String,
    /// The environment of the alarm.
    pub environment: String,
}

/// A link of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub kind: LinkKind,
    /// In the language of the notification.
    pub label: String,
    pub url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    Report,
    Runbook,
    Alarm,
    Dashboard,
}

/// The texts about `item`, which is one of `notification`.
#[must_use]
pub fn digest(notification: &Notification, item: &Item, language: Language) -> Digest {
    let messages = messages(language);
    let writer = Writer { of: notification, messages };
    let situation = situation(item);
    let labels = messages.labels();
    let alert = &item.alert;
    let mut details = Vec::new();
    if let Some(report) = &item.report
        && matches!(
            situation,
            Situation::Down(_)
                | Situation::DownFrom(_)
                | Situation::Degraded(_)
                | Situation::NoData(_)
        )
    {
        let observed = writer.observed(item, report, situation);
        details.push((labels.report.to_owned(), observed.place));
        details.extend(observed.rows.into_iter().map(|(label, value)| (label.to_owned(), value)));
    }
    let text = match alert.subject {
        Subject::Unreadable => alert.reason.as_str(),
        Subject::External { .. } | Subject::SelfMonitoring | Subject::Location { .. } => {
            alert.description.as_str()
        }
        Subject::Down { .. } | Subject::Degraded { .. } => "",
    };
    if !one_line(text).is_empty() {
        details.push((labels.detail.to_owned(), brief(text, LONGEST_TEXT)));
    }
    let pages = writer.pages(item, situation);
    let commands = pages.report.iter().map(|(_, command)| command.clone());
    let mut commands: Vec<String> = commands.filter(|command| !command.is_empty()).collect();
    commands.extend(writer.acknowledge_command(item));
    commands.extend(writer.mute_command(item));
    let link = |kind, label: &str, url: &String| Link {
        kind,
        label: capitalized(label),
        url: url.clone(),
    };
    let mut links: Vec<Link> = Vec::new();
    links.extend(pages.report.iter().map(|(page, _)| link(LinkKind::Report, labels.report, page)));
    links.extend(pages.runbooks.iter().map(|url| link(LinkKind::Runbook, labels.runbook, url)));
    links.extend(pages.alarm.iter().map(|url| link(LinkKind::Alarm, labels.alarm, url)));
    links.extend(
        notification.dashboard.iter().map(|url| link(LinkKind::Dashboard, labels.dashboard, url)),
    );
    let acknowledged = item.acknowledged.as_ref().filter(|_| alert.state != State::Ok);
    Digest {
        title: writer.title(item, situation),
        summary: match &alert.subject {
            Subject::External { .. } if !alert.statement().is_empty() => {
                brief(alert.statement(), 200)
            }
            _ => writer.summary(item, situation),
        },
        kind: messages.kind(item.kind),
        headline: writer.headline(item, situation),
        impact: messages.impact(situation).to_owned(),
        acknowledged: acknowledged.map(|by| {
            format!("{}.", capitalized(&acknowledged_by(by, messages, &notification.zone)))
        }),
        details,
        steps: writer.steps(item, situation),
        links,
        commands,
        region: writer.region(item),
        environment: writer.environment(item),
    }
}

/// The title of a notification about several alarms: `2 DOWN, 1 OK (prod): bot, shop, docs`.
#[must_use]
pub fn group_title(notification: &Notification, language: Language) -> String {
    list::group_title(notification, messages(language))
}

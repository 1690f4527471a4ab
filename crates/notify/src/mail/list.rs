//! The layout of a mail about several alarms.

use crate::alert::{State, Subject};
use crate::mail::Mail;
use crate::mail::language::Messages;
use crate::mail::layout::{line, row, section};
use crate::mail::parts::{LONGEST_LIST, dashboard, open_alarms, place};
use crate::mail::single::Writer;
use crate::mail::situation::{Situation, StateCounts, situation};
use crate::mail::text::{brief, name, one_line, subject};
use crate::notification::{Item, Notification};

/// The longest name in a subject, which has up to four.
const LONGEST_IN_TITLE: usize = 40;

pub(crate) fn write(of: &Notification, items: &[Item], messages: &'static dyn Messages) -> Mail {
    let writer = Writer { of, messages };
    let environment = of.environment.as_str();
    let labels = messages.labels();
    let mut body = String::new();
    line(&mut body, &messages.group_headline(items.len(), &place(environment, &of.region)));
    body.push('\n');
    for item in items.iter().take(LONGEST_LIST) {
        entry(&writer, &mut body, item, situation(item));
    }
    if LONGEST_LIST < items.len() {
        line(&mut body, &format!("{} (+{})", labels.and_more, items.len() - LONGEST_LIST));
    }
    if items.iter().any(|item| item.alert.state != State::Ok) {
        let open = open_alarms(of.others.as_deref(), environment, messages, &of.zone);
        section(&mut body, labels.others, &open);
    }
    dashboard(&mut body, of.dashboard.as_deref(), messages);
    Mail { subject: subject(&group_title(of, messages)), body }
}

/// The title of a notification about several alarms: `2 DOWN, 1 OK (prod): bot, shop, docs`.
pub(crate) fn group_title(of: &Notification, messages: &dyn Messages) -> String {
    let mut counts = StateCounts::default();
    for item in &of.items {
        counts.count(situation(item));
    }
    let names: Vec<String> =
        of.items.iter().take(4).map(|item| brief(&item.alert.title(), LONGEST_IN_TITLE)).collect();
    let more = of.items.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(", +{more}") };
    let names = format!("{}{more}", names.join(", "));
    messages.group_subject(counts, of.environment.as_str(), &names)
}

fn entry(writer: &Writer<'_>, body: &mut String, item: &Item, situation: Situation) {
    let messages = writer.messages;
    let alert = &item.alert;
    let state = messages.state(situation, item.kind);
    let what = match alert.subject {
        Subject::External { .. } | Subject::Unreadable if !alert.statement().is_empty() => {
            brief(alert.statement(), 200)
        }
        _ => writer.summary(item, situation),
    };
    let title = name(&alert.title());
    line(body, &format!("{state}  {title}{}{what}", messages.colon()));
    row(body, "", &writer.period(item));
    if let Some(report) = &item.report {
        row(body, "", &format!("vigie report {}", report.key()));
    }
    let runbook = alert.runbook.as_ref();
    if let Some(link) = runbook.or(alert.link.as_ref()).filter(|_| alert.state != State::Ok) {
        row(body, "", &one_line(link));
    }
}

//! Parts that several mails share.

use crate::incident::Acknowledgement;
use crate::locale::Zone;
use crate::mail::language::Messages;
use crate::mail::layout::{line, moment, row, section};
use crate::mail::situation::situation_of_alert;
use crate::mail::text::{brief, name};
use crate::notification::OpenAlarm;

/// The longest list in one mail; the rest is counted.
pub(crate) const LONGEST_LIST: usize = 50;
/// The most other alarms that are named.
const MOST_OTHERS: usize = 10;

/// The environment with its region, since regions can have environments of the same name.
pub(crate) fn place(environment: &str, region: &str) -> String {
    format!("{environment} ({region})")
}

/// The other active alarms, one a line.
pub(crate) fn open_alarms(
    open: Option<&[OpenAlarm]>,
    environment: &str,
    messages: &dyn Messages,
    zone: &Zone,
) -> String {
    let labels = messages.labels();
    match open {
        None => labels.others_unknown.to_owned(),
        Some([]) => messages.no_other_alarm(environment),
        Some(open) => {
            let mut text = String::new();
            for alarm in open.iter().take(MOST_OTHERS) {
                let at = moment(alarm.since, messages, zone);
                let title = name(&alarm.alert.title());
                let situation = situation_of_alert(&alarm.alert);
                let mut entry = messages.open_alarm(situation, &title, &at);
                if let Some(acknowledged) = &alarm.acknowledged {
                    let by = acknowledged_by(acknowledged, messages, zone);
                    entry = format!("{entry} ({by})");
                }
                line(&mut text, &entry);
            }
            if MOST_OTHERS < open.len() {
                let more = open.len() - MOST_OTHERS;
                line(&mut text, &format!("{} (+{more})", labels.and_more));
            }
            text
        }
    }
}

/// `acknowledged by ada at …`.
pub(crate) fn acknowledged_by(
    acknowledged: &Acknowledgement,
    messages: &dyn Messages,
    zone: &Zone,
) -> String {
    let at = moment(acknowledged.at, messages, zone);
    messages.acknowledged(&brief(&acknowledged.by, 80), &at)
}

pub(crate) fn dashboard(body: &mut String, link: Option<&str>, messages: &dyn Messages) {
    let labels = messages.labels();
    if let Some(link) = link {
        let mut text = String::new();
        row(&mut text, labels.dashboard, link);
        section(body, labels.links, &text);
    }
}

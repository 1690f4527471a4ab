//! What a notification lists: its own alarms, and the other alarms that are active.

use std::collections::BTreeSet;

use crate::alert::{Alert, Subject};
use crate::incident::NotificationKind;
use crate::mail::urgency;
use crate::notification::{OpenAlarm, SeenFrom};
use crate::reconcile::{Facts, Outgoing, Records, open_alarms};
use crate::record::AlarmRecord;

/// The alarms of a notification, the most urgent first.
#[must_use]
pub fn own_alarms<'r>(
    outgoing: &Outgoing,
    records: &'r Records,
) -> Vec<(NotificationKind, &'r AlarmRecord)> {
    let items = outgoing.items.iter();
    let mut list: Vec<_> =
        items.filter_map(|(key, kind)| Some((*kind, records.get(key)?))).collect();
    list.sort_by_cached_key(|(_, record)| urgency(&record.alert, record.severity));
    list
}

/// The active alarms that are not in `outgoing`, the most urgent first; `None` if they are unknown.
#[must_use]
pub fn other_alarms(
    outgoing: Option<&Outgoing>,
    records: &Records,
    facts: &Facts,
) -> Option<Vec<OpenAlarm>> {
    let items = outgoing.map_or(&[][..], |outgoing| &outgoing.items);
    let keys: BTreeSet<&str> = items.iter().map(|(key, _)| key.as_str()).collect();
    let mut open = open_alarms(records, facts, &keys)?;
    open.sort_by_cached_key(|record| urgency(&record.alert, record.severity));
    let alarm = |record: &AlarmRecord| OpenAlarm {
        alert: record.alert.clone(),
        since: record.incident.map_or(record.alert.changed, |incident| incident.since),
        acknowledged: record.acknowledged.clone(),
    };
    Some(open.into_iter().map(alarm).collect())
}

/// What each location sees of the bot of these alarms, in the order of the names; empty if there are alarms of several
/// bots, or if the bot has one location.
#[must_use]
pub fn seen_from(outgoing: &Outgoing, records: &Records, facts: &Facts) -> Vec<SeenFrom> {
    let about = |key: &String| match &records.get(key)?.alert.subject {
        Subject::Down { probe } => Some(probe),
        _ => None,
    };
    let [(key, _)] = &outgoing.items[..] else { return Vec::new() };
    let Some(bot) = about(key) else { return Vec::new() };
    let location = |alert: &Alert| match &alert.subject {
        Subject::Location { probe, location } if probe == bot => {
            Some(SeenFrom { location: location.clone(), state: alert.state })
        }
        _ => None,
    };
    let mut all: Vec<SeenFrom> = facts.listed.iter().flatten().filter_map(location).collect();
    all.sort_by(|a, b| a.location.cmp(&b.location));
    all
}

#[cfg(test)]
mod tests {
    use domain::Severity;
    use jiff::Timestamp;

    use super::*;
    use crate::alert::State;

    fn alert(name: &str, state: State) -> Alert {
        let subject = Subject::of_alarm(name, &"prod".parse().unwrap());
        Alert::new(name.to_owned(), subject, state, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn only_locations_of_the_bot_are_listed() {
        let (bot, office) = ("vigie-prod-bot-down", "vigie-prod-bot-down.office");
        let listed = vec![
            alert(bot, State::Alarm),
            alert("vigie-prod-bot-down.us-east-1", State::Alarm),
            alert(office, State::InsufficientData),
            alert("vigie-prod-other-down.office", State::Alarm),
        ];
        let record = |alert: &Alert| (alert.key.clone(), AlarmRecord::new(alert, Severity::Page));
        let records: Records = listed.iter().map(record).collect();
        let facts = Facts { listed: Some(listed), ..Facts::default() };
        let seen = |keys: &[&str]| -> Vec<(String, State)> {
            let item = |key: &&str| ((*key).to_owned(), NotificationKind::Changed);
            let items = keys.iter().map(item).collect();
            let outgoing = Outgoing { receiver: "page".to_owned(), items };
            let seen = seen_from(&outgoing, &records, &facts);
            seen.into_iter().map(|one| (one.location.to_string(), one.state)).collect()
        };
        let expected = [("office", State::InsufficientData), ("us-east-1", State::Alarm)];
        assert_eq!(seen(&[bot]), expected.map(|(name, state)| (name.to_owned(), state)));
        assert_eq!(seen(&[office]), []);
        assert_eq!(seen(&[bot, office]), []);
    }
}

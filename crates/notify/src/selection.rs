//! What a notification lists: its own alarms, and the other alarms that are active.

use std::collections::BTreeSet;

use crate::incident::NotificationKind;
use crate::mail::urgency;
use crate::notification::OpenAlarm;
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

//! Decides what to send to each receiver about one alarm.

use domain::Severity;
use jiff::Timestamp;

use crate::alert::State;
use crate::incident::NotificationKind;
#[cfg(test)]
use crate::planted;
use crate::record::{AlarmRecord, elapsed};
use crate::rules::{BELIEVED, Rules};
use crate::sent::{Sent, SentState};

/// What the queries say about one alarm.
pub(crate) struct View {
    /// The state is certain enough for a reminder: queried just now, or reported just now.
    pub(crate) confirmed: bool,
    /// The state was queried, or cannot be queried at all.
    pub(crate) known: bool,
    pub(crate) muted: bool,
}

/// One receiver, and whether the alarm is routed to it.
#[derive(Clone, Copy)]
struct Receiver<'a> {
    name: &'a str,
    routed: bool,
}

/// What to send about one alarm, by receiver.
pub(crate) fn due(
    record: &AlarmRecord,
    view: &View,
    rules: &Rules,
    now: Timestamp,
) -> Vec<(String, NotificationKind)> {
    let routed = match record.severity {
        Severity::Page => &rules.page,
        Severity::Ticket => &rules.ticket,
    };
    let earlier = record.sent.keys().chain(record.attempts.keys());
    let mut receivers: Vec<&String> = routed.iter().chain(earlier).collect();
    receivers.sort();
    receivers.dedup();
    let mut due = Vec::new();
    for name in receivers {
        let receiver = Receiver { name, routed: routed.contains(name) };
        let decide = |sent| for_receiver(record, view, rules, receiver, sent, now);
        if let Some(kind) = with_retry(record, name, now, decide) {
            due.push((name.clone(), kind));
        }
    }
    for name in &rules.escalation {
        let decide = |sent: Option<Sent>| {
            let notified = sent.is_some_and(|sent| sent.state != SentState::Resolved);
            let escalates =
                !notified && may_repeat(record, view) && is_escalated(record, rules, now);
            escalates.then_some(NotificationKind::Escalation)
        };
        if !due.iter().any(|(receiver, _)| receiver == name)
            && let Some(kind) = with_retry(record, name, now, decide)
        {
            due.push((name.clone(), kind));
        }
    }
    due
}

/// Decides as if an unconfirmed attempt succeeded. If nothing is due then, and the attempt must be repeated, decides
/// as if it failed.
fn with_retry(
    record: &AlarmRecord,
    receiver: &str,
    now: Timestamp,
    decide: impl Fn(Option<Sent>) -> Option<NotificationKind>,
) -> Option<NotificationKind> {
    let attempt = record.attempts.get(receiver);
    let retries = attempt.is_some_and(|attempt| attempt.is_due(now));
    // An incident that the receiver may not know cannot be acknowledged there.
    let waits =
        |kind: &NotificationKind| attempt.is_some() && *kind == NotificationKind::Acknowledged;
    decide(record.last_sent(receiver))
        .filter(|kind| !waits(kind))
        .or_else(|| if retries { decide(record.sent.get(receiver).copied()) } else { None })
}

fn for_receiver(
    record: &AlarmRecord,
    view: &View,
    rules: &Rules,
    receiver: Receiver,
    sent: Option<Sent>,
    now: Timestamp,
) -> Option<NotificationKind> {
    let routed = receiver.routed;
    if record.is_once() {
        return (routed && sent.is_none()).then_some(NotificationKind::Changed);
    }
    let believed = view.known || elapsed(record.as_of, now) < BELIEVED;
    let open = record.is_open();
    if record.alert.state == State::InsufficientData && !open {
        // Whether the probe is still degraded is not known; its `down` alarm reports the missing data.
        return None;
    }
    let doubtful = view.muted || record.absent_since.is_some();
    if !believed || (doubtful && open) {
        return None;
    }
    let last = sent.map(|sent| sent.state);
    let notified = matches!(last, Some(last) if last != SentState::Resolved);
    if record.flapping_since.is_some() {
        let flapping = NotificationKind::Flapping { changes: record.changes.len() };
        return match sent {
            Some(sent) if sent.state == SentState::Flapping && !sent.unconfirmed => {
                repetition(record, view, rules, receiver, &sent, now, flapping)
            }
            _ if notified || (routed && open) => Some(flapping),
            _ => None,
        };
    }
    match sent {
        Some(sent) if sent.state == SentState::Flapping => Some(NotificationKind::Settled),
        Some(sent) if open && is_current(record, &sent) => {
            repetition(record, view, rules, receiver, &sent, now, NotificationKind::Reminder)
        }
        _ if open => (routed || notified).then_some(NotificationKind::Changed),
        Some(_) if notified => Some(NotificationKind::Changed),
        None if record.history_lost && routed => Some(NotificationKind::Changed),
        Some(_) | None => None,
    }
}

/// Whether the receiver knows the state of the incident.
fn is_current(record: &AlarmRecord, sent: &Sent) -> bool {
    !sent.unconfirmed
        && sent.state == sent_state(record, NotificationKind::Changed)
        && sent.incident == record.incident.map(|one| one.since)
}

/// What a receiver that knows the state is sent: a reminder, or for a tracker who acknowledged the incident.
fn repetition(
    record: &AlarmRecord,
    view: &View,
    rules: &Rules,
    receiver: Receiver,
    sent: &Sent,
    now: Timestamp,
    reminder: NotificationKind,
) -> Option<NotificationKind> {
    if rules.trackers.contains(receiver.name) {
        let is_new = record.acknowledged.is_some() && !sent.acknowledged;
        return is_new.then_some(NotificationKind::Acknowledged);
    }
    let is_time = rules.remind_every.is_some_and(|every| every <= elapsed(sent.last(), now));
    (receiver.routed && may_repeat(record, view) && is_time).then_some(reminder)
}

/// Whether reminders and escalation are allowed at all.
fn may_repeat(record: &AlarmRecord, view: &View) -> bool {
    #[cfg(test)]
    if planted::is(planted::Bug::NoDataOnce) && record.alert.state != State::Alarm {
        return false;
    }
    record.severity == Severity::Page
        && !record.is_once()
        && record.acknowledged.is_none()
        && view.confirmed
        && record.absent_since.is_none()
        && !view.muted
        && (record.is_open() || record.flapping_since.is_some())
}

fn is_escalated(record: &AlarmRecord, rules: &Rules, now: Timestamp) -> bool {
    // While an alarm flaps, each OK begins another incident; all of them count.
    let since = record.flapping_since.or(record.incident.map(|incident| incident.since));
    matches!((rules.escalate_after, since), (Some(after), Some(since)) if after <= elapsed(since, now))
}

/// What the receiver knows after a notification of this kind.
pub(crate) fn sent_after(
    record: &AlarmRecord,
    receiver: &str,
    kind: NotificationKind,
    now: Timestamp,
) -> Sent {
    let before = record.last_sent(receiver);
    let state = sent_state(record, kind);
    let incident = record.incident.map(|incident| incident.since);
    let same_incident = |sent: &Sent| sent.incident == incident && state != SentState::Resolved;
    let acknowledged = before.filter(same_incident).is_some_and(|sent| sent.acknowledged);
    let reminded_at = None;
    let new = Sent { state, at: now, incident, reminded_at, acknowledged, unconfirmed: false };
    let before = before.map(|before| Sent { unconfirmed: false, ..before });
    match (kind, before) {
        (NotificationKind::Acknowledged, Some(before)) => Sent { acknowledged: true, ..before },
        (NotificationKind::Reminder, Some(before)) => Sent { reminded_at: Some(now), ..before },
        (NotificationKind::Flapping { .. }, Some(before)) if before.state == state => {
            Sent { reminded_at: Some(now), ..before }
        }
        _ => new,
    }
}

fn sent_state(record: &AlarmRecord, kind: NotificationKind) -> SentState {
    match (kind, record.alert.state) {
        (NotificationKind::Flapping { .. }, _) => SentState::Flapping,
        (NotificationKind::Escalation, _) if record.flapping_since.is_some() => SentState::Flapping,
        _ if !record.is_open() => SentState::Resolved,
        (_, State::InsufficientData) => SentState::NoData,
        (_, State::Alarm | State::Ok) => SentState::Alarm,
    }
}

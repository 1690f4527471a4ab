//! Compares the current states with the last notification of each receiver, and decides what to send.
//!
//! Level-triggered: a lost, doubled or late event changes when a notification is sent, not whether. The caller reads
//! the records, queries CloudWatch, calls [`reconcile`], publishes, calls [`delivered`] for what was published, and
//! stores the records. A crash in between repeats a notification and never loses one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Severity;
use jiff::Timestamp;

use crate::alert::{Alert, State, Subject};
use crate::incident::NotificationKind;
#[cfg(test)]
use crate::planted;
use crate::record::{AlarmRecord, Fact, FlappingRules, Sent, SentState, elapsed};
use crate::route::Routes;

/// An alarm without data that was never seen in another state is new; it is reported after this time.
const NEW_ALARM: Duration = Duration::from_secs(600);
/// An event that no query confirms is believed for this long.
const BELIEVED: Duration = Duration::from_secs(300);

/// The records, by [`Alert::key`].
pub type Records = BTreeMap<String, AlarmRecord>;

/// The current states, as far as they could be queried.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// By [`Alert::key`]. An alarm that could not be queried is not in it.
    pub alarms: BTreeMap<String, Fact>,
    /// Every alarm that notifies Vigie and is not `OK`; `None` when the list is incomplete.
    pub listed: Option<Vec<Alert>>,
    /// The keys of the alarms that are muted.
    pub muted: BTreeSet<String>,
    /// The keys of the alarms that Vigie may not query, such as those of another account.
    pub out_of_reach: BTreeSet<String>,
}

/// Who is notified, and when again.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Receivers by severity.
    pub page: Vec<String>,
    pub ticket: Vec<String>,
    pub escalation: Vec<String>,
    /// How often a page that stays open is repeated; `None`: never.
    pub remind_every: Option<Duration>,
    /// After how long it is escalated; `None`: never.
    pub escalate_after: Option<Duration>,
    pub flapping: FlappingRules,
    /// Twice Alertmanager's repeat interval.
    pub lease: Duration,
    /// Changes within this time are sent together.
    pub window: Duration,
}

/// Whether changes wait for the end of their group's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A window has ended: everything is sent.
    Flush,
    /// A minute of the schedule: a young change waits for its flush.
    Tick,
}

/// One notification to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub receiver: String,
    /// The keys of the alarms, each with the reason to send it.
    pub items: Vec<(String, NotificationKind)>,
}

/// Brings the records up to date and decides what to send, at most one notification for each receiver.
pub fn reconcile(
    records: &mut Records,
    facts: &Facts,
    rules: &Rules,
    severity: impl Fn(&Alert) -> Severity,
    trigger: Trigger,
    now: Timestamp,
) -> Vec<Outgoing> {
    for alert in facts.listed.iter().flatten() {
        if !records.contains_key(&alert.key) && is_incident(alert, now) {
            records.insert(alert.key.clone(), AlarmRecord::new(alert, severity(alert)));
        }
    }
    let mut outgoing: BTreeMap<String, Vec<(String, NotificationKind)>> = BTreeMap::new();
    for (key, record) in records.iter_mut() {
        if let Some(fact) = facts.alarms.get(key) {
            record.confirm(fact, now);
        }
        record.refresh(&rules.flapping, now);
        let young = |since: Timestamp| elapsed(since, now) < rules.window + LATE_FLUSH;
        if trigger == Trigger::Tick && record.waiting_since.is_some_and(young) {
            continue;
        }
        record.waiting_since = None;
        let view = View {
            confirmed: is_confirmed(key, record, facts, now),
            known: is_known(key, record, facts),
            muted: facts.muted.contains(key),
        };
        for (receiver, kind) in due(record, &view, rules, now) {
            outgoing.entry(receiver).or_default().push((key.clone(), kind));
        }
    }
    outgoing.into_iter().map(|(receiver, items)| Outgoing { receiver, items }).collect()
}

/// A change that waits for longer than the window and this has lost its flush.
const LATE_FLUSH: Duration = Duration::from_secs(60);

/// Whether [`reconcile`] may have something to send without a new event, so that a query is worth its cost.
#[must_use]
pub fn is_due<'a>(
    mut records: impl Iterator<Item = &'a AlarmRecord>,
    rules: &Rules,
    now: Timestamp,
) -> bool {
    records.any(|record| {
        let fresh = elapsed(record.as_of, now) < BELIEVED;
        let view = View { confirmed: fresh || record.can_be_queried(), known: true, muted: false };
        record.absent_since.is_some()
            || record.is_stale(&rules.flapping, now)
            || !due(record, &view, rules, now).is_empty()
    })
}

/// Notes in the records which notifications were published.
pub fn delivered(records: &mut Records, results: &[(Outgoing, bool)], now: Timestamp) {
    #[cfg(test)]
    if planted::is(planted::Bug::OneFailureForAll) && results.iter().any(|(_, sent)| !sent) {
        return;
    }
    for (outgoing, _) in results.iter().filter(|(_, sent)| *sent) {
        note(records, outgoing, now);
    }
}

fn note(records: &mut Records, outgoing: &Outgoing, now: Timestamp) {
    for (key, kind) in &outgoing.items {
        if let Some(record) = records.get_mut(key) {
            let state = sent_state(record, *kind);
            let repeats = record.sent.get(&outgoing.receiver).map(|sent| sent.state) == Some(state);
            let reminder = match kind {
                NotificationKind::Reminder => true,
                NotificationKind::Flapping { .. } => repeats,
                _ => false,
            };
            record.mark_sent(&outgoing.receiver, reminder, state, now);
        }
    }
}

/// Whether the state of an alarm was queried, or cannot be queried at all.
fn is_known(key: &str, record: &AlarmRecord, facts: &Facts) -> bool {
    !record.can_be_queried() || facts.out_of_reach.contains(key) || facts.alarms.contains_key(key)
}

/// Whether the state is certain enough for a reminder: queried just now, or reported just now. An Alertmanager
/// repeats what is active, so that Vigie reminds when it does.
fn is_confirmed(key: &str, record: &AlarmRecord, facts: &Facts, now: Timestamp) -> bool {
    if record.can_be_queried() {
        is_known(key, record, facts)
    } else {
        elapsed(record.as_of, now) < BELIEVED
    }
}

struct View {
    /// See [`is_confirmed`].
    confirmed: bool,
    /// See [`is_known`].
    known: bool,
    muted: bool,
}

/// What to send about one alarm.
fn due(
    record: &AlarmRecord,
    view: &View,
    rules: &Rules,
    now: Timestamp,
) -> Vec<(String, NotificationKind)> {
    let routed = match record.severity {
        Severity::Page => &rules.page,
        Severity::Ticket => &rules.ticket,
    };
    let mut due = Vec::new();
    for receiver in routed.iter().chain(record.sent.keys().filter(|key| !routed.contains(*key))) {
        let is_routed = routed.contains(receiver);
        if let Some(kind) = for_receiver(record, view, rules, receiver, is_routed, now) {
            due.push((receiver.clone(), kind));
        }
    }
    for receiver in &rules.escalation {
        let sent = record.sent.get(receiver).map(|sent| sent.state);
        let notified = matches!(sent, Some(sent) if sent != SentState::Resolved);
        if !notified && may_repeat(record, view) && escalates(record, rules, now) {
            due.push((receiver.clone(), NotificationKind::Escalation));
        }
    }
    due
}

fn for_receiver(
    record: &AlarmRecord,
    view: &View,
    rules: &Rules,
    receiver: &str,
    routed: bool,
    now: Timestamp,
) -> Option<NotificationKind> {
    let sent = record.sent.get(receiver);
    let last = sent.map(|sent| sent.state);
    if record.is_once() {
        return (routed && last.is_none()).then_some(NotificationKind::Changed);
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
    let notified = matches!(last, Some(last) if last != SentState::Resolved);
    if record.flapping_since.is_some() {
        let changes = record.changes.len();
        return match last {
            Some(SentState::Flapping) => {
                let repeats = routed && may_repeat(record, view) && reminds(sent, rules, now);
                repeats.then_some(NotificationKind::Flapping { changes })
            }
            _ if notified || (routed && open) => Some(NotificationKind::Flapping { changes }),
            _ => None,
        };
    }
    match last {
        Some(SentState::Flapping) => Some(NotificationKind::Settled),
        Some(last)
            if open
                && last == sent_state(record, NotificationKind::Changed)
                && sent.and_then(|sent| sent.incident) == record.incident.map(|one| one.since) =>
        {
            let repeats = routed && may_repeat(record, view) && reminds(sent, rules, now);
            repeats.then_some(NotificationKind::Reminder)
        }
        _ if open => (routed || notified).then_some(NotificationKind::Changed),
        Some(SentState::Alarm | SentState::NoData) => Some(NotificationKind::Changed),
        None if record.history_lost && routed => Some(NotificationKind::Changed),
        Some(SentState::Resolved) | None => None,
    }
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

fn reminds(sent: Option<&Sent>, rules: &Rules, now: Timestamp) -> bool {
    let last = sent.map(|sent| sent.reminded_at.unwrap_or(sent.at));
    matches!((rules.remind_every, last), (Some(every), Some(last)) if every <= elapsed(last, now))
}

fn escalates(record: &AlarmRecord, rules: &Rules, now: Timestamp) -> bool {
    // While an alarm flaps, each OK begins another incident; all of them count.
    let since = record.flapping_since.or(record.incident.map(|incident| incident.since));
    matches!((rules.escalate_after, since), (Some(after), Some(since)) if after <= elapsed(since, now))
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

/// Whether an alarm that a query found is an incident, though no event reported it.
fn is_incident(alert: &Alert, now: Timestamp) -> bool {
    match alert.state {
        State::Alarm => true,
        // Alarms of others may never have data. A new alarm of a probe has none until the first run.
        State::InsufficientData => {
            matches!(alert.subject, Subject::Down { .. })
                && NEW_ALARM <= elapsed(alert.changed, now)
        }
        State::Ok => false,
    }
}

/// The open alarms, without those of `except`; `None` when one of them could not be queried.
#[must_use]
pub fn open_alarms<'a>(
    records: &'a Records,
    facts: &Facts,
    except: &BTreeSet<&str>,
) -> Option<Vec<&'a AlarmRecord>> {
    facts.listed.as_ref()?;
    let open = records.iter().filter(|(key, record)| {
        #[cfg(test)]
        if planted::is(planted::Bug::NoDataOnce) && record.alert.state != State::Alarm {
            return false;
        }
        record.is_open() && !record.is_once() && !except.contains(key.as_str())
    });
    open.map(|(key, record)| is_known(key, record, facts).then_some(record)).collect()
}

/// The severity that `routes` give in `environment`.
pub fn severity_by<'a>(
    routes: &'a Routes,
    environment: &'a str,
) -> impl Fn(&Alert) -> Severity + 'a {
    move |alert| routes.severity(alert, environment)
}

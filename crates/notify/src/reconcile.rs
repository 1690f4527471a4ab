//! Compares the current states with the last notification of each receiver, and decides what to send.
//!
//! Level-triggered: a lost, doubled or late event changes when a notification is sent, not whether. The caller reads
//! the records, queries CloudWatch, calls [`reconcile`] and [`begin`], stores the records, publishes, calls [`settle`]
//! and stores the records again. If the process ends in between, a notification may be repeated; neither it nor its
//! end is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Severity;
use jiff::Timestamp;

use crate::alert::{Alert, State, Subject};
use crate::due::{View, due, sent_after};
use crate::incident::NotificationKind;
#[cfg(test)]
use crate::planted;
use crate::record::{AlarmRecord, Fact, elapsed};
use crate::route::Routes;
use crate::rules::{BELIEVED, Rules};
use crate::sent::Outcome;

/// An alarm without data that was never seen in another state is new; it is reported after this time.
const NEW_ALARM: Duration = Duration::from_secs(600);

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

/// Notes in the records that notifications are about to be sent. The records are stored before the first one is.
pub fn begin(records: &mut Records, outgoing: &[Outgoing], now: Timestamp) {
    for Outgoing { receiver, items } in outgoing {
        for (key, kind) in items {
            if let Some(record) = records.get_mut(key) {
                let sent = sent_after(record, receiver, *kind, now);
                record.begin_attempt(receiver, sent, now);
            }
        }
    }
}

/// The outcome of one item of an [`Outgoing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub receiver: String,
    pub key: String,
    pub outcome: Outcome,
}

/// Notes the outcomes in the records.
pub fn settle(records: &mut Records, deliveries: &[Delivery], now: Timestamp) {
    #[cfg(test)]
    let one_failed = planted::is(planted::Bug::OneFailureForAll)
        && deliveries.iter().any(|delivery| delivery.outcome == Outcome::Rejected);
    for Delivery { receiver, key, outcome } in deliveries {
        #[cfg(test)]
        let outcome = if one_failed { &Outcome::Rejected } else { outcome };
        if let Some(record) = records.get_mut(key) {
            record.end_attempt(receiver, *outcome, now);
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

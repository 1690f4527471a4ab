//! The record of one alarm: its newest known state, and the last notification to each receiver.
//!
//! The record is not the truth. [`crate::reconcile`] compares it with what CloudWatch answers now; events only make
//! that sooner and add detail. An event is ordered by its sender's own clock ([`Alert::reported`]), never by the time
//! an alert started: Alertmanager repeats a firing alert with its first `startsAt` even after it sent "resolved".

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Source, State, Subject};
use crate::incident::{Acknowledgement, Closure, Incident};
#[cfg(test)]
use crate::planted;
use crate::sent::{Attempt, Sent};

/// The version of the record's format that this program writes.
pub const VERSION: u32 = 2;

/// An alarm's action and EventBridge's event report one change with times that differ by up to this.
const SAME_CHANGE: Duration = Duration::from_secs(5);
/// `DescribeAlarms` is eventually consistent: for this long after an event, an older answer is ignored.
const CONSISTENT_AFTER: Duration = Duration::from_secs(60);
/// An alarm is deleted when CloudWatch does not list it for this long; a deployment may replace it meanwhile.
const DELETED_AFTER: Duration = Duration::from_secs(120);
/// The first event may say that an alarm left `ALARM`; for this long receivers are sent that end.
const HISTORY_LOST_FOR: Duration = Duration::from_secs(86_400);
/// The most changes that are kept.
const MOST_CHANGES: usize = 32;

/// What Vigie keeps about one alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRecord {
    pub version: u32,
    /// The newest details.
    pub alert: Alert,
    /// When the sender reported them, by the sender's clock.
    pub as_of: Timestamp,
    pub severity: Severity,
    /// The current incident, or the last one; `None` when none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// Why it ended, when not by `OK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure: Option<Closure>,
    /// The last confirmed notifications, by receiver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sent: BTreeMap<String, Sent>,
    /// Notifications that are not confirmed, by receiver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attempts: BTreeMap<String, Attempt>,
    /// The first event says that the alarm left `ALARM`, and no record of that `ALARM` exists: receivers may
    /// have been notified of it.
    #[serde(default)]
    pub history_lost: bool,
    /// Recent changes of state, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Timestamp>,
    /// Since when the alarm flaps; `None` when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// For a sender that cannot be queried: until when its last report holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// Since when CloudWatch does not list the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<Timestamp>,
    /// Since when an event waits for the end of its group's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
}

/// The result of a query for one alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `since` is the time of the last transition, by CloudWatch's clock.
    Is { state: State, since: Timestamp, reason: String },
    /// A complete answer does not contain the alarm.
    Absent,
}

impl AlarmRecord {
    /// The record after the first report of an alarm.
    #[must_use]
    pub fn new(alert: &Alert, severity: Severity) -> Self {
        let open = alert.state != State::Ok;
        Self {
            version: VERSION,
            as_of: alert.reported,
            severity,
            incident: open.then(|| Incident {
                since: alert.changed,
                began: alert.began(),
                rose: alert.state == State::Alarm,
            }),
            closure: None,
            sent: BTreeMap::new(),
            attempts: BTreeMap::new(),
            history_lost: !open && alert.previous == Some(State::Alarm),
            changes: vec![alert.reported],
            flapping_since: None,
            acknowledged: None,
            lease_until: None,
            absent_since: None,
            waiting_since: None,
            alert: alert.clone(),
        }
    }

    /// Takes an event into the record; whether anything changed. `before` is `None` for an unknown alarm.
    #[must_use]
    pub fn observe(
        before: Option<&Self>,
        alert: &Alert,
        severity: Severity,
        lease: Duration,
        now: Timestamp,
    ) -> Option<Self> {
        let leased = alert.source == Source::Alertmanager && alert.state != State::Ok;
        let lease_until = leased.then(|| alert.reported.checked_add(lease).unwrap_or(now));
        let Some(before) = before else {
            let waiting_since = Some(now);
            return Some(Self { lease_until, waiting_since, ..Self::new(alert, severity) });
        };
        let same_state = before.alert.state == alert.state && before.closure.is_none();
        let repeated = same_state && elapsed(before.as_of, alert.reported) <= SAME_CHANGE;
        #[cfg(test)]
        if planted::is(planted::Bug::OrderByStart) && alert.changed < before.alert.changed {
            return None;
        }
        if alert.reported < before.as_of || repeated {
            return None;
        }
        let mut after = before.clone();
        after.severity = severity;
        after.lease_until = lease_until;
        after.enter(alert.clone(), alert.reported);
        if !same_state {
            after.waiting_since.get_or_insert(now);
        }
        (after != *before).then_some(after)
    }

    /// Compares the record with the result of a query, which has priority.
    pub fn confirm(&mut self, fact: &Fact, now: Timestamp) {
        match fact {
            Fact::Absent if self.alert.state == State::Ok => {}
            Fact::Absent => {
                let since = *self.absent_since.get_or_insert(now);
                if DELETED_AFTER <= elapsed(since, now) {
                    self.close(Closure::Deleted, now);
                }
            }
            Fact::Is { state, .. } if *state == self.alert.state && self.closure.is_none() => {
                self.absent_since = None;
            }
            Fact::Is { since, .. }
                if *since < self.as_of && elapsed(self.as_of, now) < CONSISTENT_AFTER => {}
            Fact::Is { state, since, reason } => {
                let alert = Alert {
                    state: *state,
                    previous: Some(self.alert.state),
                    changed: *since,
                    reported: *since,
                    reason: reason.clone(),
                    ..self.alert.clone()
                };
                let reported = self.as_of.max(*since);
                self.enter(alert, reported);
            }
        }
    }

    /// Limits for how long the last report holds: the alarm is one that Vigie may not query.
    pub(crate) fn lease_report(&mut self, lease: Duration) {
        if self.is_open() && self.lease_until.is_none() {
            self.lease_until = self.as_of.checked_add(lease).ok();
        }
    }

    /// Brings what depends on the time up to date: lease and flapping.
    pub fn refresh(&mut self, rules: &FlappingRules, now: Timestamp) {
        if self.lease_is_over(now) {
            self.close(Closure::NotReported, now);
        }
        if HISTORY_LOST_FOR <= elapsed(self.as_of, now) {
            self.history_lost = false;
        }
        let is_stable =
            self.changes.last().is_none_or(|at| rules.stable_after <= elapsed(*at, now));
        if is_stable {
            self.flapping_since = None;
        }
        self.changes.retain(|at| elapsed(*at, now) < rules.within);
        if !is_stable && rules.changes <= self.changes.len() {
            self.flapping_since.get_or_insert(now);
        }
    }

    /// Whether [`Self::refresh`] would change the state.
    #[must_use]
    pub(crate) fn is_stale(&self, rules: &FlappingRules, now: Timestamp) -> bool {
        let is_stable =
            self.changes.last().is_none_or(|at| rules.stable_after <= elapsed(*at, now));
        let recent = self.changes.iter().filter(|at| elapsed(**at, now) < rules.within).count();
        let flaps = !is_stable && rules.changes <= recent;
        self.lease_is_over(now)
            || (is_stable && self.flapping_since.is_some())
            || (flaps && self.flapping_since.is_none())
    }

    fn lease_is_over(&self, now: Timestamp) -> bool {
        #[cfg(test)]
        if planted::is(planted::Bug::EndlessLease) {
            return false;
        }
        self.is_open() && self.lease_until.is_some_and(|until| until <= now)
    }

    /// Whether there is an incident now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.alert.state {
            State::Alarm => true,
            // The probe's `down` alarm reports missing data for both.
            State::InsufficientData => !matches!(self.alert.subject, Subject::Degraded { .. }),
            State::Ok => false,
        }
    }

    /// Whether it is sent once and has no end: a test, or a message in an unknown format.
    #[must_use]
    pub fn is_once(&self) -> bool {
        self.alert.test.is_some() || self.alert.subject == Subject::Unreadable
    }

    /// Whether its state can be queried from CloudWatch.
    #[must_use]
    pub fn can_be_queried(&self) -> bool {
        !self.is_once() && matches!(self.alert.source, Source::CloudWatch | Source::EventBridge)
    }

    /// Merges two copies of the record that two invocations changed at the same time.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let (mut newer, older) =
            if other.as_of <= self.as_of { (self, other) } else { (other, self) };
        newer.merge_sent(&older);
        let same_incident = newer.incident == older.incident;
        newer.acknowledged = newer.acknowledged.or(older.acknowledged.filter(|_| same_incident));
        newer.history_lost &= older.history_lost;
        newer
    }

    fn enter(&mut self, alert: Alert, reported: Timestamp) {
        let changed = alert.state != self.alert.state || self.closure.is_some();
        let was_open = self.is_open();
        let ended = (!was_open).then_some(self.alert.changed);
        self.alert = alert;
        self.as_of = reported;
        self.absent_since = None;
        self.closure = None;
        if !changed {
            return;
        }
        self.changes.push(reported);
        let spare = self.changes.len().saturating_sub(MOST_CHANGES);
        self.changes.drain(..spare);
        if self.alert.state == State::Ok {
            self.acknowledged = None;
            return;
        }
        self.history_lost = false;
        let rose = self.alert.state == State::Alarm;
        match &mut self.incident {
            Some(incident) if was_open => incident.rose |= rose,
            incident => {
                // An Alertmanager alert that fires again keeps its first start.
                let since = ended.map_or(self.alert.changed, |end| end.max(self.alert.changed));
                let began = self.alert.began().max(ended.unwrap_or(self.alert.began()));
                *incident = Some(Incident { since, began, rose });
            }
        }
    }

    fn close(&mut self, closure: Closure, now: Timestamp) {
        let alert = Alert {
            state: State::Ok,
            previous: Some(self.alert.state),
            changed: now,
            ..self.alert.clone()
        };
        let as_of = self.as_of;
        self.enter(alert, as_of);
        self.closure = Some(closure);
    }
}

/// When an alarm flaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlappingRules {
    /// This many changes …
    pub changes: usize,
    /// … within this time are flapping.
    pub within: Duration,
    /// Flapping ends when the state did not change for this long.
    pub stable_after: Duration,
}

impl Default for FlappingRules {
    /// 5 changes within an hour, until the state is stable for 20 minutes.
    fn default() -> Self {
        Self {
            changes: 5,
            within: Duration::from_secs(3_600),
            stable_after: Duration::from_secs(20 * 60),
        }
    }
}

/// From `then` until `now`; zero when `then` is later.
pub(crate) fn elapsed(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

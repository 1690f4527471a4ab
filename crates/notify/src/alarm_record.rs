//! What is remembered of one alarm, and what a person is notified of it and when.
//!
//! Pure: "now" is an argument, and the record is a value that the caller stores. Two steps, since
//! alarms that change together are notified together:
//!
//! 1. [`observe`] takes an alert into the record. The same one twice changes nothing, and one that
//!    is older than what we know never overrides it.
//! 2. [`AlarmRecord::decide`] says, once the group's window is over or a minute of the schedule comes, what
//!    there is to tell, and what the record is afterwards. The caller publishes first and stores
//!    then: a crash between the two repeats a mail and never loses one.
//!
//! Without a record (it was lost, or the table can't be read) an alert is notified for itself, but for
//! one case: an `OK` after `INSUFFICIENT_DATA` with no record is what every new alarm does.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, State, Subject};
pub use crate::incident::{Incident, NotificationKind};
use domain::Severity;

/// The version of the record's format that this program writes.
pub const VERSION: u32 = 1;

/// Two accounts of one change (an alarm's action and EventBridge's event) may differ by so much.
const SAME_CHANGE: Duration = Duration::from_secs(5);

/// What is remembered of one alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRecord {
    pub version: u32,
    /// Its newest change.
    pub alert: Alert,
    pub severity: Severity,
    /// The stretch of incident that it is in, or that its `OK` ended; `None` when we know of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// Since when, by our clock, a change waits to be notified; `None` when all is notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Timestamp>,
    /// What was notified last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_notification: Option<LastNotification>,
    /// Its changes of late, oldest first, at most [`MOST_CHANGES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Timestamp>,
    /// When people were notified first that it flaps, by our clock; its changes are not notified until it is
    /// calm. `None` when it does not flap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping_since: Option<Timestamp>,
    #[serde(default)]
    pub escalated: bool,
}

/// The most changes that are remembered of one alarm.
pub const MOST_CHANGES: usize = 32;

/// What was notified, and when by our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastNotification {
    pub state: State,
    pub at: Timestamp,
}

/// What an alert means for what we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// We know it already. Its record is as it was, perhaps still waiting to be notified.
    Repeated,
    /// We know something newer.
    Outdated,
    /// It is kind; this is the record with it.
    NotificationKind(Box<AlarmRecord>),
}

/// When people are notified again, and when they are spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How often a page that stays up, or goes on flapping, is notified again; `None`: never.
    pub remind_every: Option<Duration>,
    /// After how long such a page is notified to the next in line; `None`: never.
    pub escalate_after: Option<Duration>,
    /// So many changes …
    pub flapping_changes: usize,
    /// … within this time are flapping.
    pub flapping_within: Duration,
    /// Flapping is over when nothing changed for so long.
    pub calm_after: Duration,
}

impl Default for Rules {
    /// Reminders every 4 h, no escalation; 5 changes in an hour flap, until 20 minutes are calm.
    fn default() -> Self {
        Self {
            remind_every: Some(Duration::from_secs(4 * 3_600)),
            escalate_after: None,
            flapping_changes: 5,
            flapping_within: Duration::from_secs(3_600),
            calm_after: Duration::from_secs(20 * 60),
        }
    }
}

/// A decision on one alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to tell; more than one only when a reminder and an escalation fall together.
    pub kinds: Vec<NotificationKind>,
    /// The record once that is notified.
    pub after: AlarmRecord,
}

/// Takes `alert` into what is known of its alarm. `before` is `None` for one that we never heard of.
#[must_use]
pub fn observe(
    before: Option<&AlarmRecord>,
    alert: &Alert,
    severity: Severity,
    now: Timestamp,
) -> Observed {
    if let Some(before) = before {
        let known = &before.alert;
        let apart = known.changed.duration_since(alert.changed).unsigned_abs();
        if known.state == alert.state && apart <= SAME_CHANGE {
            return Observed::Repeated;
        }
        if alert.changed < known.changed {
            return Observed::Outdated;
        }
    }
    let mut record = match before {
        Some(before) => AlarmRecord { alert: alert.clone(), severity, ..before.clone() },
        None => AlarmRecord::of(alert, severity),
    };
    if alert.state != State::Ok {
        let fresh = Incident { since: alert.changed, began: alert.began(), rose: false };
        // A incident that was notified to be over is over.
        let ongoing = before.filter(|before| before.alert.state != State::Ok || before.untold());
        let mut incident = ongoing.and_then(|before| before.incident).unwrap_or(fresh);
        incident.rose |= alert.state == State::Alarm;
        record.incident = Some(incident);
        record.escalated &= ongoing.is_some() || record.flapping_since.is_some();
    }
    record.changes.push(alert.changed);
    let spare = record.changes.len().saturating_sub(MOST_CHANGES);
    record.changes.drain(..spare);
    record.pending = record.worth_telling().then(|| record.pending.unwrap_or(now));
    Observed::NotificationKind(Box::new(record))
}

impl AlarmRecord {
    /// All that there is to know when an alert is the first one, or the record was lost.
    #[must_use]
    pub fn of(alert: &Alert, severity: Severity) -> Self {
        Self {
            version: VERSION,
            alert: alert.clone(),
            severity,
            incident: (alert.state != State::Ok).then(|| Incident {
                since: alert.changed,
                began: alert.began(),
                rose: alert.state == State::Alarm,
            }),
            pending: None,
            last_notification: None,
            changes: Vec::new(),
            flapping_since: None,
            escalated: false,
        }
    }

    /// Whether a change waits to be notified.
    #[must_use]
    pub fn untold(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether people would want to know of the state it is in.
    fn worth_telling(&self) -> bool {
        let last_notification =
            self.last_notification.map(|last_notification| last_notification.state);
        match self.alert.state {
            State::Alarm => true,
            // A new alarm begins so, and the probe's `down` alarm tells of blindness for both.
            State::InsufficientData => {
                self.alert.previous != Some(State::InsufficientData)
                    && !matches!(self.alert.subject, Subject::Degraded { .. })
            }
            State::Ok => match self.incident {
                Some(incident) => {
                    incident.rose || matches!(last_notification, Some(State::InsufficientData))
                }
                None => last_notification.is_none() && self.alert.previous == Some(State::Alarm),
            },
        }
    }

    /// What there is to tell at `now`, and the record once it is notified. Changes that wait are all
    /// notified, however young: the caller knows when the window is over.
    #[must_use]
    pub fn decide(&self, rules: &Rules, now: Timestamp) -> Decision {
        let mut after = self.clone();
        let mut kinds = Vec::new();
        after.changes.retain(|at| since(*at, now) < rules.flapping_within);
        let changes = after.changes.len();
        let calm = self.changes.last().is_none_or(|at| rules.calm_after <= since(*at, now));
        let remind = self.is_page()
            && due(
                rules.remind_every,
                self.last_notification.map(|last_notification| last_notification.at),
                now,
            );
        if self.flapping_since.is_some() {
            if calm {
                kinds.push(NotificationKind::Settled);
                after.flapping_since = None;
                after.changes.clear();
            } else if remind {
                kinds.push(NotificationKind::Flapping { changes });
            }
        } else if self.untold() {
            if rules.flapping_changes <= changes {
                kinds.push(NotificationKind::Flapping { changes });
                after.flapping_since = Some(now);
            } else {
                kinds.push(NotificationKind::Changed);
            }
        } else if remind && self.alert.state == State::Alarm {
            kinds.push(NotificationKind::Reminder);
        }
        // While it flaps, each OK begins another stretch of incident, and the whole of them counts.
        let since = self.flapping_since.or(self.incident.map(|incident| incident.since));
        if self.is_page_up() && !self.escalated && due(rules.escalate_after, since, now) {
            kinds.push(NotificationKind::Escalation);
            after.escalated = true;
        }
        // What waited is notified now, or is spared: while it flaps, the calm at the end tells it.
        after.pending = None;
        // Whom an escalation tells is somebody else.
        if kinds.iter().any(|kind| *kind != NotificationKind::Escalation) {
            after.last_notification = Some(LastNotification { state: self.alert.state, at: now });
        }
        if self.alert.state == State::Ok && after.flapping_since.is_none() {
            after.incident = None;
        }
        Decision { kinds, after }
    }

    /// Whether it is up now, and is something to be woken by.
    #[must_use]
    pub fn is_page_up(&self) -> bool {
        self.alert.state == State::Alarm && self.is_page()
    }

    fn is_page(&self) -> bool {
        self.severity == Severity::Page
            && self.alert.test.is_none()
            && self.alert.subject != Subject::Unreadable
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

fn due(after: Option<Duration>, then: Option<Timestamp>, now: Timestamp) -> bool {
    matches!((after, then), (Some(after), Some(then)) if after <= since(then, now))
}

#[cfg(test)]
#[path = "alarm_record_tests.rs"]
mod tests;

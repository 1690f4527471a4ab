//! A period in which an alarm was not `OK`, and the kinds of notifications about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A period in which an alarm was not `OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When the alarm left `OK`.
    pub since: Timestamp,
    /// When the period that the alarm evaluates began; a little earlier.
    pub began: Timestamp,
    /// Whether the alarm was in `ALARM`, and not only without data.
    pub rose: bool,
}

/// Why a notification is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// The alarm changed to its current state.
    Changed,
    /// The alarm is still active.
    Reminder,
    /// The state changes often. No notification is sent for single changes until it is stable.
    Flapping { changes: usize },
    /// The state is stable after flapping.
    Settled,
    /// The alarm was active for too long: for the escalation receiver.
    Escalation,
    /// The incident was acknowledged: for receivers that keep incidents themselves.
    Acknowledged,
}

/// Why an incident ended, when not by `OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closure {
    /// The alarm was deleted or renamed.
    Deleted,
    /// Its sender cannot be queried, and has not reported the alert for twice the repeat interval of Alertmanager.
    NotReported,
}

/// Who acknowledged an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: String,
    pub at: Timestamp,
}

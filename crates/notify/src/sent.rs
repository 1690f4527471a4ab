//! What a receiver was sent about an alarm, and what it may have been sent.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An attempt is not repeated more often than this; then it counts as delivered. With the pauses of
/// [`Attempt::pause`] this is about three hours.
const MOST_TRIES: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Notifications that two execution environments began within this time may arrive in either order.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(1);

/// The last notification to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub state: SentState,
    /// When the state was sent.
    pub at: Timestamp,
    /// The start of the incident that it was about. A new incident is sent even if the end of the one before
    /// was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<Timestamp>,
    /// Whether the receiver was sent that the incident is acknowledged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acknowledged: bool,
    /// Whether it is not known that the receiver took it: another notification followed before that was known. If
    /// the alarm is in this state again, it is sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

/// The state in the last notification of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentState {
    Alarm,
    NoData,
    Flapping,
    Resolved,
}

/// A notification that was perhaps delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What the receiver was sent if the attempt succeeded.
    pub sent: Sent,
    pub tries: u32,
    /// When the last try began.
    pub tried_at: Timestamp,
    /// Whether it ended without delivery or without an answer; `false` while it runs, and if the process ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    pub retry_at: Timestamp,
}

/// What is known about the delivery of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// The receiver certainly did not take it. It is sent again at the next reconciliation.
    Rejected,
    /// The receiver may have taken it, for example after a timeout. It is sent again after a pause.
    Unknown,
}

impl Sent {
    /// When the receiver was last sent anything.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.reminded_at.unwrap_or(self.at).max(self.at)
    }

    /// What is known from two copies of the record.
    pub(crate) fn merged(self, other: Self) -> Self {
        let age = |sent: &Self| (sent.last(), !sent.unconfirmed, sent.acknowledged);
        let (older, newer) = if age(&self) <= age(&other) { (self, other) } else { (other, self) };
        let same = (older.state, older.incident) == (newer.state, newer.incident);
        if same || SAME_TIME < newer.last().duration_since(older.last()) {
            return newer;
        }
        // Without the table, both were sent. If the state that arrived last is not the current one, it is sent again.
        let ended = newer.state == SentState::Resolved;
        Self { unconfirmed: true, ..if ended { older } else { newer } }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.state, self.incident, self.acknowledged)
            == (other.state, other.incident, other.acknowledged)
    }
}

impl Attempt {
    /// Whether the notification must be sent again.
    #[must_use]
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.tries < MOST_TRIES && self.retry_at <= now
    }

    /// After 1, 2, 4, 4, 4, 8 … 60 minutes. A process that ends once or twice after a receiver did not answer must not
    /// delay the notification for longer than the receiver did: so the third pause is used three times.
    #[must_use]
    pub(crate) fn pause(tries: u32) -> Duration {
        let doublings = match tries {
            0..=3 => tries.saturating_sub(1),
            4 | 5 => 2,
            _ => (tries - 3).min(6),
        };
        Duration::from_secs(60 << doublings).min(LONGEST_PAUSE)
    }
}

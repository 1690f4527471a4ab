//! What is remembered of one alarm, and what a person is told of it and when.
//!
//! Pure: "now" is an argument, and the memory is a value that the caller stores. Two steps, since
//! alarms that change together are told together:
//!
//! 1. [`observe`] takes an alert into the memory. The same one twice changes nothing, and one that
//!    is older than what we know never overrides it.
//! 2. [`Memory::decide`] says, once the group's window is over or a minute of the schedule comes, what
//!    there is to tell, and what the memory is afterwards. The caller publishes first and stores
//!    then: a crash between the two repeats a mail and never loses one.
//!
//! Without a memory (it was lost, or the table can't be read) an alert is told for itself, but for
//! one case: an `OK` after `INSUFFICIENT_DATA` with no memory is what every new alarm does.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Severity;
use crate::alert::{Alert, State, Subject};

/// The version of the memory's format that this program writes.
pub const VERSION: u32 = 1;

/// Two accounts of one change (an alarm's action and EventBridge's event) may differ by so much.
const SAME_CHANGE: Duration = Duration::from_secs(5);

/// What is remembered of one alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub version: u32,
    /// Its newest change.
    pub alert: Alert,
    pub severity: Severity,
    /// The stretch of trouble that it is in, or that its `OK` ended; `None` when we know of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Since when, by our clock, a change waits to be told; `None` when all is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Timestamp>,
    /// What was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// Its changes of late, oldest first, at most [`MOST_CHANGES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Timestamp>,
    /// When people were told first that it flaps, by our clock; its changes are not told until it is
    /// calm. `None` when it does not flap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping_since: Option<Timestamp>,
    #[serde(default)]
    pub escalated: bool,
}

/// The most changes that are remembered of one alarm.
pub const MOST_CHANGES: usize = 32;

/// A stretch in which an alarm was not `OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When the alarm left `OK`.
    pub since: Timestamp,
    /// When what it looked at began; a little earlier.
    pub began: Timestamp,
    /// Whether it was `ALARM` in it, and not merely blind.
    pub rose: bool,
}

/// What was told, and when by our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub state: State,
    pub at: Timestamp,
}

/// What an alert means for what we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// We know it already. Its memory is as it was, perhaps still waiting to be told.
    Repeated,
    /// We know something newer.
    Outdated,
    /// It is news; this is the memory with it.
    News(Box<Memory>),
}

/// When people are told again, and when they are spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How often a page that stays up, or goes on flapping, is told again; `None`: never.
    pub remind_every: Option<Duration>,
    /// After how long such a page is told to the next in line; `None`: never.
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

/// What there is to tell of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It changed to the state it is in.
    Changed,
    /// It is still up.
    Reminder,
    /// It goes up and down; its changes are not told until it is calm, only that it goes on.
    Flapping { changes: usize },
    /// It flapped and is calm again, in the state it is in.
    Settled,
    /// It stays up, or flaps, for too long: for the next in line.
    Escalation,
}

/// A decision on one alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to tell; more than one only when a reminder and an escalation fall together.
    pub news: Vec<News>,
    /// The memory once that is told.
    pub after: Memory,
}

/// Takes `alert` into what is known of its alarm. `before` is `None` for one that we never heard of.
#[must_use]
pub fn observe(
    before: Option<&Memory>,
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
    let mut memory = match before {
        Some(before) => Memory { alert: alert.clone(), severity, ..before.clone() },
        None => Memory::of(alert, severity),
    };
    if alert.state != State::Ok {
        let fresh = Trouble { since: alert.changed, began: alert.began(), rose: false };
        // A trouble that was told to be over is over.
        let ongoing = before.filter(|before| before.alert.state != State::Ok || before.untold());
        let mut trouble = ongoing.and_then(|before| before.trouble).unwrap_or(fresh);
        trouble.rose |= alert.state == State::Alarm;
        memory.trouble = Some(trouble);
        memory.escalated &= ongoing.is_some() || memory.flapping_since.is_some();
    }
    memory.changes.push(alert.changed);
    let spare = memory.changes.len().saturating_sub(MOST_CHANGES);
    memory.changes.drain(..spare);
    memory.pending = memory.worth_telling().then(|| memory.pending.unwrap_or(now));
    Observed::News(Box::new(memory))
}

impl Memory {
    /// All that there is to know when an alert is the first one, or the memory was lost.
    #[must_use]
    pub fn of(alert: &Alert, severity: Severity) -> Self {
        Self {
            version: VERSION,
            alert: alert.clone(),
            severity,
            trouble: (alert.state != State::Ok).then(|| Trouble {
                since: alert.changed,
                began: alert.began(),
                rose: alert.state == State::Alarm,
            }),
            pending: None,
            told: None,
            changes: Vec::new(),
            flapping_since: None,
            escalated: false,
        }
    }

    /// Whether a change waits to be told.
    #[must_use]
    pub fn untold(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether people would want to know of the state it is in.
    fn worth_telling(&self) -> bool {
        let told = self.told.map(|told| told.state);
        match self.alert.state {
            State::Alarm => true,
            // A new alarm begins so, and the probe's `down` alarm tells of blindness for both.
            State::InsufficientData => {
                self.alert.previous != Some(State::InsufficientData)
                    && !matches!(self.alert.subject, Subject::Degraded { .. })
            }
            State::Ok => match self.trouble {
                Some(trouble) => trouble.rose || matches!(told, Some(State::InsufficientData)),
                None => told.is_none() && self.alert.previous == Some(State::Alarm),
            },
        }
    }

    /// What there is to tell at `now`, and the memory once it is told. Changes that wait are all
    /// told, however young: the caller knows when the window is over.
    #[must_use]
    pub fn decide(&self, rules: &Rules, now: Timestamp) -> Decision {
        let mut after = self.clone();
        let mut news = Vec::new();
        after.changes.retain(|at| since(*at, now) < rules.flapping_within);
        let changes = after.changes.len();
        let calm = self.changes.last().is_none_or(|at| rules.calm_after <= since(*at, now));
        let remind = self.is_page() && due(rules.remind_every, self.told.map(|told| told.at), now);
        if self.flapping_since.is_some() {
            if calm {
                news.push(News::Settled);
                after.flapping_since = None;
                after.changes.clear();
            } else if remind {
                news.push(News::Flapping { changes });
            }
        } else if self.untold() {
            if rules.flapping_changes <= changes {
                news.push(News::Flapping { changes });
                after.flapping_since = Some(now);
            } else {
                news.push(News::Changed);
            }
        } else if remind && self.alert.state == State::Alarm {
            news.push(News::Reminder);
        }
        // While it flaps, each OK begins another stretch of trouble, and the whole of them counts.
        let since = self.flapping_since.or(self.trouble.map(|trouble| trouble.since));
        if self.is_page_up() && !self.escalated && due(rules.escalate_after, since, now) {
            news.push(News::Escalation);
            after.escalated = true;
        }
        // What waited is told now, or is spared: while it flaps, the calm at the end tells it.
        after.pending = None;
        // Whom an escalation tells is somebody else.
        if news.iter().any(|news| *news != News::Escalation) {
            after.told = Some(Told { state: self.alert.state, at: now });
        }
        if self.alert.state == State::Ok && after.flapping_since.is_none() {
            after.trouble = None;
        }
        Decision { news, after }
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
#[path = "alert_memory_tests.rs"]
mod tests;

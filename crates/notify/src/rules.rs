//! Who is notified, and when again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::record::FlappingRules;

/// An event that no query confirms counts for this long.
pub(crate) const BELIEVED: Duration = Duration::from_secs(300);

/// Who is notified, and when again.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Receivers by severity.
    pub page: Vec<String>,
    pub ticket: Vec<String>,
    pub escalation: Vec<String>,
    /// Receivers that keep an incident themselves, such as `PagerDuty`. They get no reminders, and are notified when
    /// the incident is acknowledged.
    pub trackers: BTreeSet<String>,
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

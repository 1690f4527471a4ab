//! Everything that a notification is written from. What could not be fetched is `None`.

use std::time::Duration;

use domain::{EnvironmentName, LocationName, ProbeName, Report, Severity};
use jiff::Timestamp;

use crate::alert::{Alert, State};
use crate::incident::{Acknowledgement, Closure, Incident, NotificationKind};
use crate::locale::Zone;

/// One notification to one receiver.
#[derive(Clone, Debug)]
pub struct Notification {
    pub environment: EnvironmentName,
    /// When it is written.
    pub now: Timestamp,
    pub zone: Zone,
    /// The alarms, the most urgent first; never empty. One alarm makes a full mail, several make a list.
    pub items: Vec<Item>,
    /// Other active alarms; `None` when they could not be queried.
    pub others: Option<Vec<OpenAlarm>>,
    /// What each location sees of the bot, for an alarm about a bot at several locations; else empty.
    pub seen_from: Vec<SeenFrom>,
    /// The link to the CloudWatch dashboard.
    pub dashboard: Option<String>,
    pub region: String,
    pub bucket: String,
    /// The address of the status page of `vigie serve`, without a trailing slash; `None` on AWS. Links go to it.
    pub status_page: Option<String>,
}

/// What a location sees of a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFrom {
    pub location: LocationName,
    /// The state of its alarm.
    pub state: State,
}

/// One alarm in a notification.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: NotificationKind,
    pub alert: Alert,
    pub severity: Severity,
    /// The current incident, or the one that has just ended; `None` when none is known.
    pub incident: Option<Incident>,
    /// Why it ended, when not by `OK`.
    pub closure: Option<Closure>,
    pub acknowledged: Option<Acknowledgement>,
    /// The report of the run that raised the alarm; of `vigie serve`, the newest one of the incident.
    pub report: Option<Report>,
    pub metrics: Option<ProbeMetrics>,
}

impl Item {
    /// How long the incident lasted until `until`; `None` when its start is not known.
    #[must_use]
    pub fn lasted(&self, until: Timestamp) -> Option<Duration> {
        Duration::try_from(until.duration_since(self.incident?.since)).ok()
    }
}

/// The data of the weekly mail.
#[derive(Clone, Debug)]
pub struct WeeklyReport {
    pub environment: EnvironmentName,
    pub region: String,
    pub now: Timestamp,
    pub zone: Zone,
    /// The probes that ran; `None` when CloudWatch returned nothing.
    pub probes: Option<Vec<ProbeWeek>>,
    /// Active alarms; `None` when they could not be queried.
    pub open: Option<Vec<OpenAlarm>>,
    pub dashboard: Option<String>,
}

/// The last week of one probe.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeWeek {
    pub probe: ProbeName,
    pub runs: Runs,
    /// Share of the error budget of 30 days that is left, at most 1; negative if more runs failed than the objective
    /// allows. `None` without an objective.
    pub budget_left: Option<f64>,
}

/// Another active alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAlarm {
    pub alert: Alert,
    pub since: Timestamp,
    pub acknowledged: Option<Acknowledgement>,
}

/// Metrics of a probe from CloudWatch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeMetrics {
    /// The hour before the incident began.
    pub before: Window,
    /// From then until now, or until the end of the incident.
    pub during: Window,
    /// Availability from 0 to 1, oldest first, in steps of `step`; `None` where no run had a verdict.
    pub line: Vec<Option<f64>>,
    pub step: Duration,
}

/// Metrics of one period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Runs with a verdict, and how many of them passed.
    pub runs: Option<Runs>,
    /// Time to first chunk in seconds, the median.
    pub first_chunk_p50: Option<f64>,
    pub first_chunk_p95: Option<f64>,
}

/// Runs of one period; `passed` is at most `total`, which is more than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    pub passed: u64,
    pub total: u64,
}

impl Runs {
    /// From CloudWatch's sum and sample count of `Success`; `None` when there were no runs, or the two
    /// values are inconsistent.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts, checked to be in range"
    )]
    pub fn of(passed: f64, total: f64) -> Option<Self> {
        let counted = (0.0..=total).contains(&passed) && (1.0..1e15).contains(&total);
        counted.then(|| Self { passed: passed.round() as u64, total: total.round() as u64 })
    }

    #[must_use]
    pub fn failed(self) -> u64 {
        self.total.saturating_sub(self.passed)
    }

    /// From 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "runs of some hours are far below 2^53")]
    pub fn availability(self) -> f64 {
        self.passed as f64 / self.total.max(1) as f64
    }
}

//! Everything that a notification is written from; what could not be had is `None`.

use std::time::Duration;

use domain::alert::Alert;
use domain::alert_memory::{Memory, News};
use domain::{EnvironmentName, Report};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::watch::ProbeWeek;

/// One notification to one topic.
#[derive(Clone, Debug)]
pub struct Notification {
    pub environment: EnvironmentName,
    /// When it is written.
    pub now: Timestamp,
    pub zone: Zone,
    /// What it is about, the gravest first; never empty. One makes a whole mail, more a list.
    pub items: Vec<Item>,
    /// Other alarms that are up; `None` when that could not be found out.
    pub others: Option<Vec<Other>>,
    /// The CloudWatch dashboard.
    pub dashboard: Option<String>,
    pub region: String,
    pub bucket: String,
}

/// The team's time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// By its IANA name.
    pub name: String,
    pub rules: TimeZone,
}

/// One alarm in a notification.
#[derive(Clone, Debug)]
pub struct Item {
    pub news: News,
    pub memory: Memory,
    /// The newest report of its probe, when it is of this trouble.
    pub report: Option<Report>,
    pub figures: Option<Figures>,
}

impl Item {
    #[must_use]
    pub fn alert(&self) -> &Alert {
        &self.memory.alert
    }

    /// How long the trouble lasted until `until`; `None` when its beginning is not known.
    #[must_use]
    pub fn lasted(&self, until: Timestamp) -> Option<Duration> {
        let since = self.memory.trouble?.since;
        Duration::try_from(until.duration_since(since)).ok()
    }
}

/// What the weekly mail is written from.
#[derive(Clone, Debug)]
pub struct Week {
    pub environment: EnvironmentName,
    pub region: String,
    pub now: Timestamp,
    pub zone: Zone,
    /// The probes that ran; `None` when CloudWatch did not tell.
    pub probes: Option<Vec<ProbeWeek>>,
    /// Alarms that are up; `None` when that could not be found out.
    pub up: Option<Vec<Other>>,
    pub dashboard: Option<String>,
}

/// Another alarm that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    pub alert: Alert,
    pub since: Timestamp,
}

/// Figures of a probe from CloudWatch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The hour before the trouble began.
    pub before: Window,
    /// From then until now, or until it was over.
    pub during: Window,
    /// Availability from 0 to 1, oldest first, in steps of `step`; `None` where nothing ran.
    pub line: Vec<Option<f64>>,
    pub step: Duration,
}

/// Figures of one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Runs with a verdict, and those of them that passed.
    pub runs: Option<Runs>,
    /// Time to first chunk in seconds, the median.
    pub first_chunk_p50: Option<f64>,
    pub first_chunk_p95: Option<f64>,
}

/// Runs of one stretch of time; `passed` is at most `total`, which is more than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    pub passed: u64,
    pub total: u64,
}

impl Runs {
    /// From CloudWatch's sum and sample count of `Success`; `None` when nothing ran, or the two don't
    /// belong together.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts, checked to be in range"
    )]
    pub(crate) fn of(passed: f64, total: f64) -> Option<Self> {
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

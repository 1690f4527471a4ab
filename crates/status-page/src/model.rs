//! The data of the pages.

use std::time::Duration;

use domain::{LocationName, ProbeName, Reason, Verdict};
use jiff::Timestamp;

use crate::locale::Language;

pub use domain::Disclosure;

/// Who reads the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone: no prompts, replies, addresses or reasons, unless the probe allows them.
    Public,
    /// The team.
    Internal,
}

/// What all pages have in common.
#[derive(Clone, Debug)]
pub struct Site {
    pub title: String,
    pub language: Language,
    pub audience: Audience,
    pub now: Timestamp,
    /// The absolute address of the page, without a trailing slash, for the feed.
    pub address: String,
}

impl Site {
    /// What the reader may see of a probe.
    #[must_use]
    pub fn shown(&self, allowed: Disclosure) -> Disclosure {
        match self.audience {
            Audience::Public => allowed,
            Audience::Internal => Disclosure { reasons: true, address: true, conversation: true },
        }
    }
}

/// The current state of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Down,
    /// No run within the last intervals, or the last runs had no verdict.
    NoData,
    Degraded,
    Up,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::NoData => "no_data",
            Self::Degraded => "degraded",
            Self::Up => "up",
        }
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Up => Self::Up,
            Verdict::Degraded => Self::Degraded,
            Verdict::Down => Self::Down,
        }
    }
}

/// The number of probes in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub up: usize,
    pub degraded: usize,
    pub down: usize,
    pub no_data: usize,
}

impl StateCounts {
    pub fn add(&mut self, state: State) {
        *match state {
            State::Up => &mut self.up,
            State::Degraded => &mut self.degraded,
            State::Down => &mut self.down,
            State::NoData => &mut self.no_data,
        } += 1;
    }

    #[must_use]
    pub fn all(self) -> usize {
        self.up + self.degraded + self.down + self.no_data
    }

    /// The worst state of any probe.
    #[must_use]
    pub fn worst(self) -> State {
        if self.down > 0 {
            State::Down
        } else if self.degraded > 0 {
            State::Degraded
        } else if self.no_data > 0 || self.up == 0 {
            State::NoData
        } else {
            State::Up
        }
    }
}

/// Runs of a period by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    pub up: u64,
    pub degraded: u64,
    pub down: u64,
    /// Runs without a verdict, because of a fault of Vigie.
    pub errors: u64,
    /// Runs in maintenance windows, which do not count.
    pub maintenance: u64,
}

impl Runs {
    /// Runs with a verdict.
    #[must_use]
    pub fn judged(self) -> u64 {
        self.up + self.degraded + self.down
    }

    /// Share of the judged runs that passed, in percent; `None` without judged runs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of runs are far below 2^53")]
    pub fn availability(self) -> Option<f64> {
        let passed = (self.up + self.degraded) as f64;
        (self.judged() > 0).then(|| 100.0 * passed / self.judged() as f64)
    }
}

/// A day or another part of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub start: Timestamp,
    pub runs: Runs,
}

/// Two percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    pub p50: Option<Duration>,
    pub p95: Option<Duration>,
}

/// A probe on the overview.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSummary {
    pub name: ProbeName,
    pub public: Disclosure,
    pub state: State,
    /// Since when; `None` when it is not known.
    pub since: Option<Timestamp>,
    /// Whether it is in a maintenance window now.
    pub in_maintenance: bool,
    pub last_24_hours: Runs,
    pub last_7_days: Runs,
    pub last_30_days: Runs,
    pub last_90_days: Runs,
    /// Wanted availability over 30 days, in percent.
    pub objective: Option<f64>,
    /// The last 90 days, oldest first.
    pub days: Vec<Slot>,
    /// Of the last 24 hours.
    pub first_chunk: Latency,
    /// The median of each of the last 24 hours, oldest first.
    pub first_chunk_hours: Vec<Option<Duration>>,
}

impl ProbeSummary {
    /// The share of the error budget of 30 days that is left, in percent, at least 0; `None` without an objective or
    /// runs.
    #[must_use]
    pub fn error_budget_left(&self) -> Option<f64> {
        let budget = 100.0 - self.objective?;
        let spent = 100.0 - self.last_30_days.availability()?;
        Some(if budget <= 0.0 {
            if spent > 0.0 { 0.0 } else { 100.0 }
        } else {
            (100.0 * (1.0 - spent / budget)).max(0.0)
        })
    }
}

/// The overview.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The probes of this page.
    pub probes: Vec<ProbeSummary>,
    /// All probes.
    pub counts: StateCounts,
    /// Counted from 1.
    pub page: usize,
    pub pages: usize,
    /// Open incidents, and those that ended within the last days.
    pub incidents: Vec<IncidentView>,
}

/// An incident.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentView {
    pub number: i64,
    pub probe: ProbeName,
    pub public: Disclosure,
    /// [`State::Down`] or [`State::Degraded`].
    pub state: State,
    pub began: Timestamp,
    /// `None` while it lasts.
    pub ended: Option<Timestamp>,
    pub reason: Option<Reason>,
    pub detail: String,
    /// The turn that failed, counted from 1.
    pub turn: Option<u32>,
    pub expected: Option<String>,
    pub found: Option<String>,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<Timestamp>,
    /// Runs from the beginning to the end.
    pub runs: Runs,
    /// The path of a report, such as `/probes/bot/runs/1795564800000`.
    pub report: Option<String>,
}

impl IncidentView {
    /// Its length until now if it lasts.
    #[must_use]
    pub fn lasted(&self, now: Timestamp) -> Duration {
        let end = self.ended.unwrap_or(now);
        Duration::try_from(end.duration_since(self.began)).unwrap_or_default()
    }
}

/// The period of the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    #[default]
    Day,
    Week,
    Month,
    Quarter,
}

impl Range {
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The value of the parameter `range`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// `None` for another word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.as_str() == word)
    }

    #[must_use]
    pub fn hours(self) -> u64 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Quarter => 90 * 24,
        }
    }

    /// The length of one point of the charts, in hours, or zero when each run is a point.
    #[must_use]
    pub fn step_hours(self) -> u64 {
        match self {
            Self::Day => 0,
            Self::Week => 1,
            Self::Month => 6,
            Self::Quarter => 24,
        }
    }
}

/// One point of the charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub at: Timestamp,
    pub runs: Runs,
    pub first_chunk: Latency,
    pub reply: Latency,
    pub queue: Option<Duration>,
    /// Name resolution, connection, TLS handshake, description of the app.
    pub phases: [Option<Duration>; 4],
}

/// One run in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    pub due: Timestamp,
    /// `None` for a run without a verdict.
    pub verdict: Option<Verdict>,
    /// The reason of a failed run, or Vigie's fault.
    pub reason: Option<&'static str>,
    /// Whether it was due in a maintenance window, so that it does not count.
    pub in_maintenance: bool,
    pub duration: Duration,
    pub first_chunk: Option<Duration>,
    pub reply: Option<Duration>,
    pub retries: u64,
    /// The path of the report.
    pub report: Option<String>,
}

/// The configuration of a probe, without secrets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// The address without credentials and query.
    pub address: Option<String>,
    pub every: Duration,
    pub timeout: Duration,
    pub retries: u32,
    pub first_chunk_objective: Option<Duration>,
    pub reply_objective: Option<Duration>,
    /// Such as `2 of 3`.
    pub down_rule: String,
    pub degraded_rule: String,
    /// Each window, such as `cron(0 2 ? * SUN *), 1h, Europe/Paris`.
    pub maintenance: Vec<String>,
    pub labels: Vec<(String, String)>,
    pub runbook: Option<String>,
    /// Each prompt with its checks.
    pub conversation: Vec<(String, Vec<String>)>,
    /// The version and protocol of the app, as the last run found them.
    pub app: Option<String>,
}

/// A probe at one of several locations.
#[derive(Clone, Debug, PartialEq)]
pub struct LocationRow {
    pub name: LocationName,
    /// That of the last run with a verdict.
    pub state: State,
    /// When this run was due; `None` without one in the last 24 hours.
    pub last: Option<Timestamp>,
    /// Of the last 24 hours.
    pub runs: Runs,
    pub first_chunk: Latency,
}

/// The page of a probe.
#[derive(Clone, Debug)]
pub struct ProbePage {
    pub summary: ProbeSummary,
    /// Empty unless the probe runs at several locations.
    pub locations: Vec<LocationRow>,
    pub range: Range,
    pub points: Vec<Point>,
    /// Failed runs of the range by reason, the most frequent first.
    pub reasons: Vec<(Reason, u64)>,
    /// The last runs, newest first.
    pub runs: Vec<RunView>,
    pub incidents: Vec<IncidentView>,
    pub certificate_expires: Option<Timestamp>,
    pub configuration: Configuration,
}

/// The page of an incident.
#[derive(Clone, Debug)]
pub struct IncidentPage {
    pub incident: IncidentView,
    /// Runs before, during and after the incident, oldest first.
    pub runs: Vec<RunView>,
}

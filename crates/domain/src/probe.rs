//! A probe: a named conversation with its target and schedule.
//!
//! [`ProbeSpec`] has the values for all environments, [`Probe`] those for one of them. A run request
//! contains a whole [`Probe`], with references to secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alarm::AlarmRule;
use crate::check::Check;
use crate::disclosure::Disclosure;
use crate::location::Placement;
use crate::maintenance::Maintenance;
use crate::name::{EnvironmentName, ProbeName};
use crate::objective::AvailabilityObjective;
use crate::objectives::Objectives;
use crate::scrape::{Scrape, one_or_many};
use crate::template::Template;
use crate::wire;

pub use crate::resolve::ResolveError;
pub use crate::target::{
    Auth, ClientCertificate, Login, Page, PerEnvironment, Target, TargetLimits, TargetSpec,
};

/// A probe as its file has it, with values that may differ by environment.
pub type ProbeSpec = Probe<TargetSpec>;

/// A named conversation with a target, and when to hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe<T = Target> {
    pub name: ProbeName,
    /// Interval between two runs: 10, 20 or 30 s, or whole minutes up to a day; see [`is_interval`].
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
    /// Where it runs; `None` means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentName>>,
    /// `false`: no runs and no alarms.
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Placement::is_default")]
    pub placement: Placement,
    /// The whole run, retries included; at most [`longest_timeout`].
    #[serde(with = "wire::seconds", rename = "timeout_seconds")]
    pub timeout: Duration,
    pub target: T,
    pub retry: Retry,
    /// The most attempts a day, for a paid model. Checked when the file is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_runs_per_day: Option<u32>,
    pub objectives: Objectives,
    /// Of availability; `None` means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<AvailabilityObjective>,
    /// At least one turn.
    pub conversation: Vec<Turn>,
    #[serde(default, with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub scrape: Vec<Scrape>,
    pub alarm: AlarmRule,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<Maintenance>,
    /// What a public status page shows of it.
    #[serde(default, skip_serializing_if = "Disclosure::is_nothing")]
    pub public: Disclosure,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

/// What happens after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Further attempts after the first one, 0 to 5.
    pub attempts: u32,
    /// Pause before each of them; shorter when the rest of the timeout would not suffice for the attempt.
    #[serde(with = "wire::seconds", rename = "wait_seconds")]
    pub wait: Duration,
}

impl Retry {
    /// The default for runs of at most `timeout`: one more attempt after two thirds of it, at most 20 s. Passing only then
    /// is `degraded`.
    ///
    /// Two consecutive runs that are down then span more than 80 s, and a restart of the bot rarely takes that long; see
    /// the simulation in `docs/alerting.md`.
    #[must_use]
    pub fn within(timeout: Duration) -> Self {
        let seconds = (timeout.as_secs() * 2 / 3).clamp(1, 20);
        Self { attempts: 1, wait: Duration::from_secs(seconds) }
    }
}

/// One prompt and the checks on its reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    pub say: Template,
    /// Files that are sent with the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    #[serde(default)]
    pub expect: Vec<Check>,
    /// Overrides the probe's objectives, one by one.
    #[serde(default)]
    pub objectives: Objectives,
    /// Parts of the reply to keep for later turns: name → regex (group 1, or the whole match).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub save: BTreeMap<String, String>,
}

/// A file that is sent with a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    #[serde(flatten)]
    pub content: AttachmentContent,
}

/// The content of a file. It is part of the probe, so that a run request has all that a run needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentContent {
    Text(Template),
    /// Standard Base64 with padding, without line breaks.
    Base64(String),
}

/// Whether a probe may run at this interval: 10, 20 or 30 s, or whole minutes up to a day.
///
/// These are the periods that CloudWatch offers for alarms.
#[must_use]
pub fn is_interval(every: Duration) -> bool {
    let seconds = every.as_secs();
    let whole = every.subsec_nanos() == 0;
    whole
        && (matches!(seconds, 10 | 20 | 30)
            || (seconds.is_multiple_of(60) && (60..=86_400).contains(&seconds)))
}

/// The timeout of a probe that names none: half its interval, and no more than two minutes.
#[must_use]
pub fn default_timeout(every: Duration) -> Duration {
    (every / 2).min(Duration::from_secs(120))
}

/// The longest timeout a probe may have: 5 s less than its interval, so that its runs never
/// overlap, and never more than ten minutes, so that it ends before Lambda's limit of fifteen.
#[must_use]
pub fn longest_timeout(every: Duration) -> Duration {
    every.saturating_sub(Duration::from_secs(5)).min(Duration::from_secs(600))
}

/// The `job` label of a probe that names none.
pub const DEFAULT_JOB: &str = "gradio_chatbot";

impl<T> Probe<T> {
    /// The `job` label of the probe's series: that of its scrape, so that both stand side by side.
    #[must_use]
    pub fn job(&self) -> &str {
        self.scrape.first().map_or(DEFAULT_JOB, |scrape| &scrape.job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_is_a_valid_alarm_period() {
        let good = [10, 20, 30, 60, 300, 420, 86_400];
        let bad = [0, 5, 15, 40, 61, 90, 86_460];
        assert!(good.iter().all(|seconds| is_interval(Duration::from_secs(*seconds))));
        assert!(!bad.iter().any(|seconds| is_interval(Duration::from_secs(*seconds))));
        assert!(!is_interval(Duration::from_millis(10_500)));
    }
}

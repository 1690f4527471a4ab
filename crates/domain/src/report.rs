//! The report of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, ProbeName};
use crate::objective::AvailabilityObjective;
use crate::objectives::Objectives;
use crate::timing::{Phases, Timing};
use crate::verdict::{Outcome, OwnFault, Reason};
use crate::wire;

pub use crate::judge::judge;
pub use crate::missed::{Missed, Objective};
pub use crate::run_id::{RunId, stable_hash};

/// The version of the report's format that this program writes.
pub const VERSION: u32 = 1;

/// The report of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub version: u32,
    pub run: RunId,
    pub probe: ProbeName,
    pub environment: EnvironmentName,
    /// Where the prober ran: an AWS region, or a name that the operator chose.
    pub location: String,
    /// `HOST:PORT` of the target.
    pub instance: String,
    /// The target's address without credentials, secrets and query; `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The `job` label in Prometheus.
    pub job: String,
    /// The probe's labels, for Prometheus and for routing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The probe's runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The probe's interval.
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
    /// When the run was due: the timestamp of every metric.
    pub due: Timestamp,
    /// Whether the run was due in a maintenance window: it does not count for availability.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// The probe's objective of availability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<AvailabilityObjective>,
    pub started: Timestamp,
    /// The whole run, retries and pauses included.
    #[serde(with = "wire::seconds", rename = "duration_seconds")]
    pub duration: Duration,
    pub outcome: Outcome,
    /// One sentence on the outcome, secrets removed; empty when all is well.
    pub detail: String,
    /// In order; see [`deciding_attempt`]. Empty only for a run error before the first attempt.
    pub attempts: Vec<Attempt>,
    /// How many turns the conversation has, reached or not.
    pub turns: usize,
    /// How long the prober was stalled; `None` if it was not measured.
    #[serde(default, with = "wire::optional_seconds", rename = "stalled_seconds")]
    pub stalled: Option<Duration>,
    /// The W3C trace id that was sent along with every request, 32 hexadecimal digits.
    pub trace: String,
    /// The version of the prober.
    pub vigie: String,
}

/// One try within a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from the start of the run.
    #[serde(with = "wire::seconds", rename = "offset_seconds")]
    pub offset: Duration,
    #[serde(with = "wire::seconds", rename = "duration_seconds")]
    pub duration: Duration,
    pub phases: Phases,
    /// End of the validity of the certificate that ends first; `None` without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<Timestamp>,
    /// The app's description; `None` if the app did not send one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<App>,
    /// The turns that were started, in order.
    pub turns: Vec<TurnReport>,
    /// `None` if the conversation reached its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Whether a retry ended because the time of the run was over. Such an attempt does not decide: it
    /// had less time than the first one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
}

/// The app behind the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Gradio's version, as the app reports it.
    pub gradio: String,
    /// The wire protocol: `ws`, `sse`, … `sse_v3`.
    pub protocol: String,
    /// The endpoint that was used.
    pub endpoint: String,
    /// Whether this was the app's first event since it started; `None` if the app does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<bool>,
    /// Functions of a turn with JavaScript, which is not run: a browser may send other values.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped_javascript: usize,
}

/// Why a conversation ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub cause: Cause,
    /// A description without secrets and tracebacks.
    pub prose: String,
}

/// Whose failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Target(Reason),
    Own(OwnFault),
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnReport {
    /// Counted from the start of the attempt.
    #[serde(with = "wire::seconds", rename = "offset_seconds")]
    pub offset: Duration,
    /// The prompt, cut at [`LONGEST_TEXT`].
    pub said: String,
    /// The answer, or the part of it that arrived, cut at [`LONGEST_TEXT`].
    pub answered: String,
    /// Length of the whole answer in Unicode scalar values.
    pub characters: u64,
    /// Text of thinking and tool blocks, cut likewise; empty when there were none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    /// Titles of thinking and tool blocks in order, at most [`MOST_LISTED`], each cut at [`LONGEST_NAME`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<String>,
    /// Parts of the reply that are not text, at most [`MOST_LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ReplyPart>,
    /// Messages that the page shows for some seconds: `warning: TEXT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub toasts: Vec<String>,
    /// `full` or `partial` if the app took the reply from its cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<String>,
    pub timing: Timing,
    pub checks: Vec<CheckReport>,
    /// The objectives of the turn.
    pub objectives: Objectives,
}

/// An image, a file, HTML or another part of a reply that is not text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyPart {
    /// `image`, `file`, `html`, or the type of another component, such as `plot`.
    pub kind: String,
    /// Name of a file or description of an image, cut at [`LONGEST_NAME`]. Never an address, which may
    /// contain a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl fmt::Display for ReplyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.name.iter().try_for_each(|name| write!(f, " {name}"))
    }
}

/// Longest text kept of a prompt or an answer, in Unicode scalar values.
pub const LONGEST_TEXT: usize = 4_096;
/// Longest title of a block and longest name of a part, in Unicode scalar values.
pub const LONGEST_NAME: usize = 200;
/// Blocks and parts of a reply that are listed.
pub const MOST_LISTED: usize = 20;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The check on one line.
    pub expected: String,
    /// What was found instead. Empty if the check passed, or a remark if it could not decide.
    pub found: String,
    pub passed: bool,
}

impl Attempt {
    /// Checks that failed, with the index of their turn.
    pub fn failed_checks(&self) -> impl Iterator<Item = (usize, &CheckReport)> {
        self.turns.iter().enumerate().flat_map(|(index, turn)| {
            turn.checks.iter().filter(|check| !check.passed).map(move |check| (index, check))
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl TurnReport {
    /// The text of the answer, or the parts of an answer without text: `[image cat.png]`.
    #[must_use]
    pub fn answer(&self) -> String {
        if !self.answered.is_empty() {
            return self.answered.clone();
        }
        let parts: Vec<String> = self.parts.iter().map(|part| format!("[{part}]")).collect();
        parts.join(" ")
    }

    /// The times that describe the app; `None` if the whole reply came from its cache.
    #[must_use]
    pub fn latency(&self) -> Option<&Timing> {
        (self.cached.as_deref() != Some("full")).then_some(&self.timing)
    }
}

/// The attempt that decides on a run: the last one that was not cut short.
#[must_use]
pub fn deciding_attempt(attempts: &[Attempt]) -> Option<&Attempt> {
    attempts.iter().rfind(|attempt| !attempt.cut_short).or(attempts.last())
}

impl Report {
    /// The attempt that decided; `None` for a run error before the first one.
    #[must_use]
    pub fn last(&self) -> Option<&Attempt> {
        deciding_attempt(&self.attempts)
    }

    /// Attempts after the first one.
    #[must_use]
    pub fn retries(&self) -> usize {
        self.attempts.len().saturating_sub(1)
    }

    /// Where the report is stored, without its suffix: `reports/PROBE/YYYY/MM/DD/HHMMSSZ-RUN`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}-{}", Self::key_at(&self.probe, self.due), self.run)
    }

    /// The folder of the reports of a probe.
    #[must_use]
    pub fn folder(probe: &ProbeName) -> String {
        format!("reports/{probe}/")
    }

    /// How the keys of the runs begin that were due at `due`. The order of the keys is that of the due times.
    #[must_use]
    pub fn key_at(probe: &ProbeName, due: Timestamp) -> String {
        format!("{}{}", Self::folder(probe), due.strftime("%Y/%m/%d/%H%M%SZ"))
    }

    /// Where the newest report of a probe is stored.
    #[must_use]
    pub fn latest_key(probe: &ProbeName) -> String {
        format!("{}latest.json", Self::folder(probe))
    }
}

/// The first `LONGEST_TEXT` characters, with an ellipsis when something was cut.
#[must_use]
pub fn cut(text: &str) -> String {
    cut_at(text, LONGEST_TEXT)
}

/// The first `longest` characters, with an ellipsis when something was cut.
#[must_use]
pub fn cut_at(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_without_text_is_its_parts() {
        let part = |kind: &str, name: Option<&str>| ReplyPart {
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
        };
        let parts = vec![part("image", Some("cat.png")), part("html", None)];
        let turn = crate::testing::attempt(None, 0, None).turns.remove(0);
        let turn = TurnReport { parts, ..turn };
        assert_eq!(turn.answer(), "x");
        let turn = TurnReport { answered: String::new(), ..turn };
        assert_eq!(turn.answer(), "[image cat.png] [html]");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "é".repeat(LONGEST_TEXT + 1);
        assert_eq!(cut(&long).chars().count(), LONGEST_TEXT + 1);
        assert!(cut(&long).ends_with('…'));
        assert_eq!(cut("short"), "short");
    }
}

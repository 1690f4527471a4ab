//! What was seen in one run, and the pure judgement on it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::timing::{Phases, Timing};
use crate::{EnvironmentName, Objectives, Outcome, OwnFault, ProbeName, Reason, wire};

/// The version of the report's format that this program writes.
pub const VERSION: u32 = 1;

/// The id of a run: 16 hexadecimal digits, the same for every delivery of the same order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of the run of `probe` in `environment` that is due at `due`.
    #[must_use]
    pub fn of(environment: &EnvironmentName, probe: &ProbeName, due: Timestamp) -> Self {
        let (environment, probe) = (environment.as_str(), probe.as_str());
        let mut text = String::with_capacity(environment.len() + probe.len() + 24);
        // Writing to a string can't fail.
        let _ = write!(text, "{environment}/{probe}/{}", due.as_millisecond());
        let hash = stable_hash(&text);
        text.clear();
        let _ = write!(text, "{hash:016x}");
        text.shrink_to_fit();
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

/// 64-bit FNV-1a with a final mix: the same on every machine and in every release, which std's
/// hasher does not promise.
#[must_use]
pub fn stable_hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // The finaliser of MurmurHash3: FNV's low bits alone are poorly spread over small moduli.
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Everything that was seen in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub version: u32,
    pub run: RunId,
    pub probe: ProbeName,
    pub environment: EnvironmentName,
    /// Where the prober ran: an AWS region, or a name of the operator's.
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
    /// When the run was due; it stamps every metric.
    pub due: Timestamp,
    pub started: Timestamp,
    /// The whole visit, retries and pauses included.
    #[serde(with = "wire::seconds", rename = "duration_seconds")]
    pub duration: Duration,
    pub outcome: Outcome,
    /// One sentence on the outcome, secrets removed; empty when all is well.
    pub detail: String,
    /// In order; the last one decides. Empty only for a run error before the first attempt.
    pub attempts: Vec<Attempt>,
    /// How many turns the conversation has, reached or not.
    pub turns: usize,
    /// How long our own process could not run although it wanted to; `None` when not measured.
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
    /// What the app said of itself; `None` when we did not get that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<App>,
    /// The turns that were begun, in order.
    pub turns: Vec<TurnReport>,
    /// `None` when the conversation was held to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The app behind the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Gradio's version, as the app tells it.
    pub gradio: String,
    /// The wire protocol: `ws`, `sse`, … `sse_v3`.
    pub protocol: String,
    /// The endpoint that was used.
    pub endpoint: String,
    /// Whether this was the app's first event since it started; `None` where that can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<bool>,
}

/// Why a conversation ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub cause: Cause,
    /// What was seen, in prose, secrets and tracebacks removed.
    pub prose: String,
}

/// Whose failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Target(Reason),
    Own(OwnFault),
}

/// One turn as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnReport {
    /// Counted from the start of the attempt.
    #[serde(with = "wire::seconds", rename = "offset_seconds")]
    pub offset: Duration,
    /// The prompt, cut at [`LONGEST_TEXT`].
    pub said: String,
    /// The answer, or what there was of it, cut at [`LONGEST_TEXT`].
    pub answered: String,
    /// Length of the whole answer in Unicode scalar values.
    pub characters: u64,
    /// Text of thinking and tool blocks, cut likewise; empty when there were none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    pub timing: Timing,
    pub checks: Vec<CheckReport>,
    /// What the turn was held to.
    pub objectives: Objectives,
}

/// Longest text kept of a prompt or an answer, in Unicode scalar values.
pub const LONGEST_TEXT: usize = 4_096;

/// One check as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// As the probe file has it, in one line.
    pub expected: String,
    /// What was found instead. Empty if the check passed, or a remark if it could not decide.
    pub found: String,
    pub passed: bool,
}

/// A time that was longer than its objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Index of the turn, from 0.
    pub turn: usize,
    pub what: Objective,
    pub objective: Duration,
    pub measured: Duration,
    /// How much of `measured` our own process stood still.
    pub stalled: Duration,
}

impl Missed {
    /// Whether the app may have met the objective, and only we were too slow to see it.
    #[must_use]
    pub fn may_be_ours(&self) -> bool {
        self.measured.saturating_sub(self.stalled) <= self.objective
    }
}

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    FirstChunk,
    Reply,
}

impl Attempt {
    /// The objectives that the app missed. Exactly on the objective is met.
    pub fn missed(&self) -> impl Iterator<Item = Missed> + '_ {
        self.over().filter(|missed| !missed.may_be_ours())
    }

    /// The objectives that were missed by no more than our own standstill, so that nobody can say
    /// whether the app missed them. They are told, and not held against it.
    pub fn blurred(&self) -> impl Iterator<Item = Missed> + '_ {
        self.over().filter(Missed::may_be_ours)
    }

    /// Every time over its objective, whoever was slow.
    fn over(&self) -> impl Iterator<Item = Missed> + '_ {
        self.turns.iter().enumerate().flat_map(|(turn, report)| {
            let (objectives, timing) = (&report.objectives, &report.timing);
            let held_to = |what, objective, measured, stalled: Option<Duration>| {
                let (objective, measured): (Duration, Duration) = (objective?, measured?);
                let stalled = stalled.unwrap_or_default();
                (objective < measured).then_some(Missed {
                    turn,
                    what,
                    objective,
                    measured,
                    stalled,
                })
            };
            let first = held_to(
                Objective::FirstChunk,
                objectives.first_chunk,
                timing.first_chunk,
                timing.first_chunk_stalled,
            );
            let reply =
                held_to(Objective::Reply, objectives.reply, timing.reply, timing.reply_stalled);
            first.into_iter().chain(reply)
        })
    }

    /// Checks that failed, with the index of their turn.
    pub fn failed_checks(&self) -> impl Iterator<Item = (usize, &CheckReport)> {
        self.turns.iter().enumerate().flat_map(|(index, turn)| {
            turn.checks.iter().filter(|check| !check.passed).map(move |check| (index, check))
        })
    }

    /// Whether another attempt could change the verdict: the target failed, not we.
    #[must_use]
    pub fn worth_a_retry(&self) -> bool {
        matches!(judge(std::slice::from_ref(self)), Outcome::Down { .. })
    }
}

/// The verdict on a run. Total and deterministic: the last attempt decides, an attempt before it
/// makes a good one `degraded`.
///
/// Without any attempt nothing was seen of the target, so there is no verdict.
#[must_use]
pub fn judge(attempts: &[Attempt]) -> Outcome {
    let Some((last, earlier)) = attempts.split_last() else {
        return Outcome::RunError { fault: OwnFault::Internal };
    };
    match &last.failure {
        Some(Failure { cause: Cause::Own(fault), .. }) => Outcome::RunError { fault: *fault },
        Some(Failure { cause: Cause::Target(reason), .. }) => Outcome::Down { reason: *reason },
        None if last.failed_checks().next().is_some() => {
            Outcome::Down { reason: Reason::CheckFailed }
        }
        None if !earlier.is_empty() || last.missed().next().is_some() => Outcome::Degraded,
        None => Outcome::Up,
    }
}

impl Report {
    /// The attempt that decided; `None` for a run error before the first one.
    #[must_use]
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Whether our own slowness decided: it kept an objective from being judged, or the run from having
    /// a verdict at all.
    #[must_use]
    pub fn is_blurred(&self) -> bool {
        self.outcome == Outcome::RunError { fault: OwnFault::Stalled }
            || self.last().is_some_and(|last| last.blurred().next().is_some())
    }

    /// Attempts after the first one.
    #[must_use]
    pub fn retries(&self) -> usize {
        self.attempts.len().saturating_sub(1)
    }

    /// Where the report is stored, without its suffix: `reports/PROBE/YYYY/MM/DD/HHMMSSZ-RUN`.
    #[must_use]
    pub fn key(&self) -> String {
        let due = self.due.strftime("%Y/%m/%d/%H%M%SZ");
        format!("reports/{}/{due}-{}", self.probe, self.run)
    }

    /// Where the newest report of a probe is stored.
    #[must_use]
    pub fn latest_key(probe: &ProbeName) -> String {
        format!("reports/{probe}/latest.json")
    }
}

/// The first `LONGEST_TEXT` characters, with an ellipsis when something was cut.
#[must_use]
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn attempt(first_chunk: Option<Duration>, failed: usize, failure: Option<Cause>) -> Attempt {
        let check = |passed| CheckReport {
            expected: "contains \"x\"".into(),
            found: String::new(),
            passed,
        };
        let turn = TurnReport {
            offset: Duration::ZERO,
            said: "hi".into(),
            answered: "x".into(),
            characters: 1,
            thinking: String::new(),
            timing: Timing { first_chunk, reply: first_chunk, ..Timing::default() },
            checks: std::iter::repeat_n(check(false), failed).chain([check(true)]).collect(),
            objectives: Objectives { first_chunk: Some(ms(2_000)), reply: None },
        };
        Attempt {
            offset: Duration::ZERO,
            duration: ms(3_000),
            phases: Phases::default(),
            certificate_expires: None,
            app: None,
            turns: vec![turn],
            failure: failure.map(|cause| Failure { cause, prose: String::new() }),
        }
    }

    #[test]
    fn the_verdict_on_a_run() {
        let good = || attempt(Some(ms(300)), 0, None);
        let wrong = || attempt(Some(ms(300)), 1, None);
        let late = || attempt(Some(ms(2_001)), 0, None);
        let stalled = |first_chunk, stalled| {
            let mut attempt = attempt(Some(ms(first_chunk)), 0, None);
            attempt.turns[0].timing.first_chunk_stalled = Some(ms(stalled));
            attempt
        };
        let gone = || attempt(None, 0, Some(Cause::Target(Reason::Connect)));
        let ours = || attempt(None, 0, Some(Cause::Own(OwnFault::Secret)));
        let down = |reason| Outcome::Down { reason };
        let cases = [
            ("fast and right", vec![good()], Outcome::Up),
            (
                "exactly on the objective is met",
                vec![attempt(Some(ms(2_000)), 0, None)],
                Outcome::Up,
            ),
            ("right but late", vec![late()], Outcome::Degraded),
            ("late by our own standstill", vec![stalled(2_500, 500)], Outcome::Up),
            ("late beyond our own standstill", vec![stalled(2_501, 500)], Outcome::Degraded),
            (
                "wrong beats late",
                vec![attempt(Some(ms(9_000)), 1, None)],
                down(Reason::CheckFailed),
            ),
            ("no conversation", vec![gone()], down(Reason::Connect)),
            (
                "a failure beats a failed check",
                vec![attempt(None, 1, Some(Cause::Target(Reason::Stalled)))],
                down(Reason::Stalled),
            ),
            ("passed on retry", vec![gone(), good()], Outcome::Degraded),
            ("failed on retry too", vec![gone(), wrong()], down(Reason::CheckFailed)),
            (
                "our own fault is no verdict",
                vec![ours()],
                Outcome::RunError { fault: OwnFault::Secret },
            ),
            ("no attempt is no verdict", vec![], Outcome::RunError { fault: OwnFault::Internal }),
        ];
        for (name, attempts, expected) in cases {
            assert_eq!(judge(&attempts), expected, "{name}");
        }
    }

    fn any_attempt() -> impl Strategy<Value = Attempt> {
        let causes: Vec<Option<Cause>> = std::iter::once(None)
            .chain(Reason::ALL.iter().map(|reason| Some(Cause::Target(*reason))))
            .chain([OwnFault::Settings, OwnFault::Deadline].map(|fault| Some(Cause::Own(fault))))
            .collect();
        let time = proptest::option::of((0_u64..10_000).prop_map(ms));
        (time, 0_usize..3, proptest::sample::select(causes))
            .prop_map(|(first_chunk, failed, cause)| attempt(first_chunk, failed, cause))
    }

    proptest! {
        #[test]
        fn a_verdict_is_total_and_deterministic(
            attempts in proptest::collection::vec(any_attempt(), 0..5),
        ) {
            let outcome = judge(&attempts);
            prop_assert_eq!(outcome, judge(&attempts));
            let last = attempts.last();
            let failed = |attempt: &Attempt| {
                attempt.failure.is_some() || attempt.failed_checks().next().is_some()
            };
            match outcome {
                Outcome::Up => {
                    prop_assert_eq!(attempts.len(), 1);
                    prop_assert!(!attempts.iter().any(failed));
                }
                Outcome::Degraded => prop_assert!(!last.is_some_and(failed)),
                Outcome::Down { reason: Reason::CheckFailed } => prop_assert!(last.is_some_and(failed)),
                Outcome::Down { reason } => {
                    let cause = last.and_then(|last| last.failure.as_ref()).map(|failure| failure.cause);
                    prop_assert_eq!(cause, Some(Cause::Target(reason)));
                }
                Outcome::RunError { .. } => {
                    let cause = last.and_then(|last| last.failure.as_ref()).map(|failure| failure.cause);
                    prop_assert!(attempts.is_empty() || matches!(cause, Some(Cause::Own(_))));
                }
            }
            // What came before the last attempt decides no more than whether a good one is degraded.
            if let Some((last, _)) = attempts.split_last() {
                let alone = judge(std::slice::from_ref(last));
                prop_assert_eq!(outcome.verdict() == Some(crate::Verdict::Down), alone.verdict() == Some(crate::Verdict::Down));
            }
        }
    }

    #[test]
    fn an_objective_is_missed_by_the_app_or_blurred_by_us_and_never_both() {
        let mut attempt = attempt(Some(ms(3_000)), 0, None);
        attempt.turns[0].objectives.reply = Some(ms(2_900));
        attempt.turns[0].timing.first_chunk_stalled = Some(ms(1_000));
        attempt.turns[0].timing.reply_stalled = Some(ms(50));
        let what = |missed: Missed| missed.what;
        assert_eq!(attempt.blurred().map(what).collect::<Vec<_>>(), [Objective::FirstChunk]);
        assert_eq!(attempt.missed().map(what).collect::<Vec<_>>(), [Objective::Reply]);
    }

    #[test]
    fn a_run_is_the_same_however_often_it_is_ordered() {
        let (prod, bot) = ("prod".parse().unwrap(), "bot".parse().unwrap());
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let id = RunId::of(&prod, &bot, due);
        assert_eq!(id, RunId::of(&prod, &bot, due));
        assert_ne!(id, RunId::of(&"dev".parse().unwrap(), &bot, due));
        assert_ne!(id, RunId::of(&prod, &bot, Timestamp::from_second(1_795_000_060).unwrap()));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "é".repeat(LONGEST_TEXT + 1);
        assert_eq!(cut(&long).chars().count(), LONGEST_TEXT + 1);
        assert!(cut(&long).ends_with('…'));
        assert_eq!(cut("short"), "short");
    }
}

//! The report of a run, and the verdict that follows from it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::timing::{Phases, Timing};
use crate::{EnvironmentName, Objectives, Outcome, OwnFault, ProbeName, Reason, wire};

/// The version of the report's format that this program writes.
pub const VERSION: u32 = 1;

/// The id of a run: 16 hexadecimal digits, the same for every delivery of the same run request.
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

/// Longest text kept of a prompt or an answer, in Unicode scalar values.
pub const LONGEST_TEXT: usize = 4_096;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The check on one line.
    pub expected: String,
    /// What was found instead. Empty if the check passed, or a remark if it could not decide.
    pub found: String,
    pub passed: bool,
}

/// An objective that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Index of the turn, from 0.
    pub turn: usize,
    pub what: Objective,
    /// Of [`Objective::CharactersPerSecond`], the time in which the reply should have been written.
    pub objective: Duration,
    pub measured: Duration,
    /// How much of `measured` the prober was stalled.
    pub stalled: Duration,
}

impl Missed {
    /// Whether the app may have met the objective, because the prober was stalled.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.measured.saturating_sub(self.stalled) <= self.objective
    }
}

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    FirstChunk,
    Reply,
    /// The longest gap between two chunks.
    InterChunk,
    /// The speed of the reply from its first text to its end.
    CharactersPerSecond,
}

impl Attempt {
    /// The objectives that the app missed. The exact value is enough.
    pub fn missed(&self) -> impl Iterator<Item = Missed> + '_ {
        self.over().filter(|missed| !missed.is_uncertain())
    }

    /// The objectives that were missed by no more than the prober was stalled. They are reported and not
    /// counted against the app.
    pub fn blurred(&self) -> impl Iterator<Item = Missed> + '_ {
        self.over().filter(Missed::is_uncertain)
    }

    /// Every missed objective, with any cause.
    fn over(&self) -> impl Iterator<Item = Missed> + '_ {
        let judged = self
            .turns
            .iter()
            .enumerate()
            .filter_map(|(turn, report)| Some((turn, report, report.latency()?)));
        judged.flat_map(|(turn, report, timing)| {
            let objectives = &report.objectives;
            let check = |what, objective, measured, stalled: Option<Duration>| {
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
            let first = check(
                Objective::FirstChunk,
                objectives.first_chunk,
                timing.first_chunk,
                timing.first_chunk_stalled,
            );
            let reply =
                check(Objective::Reply, objectives.reply, timing.reply, timing.reply_stalled);
            let inter_chunk = check(
                Objective::InterChunk,
                objectives.inter_chunk,
                timing.inter_chunk.map(|gaps| gaps.max),
                timing.reply_stalled,
            );
            let writing = timing.first_text.zip(timing.reply);
            let speed = check(
                Objective::CharactersPerSecond,
                objectives.characters_per_second.map(|speed| report.time_to_write(speed)),
                writing.map(|(first_text, reply)| reply.saturating_sub(first_text)),
                timing.reply_stalled,
            );
            [first, reply, inter_chunk, speed].into_iter().flatten()
        })
    }

    /// Checks that failed, with the index of their turn.
    pub fn failed_checks(&self) -> impl Iterator<Item = (usize, &CheckReport)> {
        self.turns.iter().enumerate().flat_map(|(index, turn)| {
            turn.checks.iter().filter(|check| !check.passed).map(move |check| (index, check))
        })
    }

    /// Whether another attempt could change the verdict: the target failed, not Vigie.
    #[must_use]
    pub fn worth_a_retry(&self) -> bool {
        matches!(judge(std::slice::from_ref(self)), Outcome::Down { .. })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl TurnReport {
    /// The times that describe the app; `None` if the whole reply came from its cache.
    #[must_use]
    pub fn latency(&self) -> Option<&Timing> {
        (self.cached.as_deref() != Some("full")).then_some(&self.timing)
    }

    /// The time that the reply takes at this many characters per second.
    fn time_to_write(&self, characters_per_second: u32) -> Duration {
        let milliseconds = self.characters.saturating_mul(1_000);
        Duration::from_millis(milliseconds / u64::from(characters_per_second.max(1)))
    }
}

/// The attempt that decides on a run: the last one that was not cut short.
#[must_use]
pub fn deciding_attempt(attempts: &[Attempt]) -> Option<&Attempt> {
    attempts.iter().rfind(|attempt| !attempt.cut_short).or(attempts.last())
}

/// The verdict on a run. The deciding attempt gives it; if that one is good and was not the first, the
/// run is `degraded`.
///
/// A run without an attempt has no verdict, because nothing is known about the target.
#[must_use]
pub fn judge(attempts: &[Attempt]) -> Outcome {
    let Some(last) = deciding_attempt(attempts) else {
        return Outcome::RunError { fault: OwnFault::Internal };
    };
    let is_first = attempts.len() == 1;
    match &last.failure {
        Some(Failure { cause: Cause::Own(fault), .. }) => Outcome::RunError { fault: *fault },
        Some(Failure { cause: Cause::Target(reason), .. }) => Outcome::Down { reason: *reason },
        None if last.failed_checks().next().is_some() => {
            Outcome::Down { reason: Reason::CheckFailed }
        }
        None if !is_first || last.missed().next().is_some() => Outcome::Degraded,
        None => Outcome::Up,
    }
}

impl Report {
    /// The attempt that decided; `None` for a run error before the first one.
    #[must_use]
    pub fn last(&self) -> Option<&Attempt> {
        deciding_attempt(&self.attempts)
    }

    /// Whether a stall of the prober decided: an objective could not be judged, or the run has no
    /// verdict.
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
            toasts: Vec::new(),
            cached: None,
            timing: Timing { first_chunk, reply: first_chunk, ..Timing::default() },
            checks: std::iter::repeat_n(check(false), failed).chain([check(true)]).collect(),
            objectives: Objectives { first_chunk: Some(ms(2_000)), ..Objectives::default() },
        };
        Attempt {
            offset: Duration::ZERO,
            duration: ms(3_000),
            phases: Phases::default(),
            certificate_expires: None,
            app: None,
            turns: vec![turn],
            failure: failure.map(|cause| Failure { cause, prose: String::new() }),
            cut_short: false,
        }
    }

    fn cut_short(attempt: Attempt) -> Attempt {
        Attempt { cut_short: true, ..attempt }
    }

    #[test]
    fn verdict_follows_from_the_attempts() {
        let good = || attempt(Some(ms(300)), 0, None);
        let wrong = || attempt(Some(ms(300)), 1, None);
        let late = || attempt(Some(ms(2_001)), 0, None);
        let stalled = |first_chunk, stalled| {
            let mut attempt = attempt(Some(ms(first_chunk)), 0, None);
            attempt.turns[0].timing.first_chunk_stalled = Some(ms(stalled));
            attempt
        };
        let gone = || attempt(None, 0, Some(Cause::Target(Reason::Connect)));
        let run_error = || attempt(None, 0, Some(Cause::Own(OwnFault::Secret)));
        let down = |reason| Outcome::Down { reason };
        let cases = [
            ("fast and right", vec![good()], Outcome::Up),
            (
                "exactly on the objective is met",
                vec![attempt(Some(ms(2_000)), 0, None)],
                Outcome::Up,
            ),
            ("right but late", vec![late()], Outcome::Degraded),
            ("late by a stall of the prober", vec![stalled(2_500, 500)], Outcome::Up),
            ("late beyond a stall of the prober", vec![stalled(2_501, 500)], Outcome::Degraded),
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
                "a retry that was cut short keeps the first reason",
                vec![
                    wrong(),
                    cut_short(attempt(None, 0, Some(Cause::Target(Reason::FirstChunkTimeout)))),
                ],
                down(Reason::CheckFailed),
            ),
            (
                "so does one that the process cut short",
                vec![wrong(), cut_short(attempt(None, 0, Some(Cause::Own(OwnFault::Deadline))))],
                down(Reason::CheckFailed),
            ),
            (
                "a Vigie fault gives no verdict",
                vec![run_error()],
                Outcome::RunError { fault: OwnFault::Secret },
            ),
            (
                "no attempt gives no verdict",
                vec![],
                Outcome::RunError { fault: OwnFault::Internal },
            ),
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
        fn verdict_is_total_and_deterministic(
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
    fn missed_objective_is_certain_or_uncertain() {
        let mut attempt = attempt(Some(ms(3_000)), 0, None);
        attempt.turns[0].objectives.reply = Some(ms(2_900));
        attempt.turns[0].timing.first_chunk_stalled = Some(ms(1_000));
        attempt.turns[0].timing.reply_stalled = Some(ms(50));
        let what = |missed: Missed| missed.what;
        assert_eq!(attempt.blurred().map(what).collect::<Vec<_>>(), [Objective::FirstChunk]);
        assert_eq!(attempt.missed().map(what).collect::<Vec<_>>(), [Objective::Reply]);
    }

    #[test]
    fn run_id_is_stable() {
        let (prod, bot) = ("prod".parse().unwrap(), "bot".parse().unwrap());
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let id = RunId::of(&prod, &bot, due);
        assert_eq!(id, RunId::of(&prod, &bot, due));
        assert_ne!(id, RunId::of(&"dev".parse().unwrap(), &bot, due));
        assert_ne!(id, RunId::of(&prod, &bot, Timestamp::from_second(1_795_000_060).unwrap()));
    }

    #[test]
    fn cached_reply_is_not_judged_by_its_times() {
        let mut attempt = attempt(Some(ms(9_000)), 0, None);
        assert_eq!(attempt.missed().count(), 1);
        attempt.turns[0].cached = Some("full".to_owned());
        assert_eq!(attempt.missed().count(), 0);
    }

    #[test]
    fn chunk_gaps_and_speed_are_objectives() {
        let mut attempt = attempt(Some(ms(1_000)), 0, None);
        let turn = &mut attempt.turns[0];
        turn.characters = 100;
        turn.timing.first_text = Some(ms(1_000));
        turn.timing.reply = Some(ms(3_001));
        turn.timing.inter_chunk = crate::Spread::of(vec![ms(100), ms(501)]);
        turn.objectives = Objectives {
            inter_chunk: Some(ms(500)),
            characters_per_second: Some(50),
            ..Objectives::default()
        };
        let missed: Vec<_> = attempt
            .missed()
            .map(|missed| (missed.what, missed.objective, missed.measured))
            .collect();
        assert_eq!(
            missed,
            [
                (Objective::InterChunk, ms(500), ms(501)),
                (Objective::CharactersPerSecond, ms(2_000), ms(2_001)),
            ]
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "é".repeat(LONGEST_TEXT + 1);
        assert_eq!(cut(&long).chars().count(), LONGEST_TEXT + 1);
        assert!(cut(&long).ends_with('…'));
        assert_eq!(cut("short"), "short");
    }
}

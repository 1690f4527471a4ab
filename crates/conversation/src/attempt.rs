//! One attempt: connect, run the turns in order, check each reply.
//!
//! A failed check ends the attempt, because the turns after it depend on the same conversation.

use std::time::{Duration, Instant, SystemTime};

use domain::check::Check;
use domain::report::{App, Attempt, Cause, CheckReport, Failure, TurnReport, cut};
use domain::{OwnFault, Phases, Probe, Turn};
use gradio::{Failure as Kind, Limits, Partial, Progress, Reply, Session};
use jiff::Timestamp;

use crate::checks::{Answer, BrokenCheck, carry_out};
use crate::client::client;
use crate::reason::{cause, is_time};
use crate::stall::StallCounter;
use crate::target::FilledTarget;
use crate::turn_report::TurnStalls;
use crate::variables::Variables;

/// What happens during a run, for a live display.
#[derive(Debug)]
pub enum ProgressEvent<'a> {
    /// The number of the attempt, from 1.
    AttemptStarted(usize),
    /// The app sent its description.
    Connected(&'a App),
    /// A prompt was sent. Turns are counted from 1.
    PromptSent { turn: usize, prompt: &'a str },
    /// The app sent something in the turn.
    TurnProgress(Progress),
    /// The turn is over, with or without a failure.
    TurnEnded { turn: usize, report: &'a TurnReport },
}

/// The longest wait for the end of the session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A failure this close to the end of the time was caused by it.
const SLACK: Duration = Duration::from_millis(50);

/// The input of an attempt in addition to the probe.
pub(crate) struct AttemptContext<'a> {
    pub(crate) probe: &'a Probe,
    pub(crate) target: &'a FilledTarget,
    pub(crate) user_agent: &'a str,
    pub(crate) traceparent: String,
    /// From the start of the run to the start of this attempt.
    pub(crate) offset: Duration,
    /// The time that is left.
    pub(crate) left: Duration,
    /// Whether an attempt was made before this one.
    pub(crate) is_retry: bool,
    /// Whether `left` is the limit of the process instead of the probe's timeout.
    pub(crate) is_process_limit: bool,
    /// Since the start of this attempt.
    pub(crate) stalled: StallCounter<'a>,
}

pub(crate) async fn attempt(
    context: &AttemptContext<'_>,
    progress: &mut (dyn FnMut(ProgressEvent<'_>) + Send),
) -> Attempt {
    let started = Instant::now();
    let mut attempt = Attempt {
        offset: context.offset,
        duration: Duration::ZERO,
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        turns: Vec::new(),
        failure: None,
        cut_short: false,
    };
    if let Err(failure) = converse(context, started, &mut attempt, progress).await {
        attempt.failure = Some(context.redact_failure(&failure));
        attempt.cut_short = context.is_retry && context.left <= started.elapsed() + SLACK;
    }
    attempt.duration = started.elapsed();
    attempt
}

async fn converse(
    context: &AttemptContext<'_>,
    started: Instant,
    attempt: &mut Attempt,
    progress: &mut (dyn FnMut(ProgressEvent<'_>) + Send),
) -> Result<(), Failure> {
    let AttemptContext { target, left, user_agent, traceparent, .. } = context;
    let client = client(target, *left, user_agent, traceparent.clone())
        .map_err(|error| context.failure(&error, started))?;
    let connected = client.connect().await;
    let phases = match &connected {
        Ok(session) => session.phases(),
        Err(error) => error.phases(),
    };
    attempt.phases = Phases {
        dns: phases.dns,
        connect: phases.connect,
        tls: phases.tls,
        describe: phases.describe.map(|describe| describe + phases.login.unwrap_or_default()),
    };
    attempt.certificate_expires = phases.certificate_end.and_then(timestamp);
    let mut session = connected.map_err(|error| context.failure(&error, started))?;
    let app = context.app(&session);
    progress(ProgressEvent::Connected(&app));
    attempt.app = Some(app);
    let held = run_turns(context, started, &mut session, attempt, progress).await;
    // The app frees the session when the connection of its heartbeat is closed.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, session.close()).await;
    held
}

async fn run_turns(
    context: &AttemptContext<'_>,
    started: Instant,
    session: &mut Session,
    attempt: &mut Attempt,
    progress: &mut (dyn FnMut(ProgressEvent<'_>) + Send),
) -> Result<(), Failure> {
    let mut variables = Variables::with_nonce();
    for (index, turn) in context.probe.conversation.iter().enumerate() {
        let number = index + 1;
        let prompt = variables.fill_prompt(&turn.say).map_err(|broken| settings_fault(&broken))?;
        progress(ProgressEvent::PromptSent { turn: number, prompt: &prompt });
        let offset = started.elapsed();
        let before = context.stalled.total();
        let stalled_so_far = || context.stalled.total().saturating_sub(before);
        let mut first_chunk_stalled = None;
        let reply = session
            .say(&prompt, &mut |event| {
                if matches!(event, Progress::Chunk { .. }) {
                    first_chunk_stalled.get_or_insert_with(stalled_so_far);
                }
                progress(ProgressEvent::TurnProgress(event));
            })
            .await;
        let stalled = TurnStalls { first_chunk: first_chunk_stalled, turn: stalled_so_far() };
        let (reply, checks, ended) = match reply {
            Ok(reply) => {
                let checks = run_checks(turn, &mut variables, &reply);
                (reply, checks, Ok(()))
            }
            Err(error) => {
                let Partial { text, thinking, toasts, timing } =
                    error.partial().cloned().unwrap_or_default();
                let reply = Reply { text, thinking, toasts, timing, ..Reply::default() };
                (reply, Ok(Vec::new()), Err(context.failure(&error, started)))
            }
        };
        if let Some(app) = &mut attempt.app {
            app.cold = app.cold.or(reply.timing.cold);
        }
        attempt.turns.push(context.turn_report(
            turn,
            offset,
            &prompt,
            &reply,
            stalled,
            checks.as_deref().unwrap_or_default(),
        ));
        if let Some(report) = attempt.turns.last() {
            progress(ProgressEvent::TurnEnded { turn: number, report });
        }
        ended?;
        if checks.map_err(|broken| settings_fault(&broken))?.iter().any(|check| !check.passed) {
            return Ok(());
        }
    }
    Ok(())
}

/// The turn's checks on each of its replies. An empty reply fails unless a check expects it. Saves the
/// parts that the turn names.
fn run_checks(
    turn: &Turn,
    variables: &mut Variables,
    reply: &Reply,
) -> Result<Vec<CheckReport>, BrokenCheck> {
    let values = variables.values();
    let toasts = &reply.toasts;
    let answer = |text, tools, parts| Answer { text, tools, parts, toasts, variables: &values };
    let first = answer(&reply.text, &reply.thinking, &reply.parts);
    let mut checks = check_answer(turn, variables, &first)?;
    for other in &reply.others {
        let label = other.label.as_deref().unwrap_or(&other.kind);
        let found =
            check_answer(turn, variables, &answer(&other.text, &other.thinking, &other.parts))?;
        checks.extend(found.into_iter().map(|check| CheckReport {
            expected: format!("{} in `{label}`", check.expected),
            ..check
        }));
    }
    checks.extend(variables.save(turn, &reply.text)?);
    Ok(checks)
}

fn check_answer(
    turn: &Turn,
    variables: &Variables,
    answer: &Answer<'_>,
) -> Result<Vec<CheckReport>, BrokenCheck> {
    let checks = turn.expect.iter().map(|check| carry_out(&variables.fill_check(check), answer));
    let mut checks = checks.collect::<Result<Vec<_>, _>>()?;
    let is_empty = redact::is_blank(answer.text) && answer.parts.is_empty();
    let is_unnoticed =
        checks.iter().all(|check| check.passed) && !turn.expect.iter().any(Check::expects_silence);
    if is_empty && is_unnoticed {
        let (expected, found) = ("an answer".to_owned(), "an empty reply".to_owned());
        checks.push(CheckReport { expected, found, passed: false });
    }
    Ok(checks)
}

fn settings_fault(broken: &BrokenCheck) -> Failure {
    Failure { cause: Cause::Own(OwnFault::Settings), prose: broken.to_string() }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

impl AttemptContext<'_> {
    /// A failure of the client as the report has it.
    ///
    /// If the time of this process ran out, or the process was stalled for most of the time, nothing is
    /// known about the target. A shorter stall is ignored, because data that arrives during it is read right after it.
    fn failure(&self, error: &gradio::Error, started: Instant) -> Failure {
        let waited = started.elapsed();
        let is_out_of_time = is_time(error.failure()) && self.left <= waited + SLACK;
        if self.is_process_limit && is_out_of_time {
            let seconds = waited.as_secs_f64();
            let prose = format!("the Lambda deadline was reached after {seconds:.1} s");
            return Failure { cause: Cause::Own(OwnFault::Deadline), prose };
        }
        let stalled = self.stalled.total();
        if self.is_limit_of_client(error.failure(), waited) && is_mostly_stalled(waited, stalled) {
            let prose = format!(
                "the time ran out ({}), and the prober was stalled for {:.1} of {:.1} s",
                error.prose(),
                stalled.as_secs_f64(),
                waited.as_secs_f64()
            );
            return Failure { cause: Cause::Own(OwnFault::Stalled), prose };
        }
        Failure { cause: cause(error.failure()), prose: error.prose().to_owned() }
    }

    /// Whether a limit of the client ran out. A refused connection fails before the limit.
    fn is_limit_of_client(&self, failure: Kind, waited: Duration) -> bool {
        let is_connecting = matches!(failure, Kind::Dns | Kind::Connect | Kind::Tls);
        is_time(failure) && (!is_connecting || Limits::default().connect.min(self.left) <= waited)
    }

    /// Text from outside for a report: without secrets, cut to the length that a report keeps.
    pub(crate) fn reported(&self, text: &str) -> String {
        cut(&self.target.redact(text))
    }

    fn redact_failure(&self, failure: &Failure) -> Failure {
        Failure { cause: failure.cause, prose: self.reported(&failure.prose) }
    }
}

/// Whether the process was stalled for at least half of the time.
fn is_mostly_stalled(waited: Duration, stalled: Duration) -> bool {
    waited <= stalled * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_stall_is_no_excuse() {
        let seconds = Duration::from_secs;
        assert!(is_mostly_stalled(seconds(10), seconds(5)));
        assert!(!is_mostly_stalled(seconds(10), seconds(4)));
        assert!(!is_mostly_stalled(seconds(10), Duration::ZERO));
    }
}

//! One attempt: connect, run the turns in order, check each reply.
//!
//! A failed check ends the attempt, because the turns after it depend on the same conversation.

use std::time::{Duration, Instant, SystemTime};

use domain::check::Check;
use domain::report::{App, Attempt, Cause, CheckReport, Failure, TurnReport, cut};
use domain::{OwnFault, Phases, Probe, Spread, Timing, Turn};
use gradio::{
    Client, EndpointChoice, Failure as Kind, Limits, Partial, Progress, Reply, Session, TurnTiming,
};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use crate::checks::{Answer, BrokenCheck, carry_out};
use crate::reason::{cause, is_time};
use crate::stall::StallCounter;
use crate::target::{FilledLogin, FilledTarget};
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

/// A failure this close to the end of the time was caused by it.
const SLACK: Duration = Duration::from_millis(50);

/// What an attempt needs beside the probe.
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
    let client = context.client().map_err(|error| context.failure(&error, started))?;
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
        let (partial, checks, ended) = match reply {
            Ok(reply) => {
                let checks = run_checks(turn, &mut variables, &reply);
                let text = whole_text(&reply);
                let Reply { thinking, toasts, timing, .. } = reply;
                (Partial { text, thinking, toasts, timing }, checks, Ok(()))
            }
            Err(error) => {
                let partial = error.partial().cloned().unwrap_or_default();
                (partial, Ok(Vec::new()), Err(context.failure(&error, started)))
            }
        };
        if let Some(app) = &mut attempt.app {
            app.cold = app.cold.or(partial.timing.cold);
        }
        attempt.turns.push(context.turn_report(
            turn,
            offset,
            &prompt,
            &partial,
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

/// The turn's checks. An empty reply fails unless a check expects it. Saves the parts that the turn
/// names.
fn run_checks(
    turn: &Turn,
    variables: &mut Variables,
    reply: &Reply,
) -> Result<Vec<CheckReport>, BrokenCheck> {
    let values = variables.values();
    let mut checks = check_answer(
        turn,
        variables,
        &Answer {
            text: &reply.text,
            tools: &reply.thinking,
            parts: &reply.parts,
            variables: &values,
        },
    )?;
    for other in &reply.others {
        let answer = Answer {
            text: &other.text,
            tools: &other.thinking,
            parts: &other.parts,
            variables: &values,
        };
        let label = other.label.as_deref().unwrap_or(&other.kind);
        checks.extend(check_answer(turn, variables, &answer)?.into_iter().map(|check| {
            CheckReport { expected: format!("{} in `{label}`", check.expected), ..check }
        }));
    }
    checks.extend(variables.save(turn, &reply.text)?);
    Ok(checks)
}

/// Checks one answer of a reply. A reply has several when the app shows several chatbots.
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

/// The texts of all answers of a reply, for the report.
fn whole_text(reply: &Reply) -> String {
    let texts = reply.others.iter().map(|other| other.text.as_str());
    let texts: Vec<&str> = std::iter::once(reply.text.as_str()).chain(texts).collect();
    texts.join("\n")
}

fn settings_fault(broken: &BrokenCheck) -> Failure {
    Failure { cause: Cause::Own(OwnFault::Settings), prose: broken.to_string() }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

impl AttemptContext<'_> {
    fn client(&self) -> Result<Client, gradio::Error> {
        // A bot may use all of the probe's time before its first chunk, or between two chunks: silence
        // alone does not end a turn.
        let limits = Limits { conversation: self.left, stall: self.left, ..Limits::default() };
        let mut builder = Client::builder(self.target.url().as_url().as_str())
            .limits(limits)
            .user_agent(self.user_agent)
            .traceparent(self.traceparent.clone());
        let auth = self.target.auth();
        if let Some(FilledLogin { username, password }) = &auth.login {
            builder = builder.login(username.clone(), password.expose_secret());
        }
        for (name, value) in &auth.headers {
            builder = builder.header(name.clone(), value.expose_secret());
        }
        if let Some(token) = &auth.bearer {
            builder = builder.bearer(token.expose_secret());
        }
        if let Some(endpoint) = self.target.endpoint() {
            let Ok(choice) = endpoint.parse::<EndpointChoice>();
            builder = builder.endpoint(choice);
        }
        for (name, value) in self.target.inputs() {
            builder = builder.input(name.clone(), value.clone());
        }
        builder.build()
    }

    /// A failure of the client as the report has it.
    ///
    /// If the time of this process ran out, or the process was stalled for most of the time, nothing is
    /// known about the target. A shorter stall is no excuse: what arrives during it is read right after.
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
    fn reported(&self, text: &str) -> String {
        cut(&self.target.redact(text))
    }

    fn redact_failure(&self, failure: &Failure) -> Failure {
        Failure { cause: failure.cause, prose: self.reported(&failure.prose) }
    }

    /// The app's description of itself, which may repeat a secret.
    fn app(&self, session: &Session) -> App {
        let description = session.description();
        App {
            gradio: self.reported(&description.gradio_version),
            protocol: description.protocol.name().to_owned(),
            endpoint: match &description.endpoint_name {
                Some(name) => self.reported(&format!("/{name}")),
                None => format!("function {}", description.endpoint_id),
            },
            cold: None,
        }
    }

    fn turn_report(
        &self,
        turn: &Turn,
        offset: Duration,
        prompt: &str,
        partial: &Partial,
        stalled: TurnStalls,
        checks: &[CheckReport],
    ) -> TurnReport {
        let thinking: Vec<&str> =
            partial.thinking.iter().map(|thought| thought.text.as_str()).collect();
        let check = |check: &CheckReport| CheckReport {
            expected: self.reported(&check.expected),
            found: self.reported(&check.found),
            passed: check.passed,
        };
        TurnReport {
            offset,
            said: self.reported(prompt),
            answered: self.reported(&partial.text),
            characters: u64::try_from(partial.text.chars().count()).unwrap_or(u64::MAX),
            thinking: self.reported(&thinking.join("\n")),
            timing: timing(&partial.timing, stalled),
            checks: checks.iter().map(check).collect(),
            objectives: turn.objectives.or(self.probe.objectives),
        }
    }
}

/// Whether the process was stalled for at least half of the time.
fn is_mostly_stalled(waited: Duration, stalled: Duration) -> bool {
    waited <= stalled * 2
}

/// How long this process was stalled, counted from the moment the prompt was sent.
#[derive(Clone, Copy)]
struct TurnStalls {
    /// Until the first chunk; `None` without one.
    first_chunk: Option<Duration>,
    /// Until the end of the turn.
    turn: Duration,
}

fn timing(measured: &TurnTiming, stalled: TurnStalls) -> Timing {
    Timing {
        queue: measured.queue,
        queue_position: measured.queue_position,
        first_chunk: measured.first_chunk,
        first_text: measured.first_text,
        reply: measured.reply,
        processing: measured.server_processing,
        chunks: u64::try_from(measured.chunks.len()).unwrap_or(u64::MAX),
        inter_chunk: Spread::of(measured.inter_chunk().collect()),
        first_chunk_stalled: measured.first_chunk.and(stalled.first_chunk),
        reply_stalled: measured.reply.map(|_| stalled.turn),
    }
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

//! One attempt: connect, play the turns in order, hold each reply to its checks.
//!
//! A turn whose reply fails a check ends the attempt: what comes after it would be judged on a
//! conversation that already went wrong.

use std::time::{Duration, Instant, SystemTime};

use domain::check::Check;
use domain::report::{
    App, Attempt, Cause, CheckReport, Failure, Missed, Objective, TurnReport, cut,
};
use domain::{OwnFault, Phases, Probe, Reason, Spread, Timing, Turn};
use gradio::{
    Client, EndpointChoice, Failure as Kind, Limits, Partial, Progress, Reply, Session, TurnTiming,
};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use crate::checks::{BrokenCheck, carry_out};
use crate::fill::Words;
use crate::reason::{cause, is_time};
use crate::stall::Watching;
use crate::target::{FilledAuth, FilledTarget};

/// What happens while a visit goes on, for whoever watches it live.
#[derive(Debug)]
pub enum Seen<'a> {
    /// An attempt begins; the first one is 1.
    Attempt(usize),
    /// The app described itself.
    Connected(&'a App),
    /// A prompt is sent; the first turn is 1.
    Said { turn: usize, prompt: &'a str },
    /// Something moved in the turn.
    Moved(Progress),
    /// The turn is over, well or not.
    Answered { turn: usize, report: &'a TurnReport },
}

/// What an attempt needs to know beside the probe.
pub(crate) struct Way<'a> {
    pub(crate) probe: &'a Probe,
    pub(crate) target: &'a FilledTarget,
    pub(crate) user_agent: &'a str,
    pub(crate) traceparent: String,
    /// From the start of the run to the start of this attempt.
    pub(crate) offset: Duration,
    /// What is left of the probe's timeout.
    pub(crate) left: Duration,
    /// Whether `left` is our own function's deadline rather than the probe's timeout.
    pub(crate) own_deadline: bool,
    /// Since the start of this attempt.
    pub(crate) watching: Watching<'a>,
}

pub(crate) async fn attempt(way: &Way<'_>, seen: &mut (dyn FnMut(Seen<'_>) + Send)) -> Attempt {
    let started = Instant::now();
    let mut attempt = Attempt {
        offset: way.offset,
        duration: Duration::ZERO,
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        turns: Vec::new(),
        failure: None,
    };
    if let Err(failure) = converse(way, started, &mut attempt, seen).await {
        attempt.failure = Some(way.redacted(&failure));
    }
    attempt.duration = started.elapsed();
    attempt
}

async fn converse(
    way: &Way<'_>,
    started: Instant,
    attempt: &mut Attempt,
    seen: &mut (dyn FnMut(Seen<'_>) + Send),
) -> Result<(), Failure> {
    let client = way.client().map_err(|error| way.failure(&error, started))?;
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
    let mut session = connected.map_err(|error| way.failure(&error, started))?;
    let app = way.app(&session);
    seen(Seen::Connected(&app));
    attempt.app = Some(app);

    let mut words = Words::with_nonce();
    for (index, turn) in way.probe.conversation.iter().enumerate() {
        let number = index + 1;
        let said = words.prompt(&turn.say).map_err(|broken| own(&broken))?;
        seen(Seen::Said { turn: number, prompt: &said });
        let offset = started.elapsed();
        let before = way.watching.so_far();
        let stalled = || way.watching.so_far().saturating_sub(before);
        let mut first_chunk_stalled = None;
        let reply = session
            .say(&said, &mut |progress| {
                if matches!(progress, Progress::Chunk { .. }) {
                    first_chunk_stalled.get_or_insert_with(stalled);
                }
                seen(Seen::Moved(progress));
            })
            .await;
        let stood_still = StoodStill { first_chunk: first_chunk_stalled, turn: stalled() };
        let (partial, checks, ended) = match reply {
            Ok(reply) => {
                let checks = held_to(turn, &words, &reply);
                let Reply { text, thinking, timing, .. } = reply;
                (Partial { text, thinking, timing }, checks, Ok(()))
            }
            Err(error) => {
                let partial = error.partial().cloned().unwrap_or_default();
                (partial, Ok(Vec::new()), Err(way.failure(&error, started)))
            }
        };
        if let Some(app) = &mut attempt.app {
            app.cold = app.cold.or(partial.timing.cold);
        }
        attempt.turns.push(way.turn(
            turn,
            offset,
            &said,
            &partial,
            stood_still,
            checks.as_deref().unwrap_or_default(),
        ));
        if let Some(report) = attempt.turns.last() {
            seen(Seen::Answered { turn: number, report });
        }
        ended?;
        if checks.map_err(|broken| own(&broken))?.iter().any(|check| !check.passed) {
            return Ok(());
        }
        words.save(turn, &partial.text).map_err(|broken| own(&broken))?;
    }
    Ok(())
}

/// The turn's checks, and that there is an answer at all, unless silence is what is expected.
fn held_to(turn: &Turn, words: &Words, reply: &Reply) -> Result<Vec<CheckReport>, BrokenCheck> {
    let checks = turn.expect.iter().map(|check| carry_out(&words.check(check), &reply.text));
    let mut checks = checks.collect::<Result<Vec<_>, _>>()?;
    let silent = reply.text.is_empty() && reply.parts.is_empty();
    let unnoticed =
        checks.iter().all(|check| check.passed) && !turn.expect.iter().any(Check::is_of_silence);
    if silent && unnoticed {
        let (expected, found) = ("an answer".to_owned(), "an empty reply".to_owned());
        checks.push(CheckReport { expected, found, passed: false });
    }
    Ok(checks)
}

fn own(broken: &BrokenCheck) -> Failure {
    Failure { cause: Cause::Own(OwnFault::Settings), prose: broken.to_string() }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

impl Way<'_> {
    fn client(&self) -> Result<Client, gradio::Error> {
        // A bot that thinks before it speaks, or between two chunks, may take all of the time that the
        // probe gives it: silence alone ends nothing.
        let limits = Limits { conversation: self.left, stall: self.left, ..Limits::default() };
        let mut builder = Client::builder(self.target.url())
            .limits(limits)
            .user_agent(self.user_agent)
            .traceparent(self.traceparent.clone());
        builder = match self.target.auth() {
            None => builder,
            Some(FilledAuth::Login { username, password }) => {
                builder.login(username.clone(), password.expose_secret())
            }
            Some(FilledAuth::Bearer(token)) => builder.bearer(token.expose_secret()),
            Some(FilledAuth::Headers(headers)) => {
                headers.iter().fold(builder, |builder, (name, value)| {
                    builder.header(name.clone(), value.expose_secret())
                })
            }
        };
        if let Some(endpoint) = self.target.endpoint() {
            let Ok(choice) = endpoint.parse::<EndpointChoice>();
            builder = builder.endpoint(choice);
        }
        for (name, value) in self.target.inputs() {
            builder = builder.input(name.clone(), value.clone());
        }
        builder.build()
    }

    /// A failure of the client in the report's words.
    ///
    /// When our own function ran out of time, or stood still for most of it, nothing is said about
    /// the target. Less than that is no excuse: what arrives meanwhile is read as soon as we go on.
    fn failure(&self, error: &gradio::Error, started: Instant) -> Failure {
        let out_of_time =
            is_time(error.failure()) && self.left <= started.elapsed() + Duration::from_millis(50);
        if self.own_deadline && out_of_time {
            let prose = format!(
                "our own deadline came first, after {:.1} s",
                started.elapsed().as_secs_f64()
            );
            return Failure { cause: Cause::Own(OwnFault::Deadline), prose };
        }
        let (waited, stalled) = (started.elapsed(), self.watching.so_far());
        if self.is_patience(error.failure(), waited) && waited <= stalled * 2 {
            let prose = format!(
                "time ran out ({}) while our own process stood still for {:.1} of {:.1} s",
                error.prose(),
                stalled.as_secs_f64(),
                waited.as_secs_f64()
            );
            return Failure { cause: Cause::Own(OwnFault::Stalled), prose };
        }
        Failure { cause: cause(error.failure()), prose: error.prose().to_owned() }
    }

    /// Whether a limit of ours ran out, after `waited`: what is refused while a connection is made
    /// fails at once.
    fn is_patience(&self, failure: Kind, waited: Duration) -> bool {
        let connecting = matches!(failure, Kind::Dns | Kind::Connect | Kind::Tls);
        is_time(failure) && (!connecting || Limits::default().connect.min(self.left) <= waited)
    }

    /// Text from outside as it may stand in a report.
    fn kept(&self, text: &str) -> String {
        cut(&self.target.redacted(text))
    }

    fn redacted(&self, failure: &Failure) -> Failure {
        Failure { cause: failure.cause, prose: self.kept(&failure.prose) }
    }

    /// What the app says of itself, which may be what it was told.
    fn app(&self, session: &Session) -> App {
        let description = session.description();
        App {
            gradio: self.kept(&description.gradio_version),
            protocol: description.protocol.name().to_owned(),
            endpoint: match &description.endpoint_name {
                Some(name) => self.kept(&format!("/{name}")),
                None => format!("function {}", description.endpoint_id),
            },
            cold: None,
        }
    }

    fn turn(
        &self,
        turn: &Turn,
        offset: Duration,
        said: &str,
        seen: &Partial,
        stood_still: StoodStill,
        checks: &[CheckReport],
    ) -> TurnReport {
        let thinking: Vec<&str> =
            seen.thinking.iter().map(|thought| thought.text.as_str()).collect();
        let check = |check: &CheckReport| CheckReport {
            expected: self.kept(&check.expected),
            found: self.kept(&check.found),
            passed: check.passed,
        };
        TurnReport {
            offset,
            said: self.kept(said),
            answered: self.kept(&seen.text),
            characters: u64::try_from(seen.text.chars().count()).unwrap_or(u64::MAX),
            thinking: self.kept(&thinking.join("\n")),
            timing: timing(&seen.timing, stood_still),
            checks: checks.iter().map(check).collect(),
            objectives: turn.objectives.or(self.probe.objectives),
        }
    }
}

/// How long this process could not run, counted from when the prompt was sent.
#[derive(Clone, Copy)]
struct StoodStill {
    /// Until the first chunk, where one came.
    first_chunk: Option<Duration>,
    /// Until the turn was over.
    turn: Duration,
}

fn timing(seen: &TurnTiming, stood_still: StoodStill) -> Timing {
    Timing {
        queue: seen.queue,
        queue_position: seen.queue_position,
        first_chunk: seen.first_chunk,
        first_text: seen.first_text,
        reply: seen.reply,
        processing: seen.server_processing,
        chunks: u64::try_from(seen.chunks.len()).unwrap_or(u64::MAX),
        inter_chunk: Spread::of(seen.inter_chunk().collect()),
        first_chunk_stalled: seen.first_chunk.and(stood_still.first_chunk),
        reply_stalled: seen.reply.map(|_| stood_still.turn),
    }
}

/// One sentence on how a run ended; empty when all is well.
pub(crate) fn detail(attempts: &[Attempt], outcome: domain::Outcome) -> String {
    let Some(last) = attempts.last() else { return String::new() };
    if let Some(failure) = &last.failure {
        let turn = last.turns.len();
        return if turn == 0 {
            failure.prose.clone()
        } else {
            format!("turn {turn}: {}", failure.prose)
        };
    }
    if let (Some(Reason::CheckFailed), Some((turn, check))) =
        (outcome.reason(), last.failed_checks().next())
    {
        return format!("turn {}: expected {}, found {}", turn + 1, check.expected, check.found);
    }
    if let Some(missed) = last.missed().next() {
        return late(&missed);
    }
    match attempts {
        [first, .., _] => {
            let before =
                first.failure.as_ref().map_or("a check failed", |failure| failure.prose.as_str());
            format!("passed only at attempt {}; before that: {before}", attempts.len())
        }
        _ => last.blurred().next().map_or_else(String::new, |missed| {
            let stalled = missed.stalled.as_secs_f64();
            let late = late(&missed);
            format!(
                "{late}; not held against the app, our own process stood still for {stalled:.2} s"
            )
        }),
    }
}

fn late(missed: &Missed) -> String {
    let what = match missed.what {
        Objective::FirstChunk => "first chunk",
        Objective::Reply => "reply",
    };
    let (measured, objective) = (missed.measured.as_secs_f64(), missed.objective.as_secs_f64());
    format!("turn {}: {what} after {measured:.2} s, objective {objective:.2} s", missed.turn + 1)
}

//! One attempt: connect, run the turns in order, check each reply.
//!
//! A failed check ends the attempt, because the turns after it depend on the same conversation.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::check::Check;
use domain::probe::{Attachment, AttachmentContent};
use domain::report::{App, Attempt, Cause, CheckReport, Failure, TurnReport};
use domain::{OwnFault, Phases, Reason, Turn};
use gradio::{Partial, Progress, Reply, Session, Upload, visible_text};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::attempt_context::{AttemptContext, SLACK};
use crate::checks::{Answer, BrokenCheck, carry_out};
use crate::client::client;
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
    /// The attempt failed, and the attempt with this number, from 2, starts after the pause.
    RetryScheduled { attempt: usize, pause: Duration },
}

/// The longest wait for the end of the session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
    context.hide_secret_inputs(&session.description().inputs);
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
        let files = files(turn, &variables).map_err(|broken| settings_fault(&broken))?;
        progress(ProgressEvent::PromptSent { turn: number, prompt: &prompt });
        let offset = started.elapsed();
        let before = context.stalled.total();
        let stalled_so_far = || context.stalled.total().saturating_sub(before);
        let mut first_chunk_stalled = None;
        let reply = session
            .say_with_files(&prompt, &files, &mut |event| {
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
        shown_error(&reply)?;
    }
    Ok(())
}

/// The files of a turn, with the variables filled in.
fn files(turn: &Turn, variables: &Variables) -> Result<Vec<Upload>, BrokenCheck> {
    let file = |file: &Attachment| {
        let bytes = match &file.content {
            AttachmentContent::Text(text) => variables.fill_prompt(text)?.into_bytes(),
            AttachmentContent::Base64(text) => BASE64_STANDARD
                .decode(text)
                .map_err(|source| BrokenCheck::File { name: file.name.clone(), source })?,
        };
        Ok(Upload { name: file.name.clone(), bytes })
    };
    turn.files.iter().map(file).collect()
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
    let is_empty = redact::is_blank(&visible_text(answer.text)) && answer.parts.is_empty();
    let is_unnoticed =
        checks.iter().all(|check| check.passed) && !turn.expect.iter().any(Check::expects_silence);
    if is_empty && is_unnoticed {
        let (expected, found) = ("an answer".to_owned(), "an empty reply".to_owned());
        checks.push(CheckReport { expected, found, passed: false });
    }
    Ok(checks)
}

/// A function of the turn that failed is a failure also if another one answered: the page shows an
/// error with each message.
fn shown_error(reply: &Reply) -> Result<(), Failure> {
    match reply.toasts.iter().find(|toast| toast.level == "error") {
        None => Ok(()),
        Some(toast) => Err(Failure {
            cause: Cause::Target(Reason::AppError),
            prose: format!("the page shows an error beside the answer: {}", toast.text),
        }),
    }
}

fn settings_fault(broken: &BrokenCheck) -> Failure {
    Failure { cause: Cause::Own(OwnFault::Settings), prose: broken.to_string() }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use gradio::Toast;

    use super::*;

    #[test]
    fn error_beside_an_answer_is_a_failure() {
        for (level, expected) in [("info", None), ("warning", None), ("error", Some("no credit"))] {
            let toast =
                Toast { level: level.to_owned(), text: "no credit".to_owned(), ..Toast::default() };
            let reply = Reply { text: "42".to_owned(), toasts: vec![toast], ..Reply::default() };
            let failure = shown_error(&reply).err();
            assert_eq!(failure.is_some(), expected.is_some(), "{level}");
            if let (Some(failure), Some(text)) = (failure, expected) {
                assert_eq!(failure.cause, Cause::Target(Reason::AppError));
                assert!(failure.prose.contains(text), "{}", failure.prose);
            }
        }
    }
}

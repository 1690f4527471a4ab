//! The parts of a report about the app and about a turn.

use std::time::Duration;

use domain::report::{App, CheckReport, LONGEST_NAME, MOST_LISTED, ReplyPart, TurnReport, cut_at};
use domain::{Spread, Timing, Turn};
use gradio::{Part, Reply, Session, Toast, TurnTiming};

use crate::attempt_context::AttemptContext;

impl AttemptContext<'_> {
    /// The app's description of itself, which may repeat a secret.
    pub(crate) fn app(&self, session: &Session) -> App {
        let description = session.description();
        App {
            gradio: self.reported(&description.gradio_version),
            protocol: description.protocol.name().to_owned(),
            endpoint: match &description.endpoint_name {
                Some(name) => self.reported(&format!("/{name}")),
                None => format!("function {}", description.endpoint_id),
            },
            cold: None,
            skipped_javascript: description.javascript.len(),
        }
    }

    pub(crate) fn turn_report(
        &self,
        turn: &Turn,
        offset: Duration,
        prompt: &str,
        reply: &Reply,
        stalled: TurnStalls,
        checks: &[CheckReport],
    ) -> TurnReport {
        let others = &reply.others;
        let blocks = || reply.thinking.iter().chain(others.iter().flat_map(|one| &one.thinking));
        let parts = reply.parts.iter().chain(others.iter().flat_map(|one| &one.parts));
        let thinking: Vec<&str> = blocks().map(|block| block.text.as_str()).collect();
        let titles = blocks().map(|block| self.name(&block.title));
        let check = |check: &CheckReport| CheckReport {
            expected: self.reported(&check.expected),
            found: self.reported(&check.found),
            passed: check.passed,
        };
        TurnReport {
            offset,
            said: self.reported(&said(turn, prompt)),
            answered: self.reported(&answered(reply)),
            characters: u64::try_from(reply.text.chars().count()).unwrap_or(u64::MAX),
            thinking: self.reported(&thinking.join("\n")),
            blocks: titles.filter(|title| !title.is_empty()).take(MOST_LISTED).collect(),
            parts: parts.take(MOST_LISTED).map(|part| self.reply_part(part)).collect(),
            toasts: reply.toasts.iter().map(|toast| self.reported(&toast_line(toast))).collect(),
            cached: reply.cached.as_ref().map(|cached| self.reported(cached)),
            timing: timing(&reply.timing, stalled),
            checks: checks.iter().map(check).collect(),
            objectives: turn.objectives.or(self.probe.objectives),
        }
    }

    fn reply_part(&self, part: &Part) -> ReplyPart {
        ReplyPart {
            kind: self.name(&part.kind),
            name: part.name.as_ref().map(|name| self.name(name)),
        }
    }

    /// A name from outside, on one line.
    fn name(&self, text: &str) -> String {
        let text = self.reported(text);
        let words: Vec<&str> = text.split_whitespace().collect();
        cut_at(&words.join(" "), LONGEST_NAME)
    }
}

/// The prompt and the names of its files.
fn said(turn: &Turn, prompt: &str) -> String {
    let mut text = prompt.to_owned();
    for file in &turn.files {
        text.push_str("\n[file ");
        text.push_str(&file.name);
        text.push(']');
    }
    text
}

/// All replies of a turn, each but the first under its label.
fn answered(reply: &Reply) -> String {
    let mut text = reply.text.clone();
    for other in &reply.others {
        let label = other.label.as_deref().unwrap_or(&other.kind);
        text.push_str("\n\n[");
        text.push_str(label);
        text.push_str("]\n");
        text.push_str(&other.text);
    }
    text
}

fn toast_line(toast: &Toast) -> String {
    let colon = if toast.title.is_empty() || toast.text.is_empty() { "" } else { ": " };
    format!("{}: {}{colon}{}", toast.level, toast.title, toast.text)
}

/// How long this process was stalled, counted from the moment the prompt was sent.
#[derive(Clone, Copy)]
pub(crate) struct TurnStalls {
    /// Until the first chunk; `None` without one.
    pub(crate) first_chunk: Option<Duration>,
    /// Until the end of the turn.
    pub(crate) turn: Duration,
}

fn timing(measured: &TurnTiming, stalled: TurnStalls) -> Timing {
    Timing {
        queue: measured.queue,
        queue_position: measured.queue_position,
        first_output: measured.first_output,
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

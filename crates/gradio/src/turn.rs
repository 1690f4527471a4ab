//! One turn as it is seen: takes the queue's messages, whatever carried them, and keeps times,
//! values and limits.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::config::Protocol;
use crate::diff::{self, DiffError};
use crate::failure::{Failure, Fault, Partial};
use crate::limits::Limits;
use crate::message::{Body, Message, Output};
use crate::patience::{Patience, Stand};
use crate::redact;
use crate::reply::{Content, Reply};
use crate::timing::TurnTiming;

/// What happens in a turn, for those who want to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The message is on its way.
    Sent,
    /// It waits in the queue.
    Queued {
        /// 0 is next.
        position: u64,
        /// How many wait; `None` when that is not told.
        size: Option<u64>,
    },
    /// The app works on it.
    Started,
    /// A chunk arrived.
    Chunk {
        /// Counted from 1.
        number: usize,
    },
}

/// What is to be done after a message.
#[derive(Debug)]
pub(crate) enum Flow {
    Wait,
    SendHash,
    SendData(Option<String>),
    /// The values that the function gave.
    Done(Vec<Value>),
}

pub(crate) struct Turn<'a> {
    pub(crate) patience: Patience,
    limits: &'a Limits,
    protocol: Protocol,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    timing: TurnTiming,
    content: Content,
    step: Step,
    /// Messages with values so far, whether they held anything of the reply or not.
    pieces: usize,
    /// Bytes of chunks so far, and from how many on the reply's length has to be looked at.
    chunk_bytes: usize,
    look_at: usize,
    processing: Option<f64>,
}

/// The call that is being made.
#[derive(Debug)]
struct Step {
    asked: Instant,
    queue_left: bool,
    /// Which output holds the reply, its type, and what it held before the turn.
    reply: Option<(usize, String, Value)>,
    /// Values as of the last chunk.
    outputs: Option<Vec<Value>>,
    /// The chunks are differences to a value that was never sent; only the end is whole.
    baseless: bool,
}

impl Step {
    fn new(asked: Instant, queue_left: bool, reply: Option<(usize, String, Value)>) -> Self {
        Self { asked, queue_left, reply, outputs: None, baseless: false }
    }
}

impl<'a> Turn<'a> {
    pub(crate) fn begin(
        limits: &'a Limits,
        protocol: Protocol,
        grain: Option<Duration>,
        deadline: Instant,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Self {
        let now = Instant::now();
        progress(Progress::Sent);
        Self {
            patience: Patience::new(limits, deadline, now),
            limits,
            protocol,
            progress,
            timing: TurnTiming { grain, ..TurnTiming::default() },
            content: Content::default(),
            step: Step::new(now, true, None),
            pieces: 0,
            chunk_bytes: 0,
            look_at: limits.reply_chars,
            processing: None,
        }
    }

    /// The next call is about to be made; `reply` is the output to read with its type and value.
    pub(crate) fn begin_step(&mut self, reply: Option<(usize, String, Value)>, queued: bool) {
        let asked = Instant::now();
        self.patience.moved(asked);
        self.step = Step::new(asked, !queued, reply);
    }

    /// Takes a message of `bytes` bytes that arrived at `at`.
    pub(crate) fn take(
        &mut self,
        message: Message,
        bytes: usize,
        at: Instant,
    ) -> Result<Flow, Fault> {
        if message.body == Body::Heartbeat {
            self.patience.heartbeat();
            return Ok(Flow::Wait);
        }
        self.patience.moved(at);
        match message.body {
            Body::SendHash => {
                // Only with the answer to this are we in the queue.
                self.step.asked = at;
                return Ok(Flow::SendHash);
            }
            Body::SendData => {
                self.leave_queue(at);
                return Ok(Flow::SendData(message.event_id));
            }
            Body::Estimation { rank, size, cold } => self.estimate(rank, size, cold),
            Body::Starts => self.start(at),
            Body::Generating(output) => self.chunk(output, bytes, at)?,
            Body::Completed(output) => return self.complete(output, at).map(Flow::Done),
            Body::QueueFull => {
                return Err(Fault::new(Failure::QueueFull, "the app's queue is full"));
            }
            Body::UnexpectedError { message, session_lost } => {
                return Err(unexpected(&message, session_lost));
            }
            Body::CloseStream => {
                let prose = "the server closed the stream before the reply was complete";
                return Err(Fault::new(Failure::StreamBroken, prose));
            }
            Body::Heartbeat | Body::Other => {}
        }
        Ok(Flow::Wait)
    }

    fn estimate(&mut self, rank: Option<u64>, size: Option<u64>, cold: Option<bool>) {
        if let Some(position) = rank {
            self.timing.queue_position = self.timing.queue_position.max(rank);
            (self.progress)(Progress::Queued { position, size });
        }
        // Only the first estimate was made before our own run.
        self.timing.cold = self.timing.cold.or(cold);
    }

    fn leave_queue(&mut self, at: Instant) {
        if !std::mem::replace(&mut self.step.queue_left, true) {
            let waited = at.saturating_duration_since(self.step.asked);
            self.timing.queue = Some(self.timing.queue.unwrap_or_default() + waited);
        }
    }

    fn start(&mut self, at: Instant) {
        self.leave_queue(at);
        if self.patience.progress == Stand::Waiting {
            self.patience.progress = Stand::Started;
            (self.progress)(Progress::Started);
        }
    }

    fn chunk(&mut self, output: Output, bytes: usize, at: Instant) -> Result<(), Fault> {
        self.start(at);
        if !output.success {
            return Err(app_error(&output));
        }
        self.add_processing(output.duration);
        self.keep(output.data.unwrap_or_default())?;
        if self.step.reply.is_none() {
            return Ok(());
        }
        self.pieces += 1;
        if self.pieces > self.limits.chunks {
            let prose = format!("the reply has more than {} chunks", self.limits.chunks);
            return Err(Fault::new(Failure::TooLarge, prose));
        }
        self.note_chunk(at);
        self.check_length(bytes)
    }

    /// What comes before anything of the reply is there, such as the user's own words put into the
    /// chat, is no chunk of it.
    fn note_chunk(&mut self, at: Instant) {
        let since = self.patience.since_sent(at);
        if self.timing.first_text.is_none() {
            let content = self.read_reply();
            if content.is_empty() && self.timing.first_chunk.is_none() {
                return;
            }
            if content.has_answer() {
                self.timing.first_text = Some(since);
            }
        }
        if self.timing.first_chunk.is_none() {
            self.timing.first_chunk = Some(since);
            self.timing.server_first_chunk = seconds(self.processing);
        }
        self.patience.progress = Stand::Answering;
        self.timing.chunks.push(since);
        (self.progress)(Progress::Chunk { number: self.timing.chunks.len() });
    }

    /// A reply can't be longer than the bytes that brought it, so that it need not be read again
    /// with each chunk.
    fn check_length(&mut self, bytes: usize) -> Result<(), Fault> {
        let bytes_count =
            if self.protocol.sends_diffs() { self.chunk_bytes + bytes } else { bytes };
        self.chunk_bytes = bytes_count;
        if bytes_count <= self.look_at {
            return Ok(());
        }
        let length = length(&self.read_reply());
        if length > self.limits.reply_chars {
            return Err(self.too_long());
        }
        if self.protocol.sends_diffs() {
            self.look_at = bytes_count + (self.limits.reply_chars - length);
        }
        Ok(())
    }

    fn too_long(&self) -> Fault {
        let prose = format!("the reply has more than {} characters", self.limits.reply_chars);
        Fault::new(Failure::TooLarge, prose)
    }

    /// Takes a chunk's values: whole ones, or differences to the chunk before.
    ///
    /// An app keeps the last value of a reply that failed, by the address of its generator. The next
    /// generator of the session may get that address, and its first chunk is then a difference to the
    /// failed reply (Gradio 4.17 to 6, `Blocks.handle_streaming_diffs`). Such a reply is read when it
    /// is whole.
    fn keep(&mut self, data: Vec<Value>) -> Result<(), Fault> {
        let first = self.step.outputs.is_none() && self.protocol.sends_diffs();
        self.step.baseless |= first && data.iter().any(diff::is_difference);
        if self.step.baseless {
            return Ok(());
        }
        match &mut self.step.outputs {
            Some(outputs) if self.protocol.sends_diffs() => {
                for (at, differences) in data.into_iter().enumerate() {
                    if at == outputs.len() {
                        outputs.push(Value::Null);
                    }
                    // A first chunk without any difference looks like a chat without any turn.
                    let unclear = outputs[at].as_array().is_some_and(Vec::is_empty);
                    match diff::apply(&mut outputs[at], differences) {
                        Ok(()) => {}
                        Err(DiffError::Outside) if unclear => self.step.baseless = true,
                        Err(error) => {
                            return Err(Fault::new(Failure::StreamBroken, error.to_string()));
                        }
                    }
                }
            }
            outputs => *outputs = Some(data),
        }
        if self.step.baseless {
            self.step.outputs = None;
        }
        Ok(())
    }

    fn complete(&mut self, output: Output, at: Instant) -> Result<Vec<Value>, Fault> {
        self.leave_queue(at);
        if !output.success {
            return Err(app_error(&output));
        }
        let Some(data) = output.data else {
            let prose = "the event ended without a value, as a cancelled one does";
            return Err(Fault::new(Failure::AppError, prose));
        };
        // In the older protocols the end repeats the duration of the last chunk.
        if self.step.outputs.is_none() || self.protocol.sends_diffs() {
            self.add_processing(output.duration);
        }
        let earlier = self.step.outputs.replace(data.clone());
        if let Some((reply, ..)) = self.step.reply {
            if data.get(reply).is_some_and(keeps_value) {
                self.step.outputs = earlier;
            }
            self.end_reply(at)?;
        }
        Ok(data)
    }

    fn end_reply(&mut self, at: Instant) -> Result<(), Fault> {
        let content = self.read_reply();
        if length(&content) > self.limits.reply_chars {
            return Err(self.too_long());
        }
        let since = self.patience.since_sent(at);
        if content.has_answer() {
            self.timing.first_text.get_or_insert(since);
        }
        if !content.is_empty() && self.timing.first_chunk.is_none() {
            self.timing.first_chunk = Some(since);
            self.timing.chunks.push(since);
            self.timing.server_first_chunk = seconds(self.processing);
        }
        if !content.is_empty() {
            self.content = content;
        }
        self.timing.reply = Some(since);
        Ok(())
    }

    /// What the current step's values say, if they say anything new.
    fn read_reply(&self) -> Content {
        let Some((at, kind, before)) = &self.step.reply else { return Content::default() };
        match self.step.outputs.as_ref().and_then(|outputs| outputs.get(*at)) {
            // Text that is said twice is said again; a chat that looks as before is not.
            Some(value) if kind == "chatbot" && value == before => Content::default(),
            Some(value) => Content::read(kind, value),
            None => Content::default(),
        }
    }

    fn add_processing(&mut self, duration: Option<f64>) {
        if let Some(duration) = duration.filter(|duration| duration.is_finite() && *duration >= 0.0)
        {
            self.processing = Some(self.processing.unwrap_or_default() + duration);
        }
    }

    pub(crate) fn into_reply(mut self) -> Reply {
        self.timing.server_processing = seconds(self.processing);
        let Content { text, thinking, parts } = self.content;
        Reply { text, thinking, parts, timing: self.timing }
    }

    pub(crate) fn into_partial(mut self) -> Partial {
        let content = match self.read_reply() {
            empty if empty.is_empty() => std::mem::take(&mut self.content),
            content => content,
        };
        self.timing.server_processing = seconds(self.processing);
        self.timing.reply = None;
        Partial { text: content.text, thinking: content.thinking, timing: self.timing }
    }
}

/// Whether a value changes something of its component, but not what it shows.
fn keeps_value(value: &Value) -> bool {
    value.get("__type__").is_some_and(|kind| kind == "update") && value.get("value").is_none()
}

fn length(content: &Content) -> usize {
    let thinking = content.thinking.iter().map(|thought| thought.text.chars().count());
    content.text.chars().count() + thinking.sum::<usize>()
}

fn seconds(sum: Option<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(sum?).ok()
}

fn app_error(output: &Output) -> Fault {
    let prose = match output.error.as_deref().map(redact::line).filter(|text| !text.is_empty()) {
        Some(text) => format!("the app reported `{text}`"),
        None => "the app failed and does not tell why (`show_error` is off)".to_owned(),
    };
    Fault::new(Failure::AppError, prose)
}

fn unexpected(message: &str, session_lost: bool) -> Fault {
    let message = redact::line(message);
    if session_lost {
        let prose = format!(
            "the server no longer knows the session (`{message}`): was it restarted, or did \
             another replica answer?"
        );
        return Fault::new(Failure::StreamBroken, prose);
    }
    let stopped = message.to_ascii_lowercase().contains("server stopped");
    let failure = if stopped { Failure::StreamBroken } else { Failure::AppError };
    Fault::new(failure, format!("the server reported `{message}`"))
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;

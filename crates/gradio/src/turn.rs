//! State of one turn: receives the messages of the queue from any transport, and keeps times, values
//! and limits.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::config::Protocol;
use crate::deadlines::{TurnDeadlines, TurnState};
use crate::diff::{self, DiffError};
use crate::failure::{Failure, Fault, Partial};
use crate::limits::Limits;
use crate::message::{Body, Message, Output};
use crate::redact;
use crate::reply::{Content, Reply};
use crate::timing::TurnTiming;

/// Progress of a turn, for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The message was sent.
    Sent,
    /// The message waits in the queue.
    Queued {
        /// 0 is next.
        position: u64,
        /// Length of the queue; `None` when the server does not report it.
        size: Option<u64>,
    },
    /// The app processes the message.
    Started,
    /// A chunk arrived.
    Chunk {
        /// Counted from 1.
        number: usize,
    },
}

/// What the transport does after a message.
#[derive(Debug)]
pub(crate) enum Flow {
    Wait,
    SendHash,
    SendData(Option<String>),
    /// The output values of the function.
    Done(Vec<Value>),
}

pub(crate) struct Turn<'a> {
    pub(crate) deadlines: TurnDeadlines,
    limits: &'a Limits,
    protocol: Protocol,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    timing: TurnTiming,
    content: Content,
    step: Step,
    /// Messages with values so far.
    pieces: usize,
    /// Bytes of chunks so far, and the count at which the length of the reply is checked next.
    chunk_bytes: usize,
    next_check: usize,
    processing: Option<f64>,
}

/// The current call.
#[derive(Debug)]
struct Step {
    joined: Instant,
    queue_left: bool,
    /// Index of the output with the reply, its type, and its value before the turn.
    reply: Option<(usize, String, Value)>,
    /// Output values after the last chunk.
    outputs: Option<Vec<Value>>,
    /// The chunks are differences to a value that was never sent; only the last message is complete.
    no_base: bool,
}

impl Step {
    fn new(joined: Instant, queue_left: bool, reply: Option<(usize, String, Value)>) -> Self {
        Self { joined, queue_left, reply, outputs: None, no_base: false }
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
            deadlines: TurnDeadlines::new(limits, deadline, now),
            limits,
            protocol,
            progress,
            timing: TurnTiming { grain, ..TurnTiming::default() },
            content: Content::default(),
            step: Step::new(now, true, None),
            pieces: 0,
            chunk_bytes: 0,
            next_check: limits.reply_chars,
            processing: None,
        }
    }

    /// Starts the next call; `reply` is the output to read with its type and value.
    pub(crate) fn begin_step(&mut self, reply: Option<(usize, String, Value)>, queued: bool) {
        let joined = Instant::now();
        self.deadlines.data_received(joined);
        self.step = Step::new(joined, !queued, reply);
    }

    /// Processes a message of `bytes` bytes that arrived at `at`.
    pub(crate) fn receive(
        &mut self,
        message: Message,
        bytes: usize,
        at: Instant,
    ) -> Result<Flow, Fault> {
        if message.body == Body::Heartbeat {
            self.deadlines.heartbeat_received();
            return Ok(Flow::Wait);
        }
        self.deadlines.data_received(at);
        match message.body {
            Body::SendHash => {
                // The event joins the queue with the reply to this message.
                self.step.joined = at;
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
        // Only the first estimation was made before this run.
        self.timing.cold = self.timing.cold.or(cold);
    }

    fn leave_queue(&mut self, at: Instant) {
        if !std::mem::replace(&mut self.step.queue_left, true) {
            let waited = at.saturating_duration_since(self.step.joined);
            self.timing.queue = Some(self.timing.queue.unwrap_or_default() + waited);
        }
    }

    fn start(&mut self, at: Instant) {
        self.leave_queue(at);
        if self.deadlines.state == TurnState::Waiting {
            self.deadlines.state = TurnState::Started;
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

    /// Messages before the reply starts, such as one that adds the user's message to the chat, are not
    /// chunks of it.
    fn note_chunk(&mut self, at: Instant) {
        let since = self.deadlines.since_sent(at);
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
        self.deadlines.state = TurnState::Replying;
        self.timing.chunks.push(since);
        (self.progress)(Progress::Chunk { number: self.timing.chunks.len() });
    }

    /// The reply is at most as long as the bytes received, so it is not read again for each chunk.
    fn check_length(&mut self, bytes: usize) -> Result<(), Fault> {
        let bytes_count =
            if self.protocol.sends_diffs() { self.chunk_bytes + bytes } else { bytes };
        self.chunk_bytes = bytes_count;
        if bytes_count <= self.next_check {
            return Ok(());
        }
        let length = length(&self.read_reply());
        if length > self.limits.reply_chars {
            return Err(self.too_long());
        }
        if self.protocol.sends_diffs() {
            self.next_check = bytes_count + (self.limits.reply_chars - length);
        }
        Ok(())
    }

    fn too_long(&self) -> Fault {
        let prose = format!("the reply has more than {} characters", self.limits.reply_chars);
        Fault::new(Failure::TooLarge, prose)
    }

    /// Applies the values of a chunk: complete values, or differences to the previous chunk.
    ///
    /// Gradio 4.17 to 6 keeps the last value of a failed reply under the address of its generator
    /// (`Blocks.handle_streaming_diffs`). If the next generator has the same address, its first chunk
    /// is a difference to the failed reply. Such a reply is read when it is complete.
    fn keep(&mut self, data: Vec<Value>) -> Result<(), Fault> {
        let first = self.step.outputs.is_none() && self.protocol.sends_diffs();
        self.step.no_base |= first && data.iter().any(diff::is_difference);
        if self.step.no_base {
            return Ok(());
        }
        match &mut self.step.outputs {
            Some(outputs) if self.protocol.sends_diffs() => {
                for (at, differences) in data.into_iter().enumerate() {
                    if at == outputs.len() {
                        outputs.push(Value::Null);
                    }
                    // A first chunk without differences looks like an empty chat.
                    let unclear = outputs[at].as_array().is_some_and(Vec::is_empty);
                    match diff::apply(&mut outputs[at], differences) {
                        Ok(()) => {}
                        Err(DiffError::Outside) if unclear => self.step.no_base = true,
                        Err(error) => {
                            return Err(Fault::new(Failure::StreamBroken, error.to_string()));
                        }
                    }
                }
            }
            outputs => *outputs = Some(data),
        }
        if self.step.no_base {
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
            let prose = "the event ended without a value, as a cancelled event does";
            return Err(Fault::new(Failure::AppError, prose));
        };
        // In older protocols the last message repeats the duration of the last chunk.
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
        let since = self.deadlines.since_sent(at);
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

    /// The content of the current values, if it is new.
    fn read_reply(&self) -> Content {
        let Some((at, kind, before)) = &self.step.reply else { return Content::default() };
        match self.step.outputs.as_ref().and_then(|outputs| outputs.get(*at)) {
            // A repeated text is a new reply; an unchanged chat is not.
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

/// Whether an update leaves the value of its component unchanged.
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
        None => "the app reported an error without a text (`show_error` is off)".to_owned(),
    };
    Fault::new(Failure::AppError, prose)
}

fn unexpected(message: &str, session_lost: bool) -> Fault {
    let message = redact::line(message);
    if session_lost {
        let prose = format!(
            "the server does not know the session (`{message}`): it was restarted, or another \
             replica received the request"
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

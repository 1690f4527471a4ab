//! State of one call within a turn: its output values, queue time and deadlines.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::time::Instant;

use crate::config::Id;
use crate::deadlines::{StepDeadlines, StepState};
use crate::diff::{self, DiffError};
use crate::failure::{Failure, Fault};
use crate::message::{Body, Message, Output};
use crate::redact;
use crate::turn::{Change, Progress, Turn};
use crate::value_limit::size_of_value;

/// The next action of the transport after a message.
#[derive(Debug)]
pub(crate) enum Flow {
    Wait,
    SendHash,
    SendData(Option<String>),
    /// The function has ended.
    Done(Outcome),
}

/// The result of a function.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) values: Vec<Value>,
    pub(crate) changed_states: Vec<Id>,
    pub(crate) rendered: Option<Value>,
}

/// One call. Calls of parallel branches share the turn.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one call")]
pub(crate) struct Step<'t, 'a> {
    turn: &'t Mutex<Turn<'a>>,
    pub(crate) deadlines: StepDeadlines,
    joined: Instant,
    queue_left: bool,
    /// Indexes of the outputs with a reply, and their components.
    replies: Vec<(usize, Id)>,
    /// Output values after the last chunk.
    outputs: Option<Vec<Value>>,
    /// Number of the outputs that the app describes; a server may send more.
    output_count: usize,
    /// Values of outputs whose last chunk is an update that leaves the value unchanged.
    kept: Kept,
    /// The chunks are differences to a value that was never sent; only the last message is complete.
    no_base: bool,
    sends_diffs: bool,
    /// The server repeats the function until the client leaves; the first chunk is its result.
    pub(crate) is_endless: bool,
    /// When a stream counts as complete.
    pub(crate) ends_at: Option<Instant>,
    /// Bytes of the chunks, and the count at which the size of the outputs is checked next.
    bytes: usize,
    next_check: usize,
    /// Bytes that count as those of this call in the turn.
    measured: usize,
}

impl<'t, 'a> Step<'t, 'a> {
    pub(crate) fn new(turn: &'t Mutex<Turn<'a>>, outputs: &[Id], queued: bool) -> Self {
        let joined = Instant::now();
        let (deadlines, replies, sends_diffs, next_check) = {
            let turn = lock(turn);
            let replies = outputs.iter().enumerate().filter(|(_, id)| turn.is_reply(**id));
            let replies: Vec<_> = replies.map(|(at, &id)| (at, id)).collect();
            let state = if queued { StepState::Waiting } else { StepState::Started };
            let deadlines = turn.step_deadlines(joined, state);
            (
                deadlines,
                replies,
                turn.protocol.sends_diffs(),
                turn.limits.reply_chars.min(turn.limits.output_bytes),
            )
        };
        Self {
            turn,
            deadlines,
            joined,
            queue_left: !queued,
            replies,
            outputs: None,
            output_count: outputs.len(),
            kept: Kept::default(),
            no_base: false,
            sends_diffs,
            is_endless: false,
            ends_at: None,
            bytes: 0,
            next_check,
            measured: 0,
        }
    }

    fn turn(&self) -> MutexGuard<'t, Turn<'a>> {
        lock(self.turn)
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
                self.joined = at;
                return Ok(Flow::SendHash);
            }
            Body::SendData => {
                self.leave_queue(at);
                return Ok(Flow::SendData(message.event_id));
            }
            Body::Estimation { rank, size, cold } => self.turn().estimate(rank, size, cold),
            Body::Starts => self.start(at),
            Body::Generating(output) => {
                self.chunk(output, bytes, at)?;
                self.is_endless |= self.ends_at.is_some_and(|end| at >= end);
                if let Some(values) = self.outputs.take_if(|_| self.is_endless) {
                    return Ok(Flow::Done(self.end(values, at)));
                }
            }
            Body::Completed(output) => return self.complete(output, bytes, at).map(Flow::Done),
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
            Body::Toast(toast) => self.turn().add_toast(toast),
            Body::Heartbeat | Body::Other => {}
        }
        Ok(Flow::Wait)
    }

    fn leave_queue(&mut self, at: Instant) {
        if !std::mem::replace(&mut self.queue_left, true) {
            self.turn().add_queue_time(at.saturating_duration_since(self.joined));
        }
    }

    fn start(&mut self, at: Instant) {
        self.leave_queue(at);
        if self.deadlines.state == StepState::Waiting {
            self.deadlines.state = StepState::Started;
            self.turn().report(Progress::Started);
        }
    }

    fn chunk(&mut self, output: Output, bytes: usize, at: Instant) -> Result<(), Fault> {
        self.start(at);
        if !output.success {
            return Err(app_error(&output));
        }
        self.turn().add_processing(output.duration);
        let changes = self.apply(output.data.unwrap_or_default())?;
        let measure = self.check_size(bytes)?;
        if self.replies.is_empty() {
            return Ok(());
        }
        let replying = {
            let mut turn = self.turn();
            turn.count_message()?;
            for &(index, id) in &self.replies {
                let change = changes.get(index).copied().filter(|_| !measure);
                let change = change.unwrap_or(Change::Replaced);
                let value = self.outputs.as_ref().and_then(|outputs| outputs.get(index));
                let value = value.filter(|value| !keeps_value(value));
                turn.note_value(id, value, change, at)?;
            }
            turn.note_chunk(at)
        };
        if replying {
            self.deadlines.state = StepState::Replying;
        }
        Ok(())
    }

    /// Applies the values of a chunk: complete values, or differences to the previous chunk.
    ///
    /// Gradio 4.17 to 6 keeps the last value of a failed reply under the address of its generator
    /// (`Blocks.handle_streaming_diffs`). If the next generator has the same address, its first chunk
    /// is a difference to the failed reply. Such a reply is read when it is complete.
    fn apply(&mut self, mut data: Vec<Value>) -> Result<Vec<Change>, Fault> {
        let mut changes = Vec::new();
        data.truncate(self.output_count);
        let first = self.outputs.is_none() && self.sends_diffs;
        self.no_base |= first && data.iter().any(diff::is_difference);
        if self.no_base {
            return Ok(changes);
        }
        match &mut self.outputs {
            Some(outputs) if self.sends_diffs => {
                for (at, differences) in data.into_iter().enumerate() {
                    if at == outputs.len() {
                        outputs.push(Value::Null);
                    }
                    changes.push(change_of(&differences));
                    if removes_value(&differences) {
                        self.kept.keep(at, &mut outputs[at]);
                    }
                    // A first chunk without differences looks like an empty chat.
                    let unclear = outputs[at].as_array().is_some_and(Vec::is_empty);
                    match diff::apply(&mut outputs[at], differences) {
                        Ok(()) => {}
                        Err(DiffError::Outside) if unclear => self.no_base = true,
                        Err(error) => {
                            return Err(Fault::new(Failure::StreamBroken, error.to_string()));
                        }
                    }
                }
            }
            outputs => {
                for (at, old) in outputs.iter_mut().flatten().enumerate() {
                    if data.get(at).is_some_and(keeps_value) {
                        self.kept.keep(at, old);
                    }
                }
                *outputs = Some(data);
            }
        }
        if self.no_base {
            self.outputs = None;
        }
        Ok(changes)
    }

    /// Checks the size of all outputs. They are at most as large as the chunks received, so they are
    /// measured only when those exceed a limit. Returns whether the replies must be measured too.
    fn check_size(&mut self, bytes: usize) -> Result<bool, Fault> {
        // Without differences, only the kept values are from earlier chunks.
        let before = if self.sends_diffs { self.bytes } else { self.kept.bytes };
        self.bytes = before + bytes;
        if self.bytes <= self.next_check {
            return Ok(false);
        }
        let outputs: usize = self.outputs.iter().flatten().map(size_of_value).sum();
        let size = outputs + self.kept.bytes;
        let before = std::mem::replace(&mut self.measured, size);
        let mut turn = self.turn();
        let left = turn.measure_running(before, size)?;
        self.next_check = self.bytes + left.min((turn.limits.reply_chars / 4).max(1));
        Ok(true)
    }

    /// Ends a function that the server repeats.
    fn end(&mut self, values: Vec<Value>, at: Instant) -> Outcome {
        if !self.replies.is_empty() {
            self.turn().note_end(at);
        }
        Outcome { values, changed_states: Vec::new(), rendered: None }
    }

    fn complete(&mut self, output: Output, bytes: usize, at: Instant) -> Result<Outcome, Fault> {
        self.leave_queue(at);
        if !output.success {
            return Err(app_error(&output));
        }
        let Some(mut values) = output.data else {
            let prose = "the event ended without a value, as a cancelled event does";
            return Err(Fault::new(Failure::AppError, prose));
        };
        values.truncate(self.output_count);
        let is_first = self.outputs.is_none();
        let (values, kept) = self.with_kept(values);
        let before = std::mem::replace(&mut self.measured, bytes + kept);
        self.turn().measure_running(before, bytes + kept)?;
        let mut turn = self.turn();
        // In older protocols the last message repeats the duration of the last chunk.
        if is_first || self.sends_diffs {
            turn.add_processing(output.duration);
        }
        turn.add_cache_use(output.used_cache);
        for &(index, id) in &self.replies {
            let value = values.get(index).filter(|value| !keeps_value(value));
            turn.note_value(id, value, Change::Replaced, at)?;
        }
        if !self.replies.is_empty() {
            turn.note_end(at);
        }
        Ok(Outcome { values, changed_states: output.changed_states, rendered: output.rendered })
    }

    /// The last values, with those of earlier chunks where the last one is an update without a value, and
    /// the bytes of those.
    fn with_kept(&mut self, mut values: Vec<Value>) -> (Vec<Value>, usize) {
        let mut bytes = 0;
        let mut earlier = self.outputs.take().unwrap_or_default();
        for (at, value) in values.iter_mut().enumerate().filter(|(_, value)| keeps_value(value)) {
            if let Some(earlier) = earlier.get_mut(at) {
                self.kept.keep(at, earlier);
            }
            if let (Some(kept), Some(update)) = (self.kept.take(at), value.as_object_mut()) {
                bytes += size_of_value(&kept);
                update.insert("value".to_owned(), kept);
            }
        }
        self.kept = Kept::default();
        (values, bytes)
    }
}

/// The last value of each output before an update without a value.
#[derive(Default)]
struct Kept {
    values: HashMap<usize, Value>,
    bytes: usize,
}

impl Kept {
    /// Keeps the value of an output before an update without a value.
    fn keep(&mut self, at: usize, old: &mut Value) {
        let updated = old.get("__type__").is_some_and(|kind| kind == "update");
        let value = if updated { old.get_mut("value") } else { Some(old) };
        if let Some(value) = value.map(Value::take) {
            self.take(at);
            self.bytes += size_of_value(&value);
            self.values.insert(at, value);
        }
    }

    fn take(&mut self, at: usize) -> Option<Value> {
        let value = self.values.remove(&at)?;
        self.bytes -= size_of_value(&value);
        Some(value)
    }
}

impl Step<'_, '_> {
    #[cfg(test)]
    pub(crate) fn set_joined(&mut self, joined: Instant) {
        self.joined = joined;
    }

    /// Passes the last values to the turn, so that a failed turn has its partial reply. Returns them,
    /// because the page keeps them too.
    pub(crate) fn save_partial(&mut self) -> Vec<Value> {
        let outputs = self.outputs.take().unwrap_or_default();
        let mut turn = self.turn();
        for &(index, id) in &self.replies {
            // The turn has failed already; a second fault changes nothing.
            let _ = turn.note_value(id, outputs.get(index), Change::Replaced, Instant::now());
        }
        outputs
    }
}

impl Drop for Step<'_, '_> {
    fn drop(&mut self) {
        // Less is always within the limit.
        let _ = self.turn().measure_running(self.measured, 0);
    }
}

fn lock<'t, 'a>(turn: &'t Mutex<Turn<'a>>) -> MutexGuard<'t, Turn<'a>> {
    // Plain values stay consistent if a holder panics.
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How differences change their value. An unchanged prefix is all that matters.
fn change_of(differences: &Value) -> Change {
    let Some(parts) = differences.as_array() else { return Change::Replaced };
    // An update that has a value again may have another one than before.
    let appends = |part: &Value| {
        matches!(part[0].as_str(), Some("append" | "add")) && !is_value_of_update(&part[1])
    };
    match parts.as_slice() {
        [] => Change::None,
        parts if parts.iter().all(appends) => Change::Appended,
        _ => Change::Replaced,
    }
}

/// Whether differences make an output an update without a value.
fn removes_value(differences: &Value) -> bool {
    let removes = |one: &Value| match one[0].as_str() {
        Some("replace") => {
            one[1] == Value::Array(Vec::new()) && one.get(2).is_some_and(keeps_value)
        }
        Some("delete") => is_value_of_update(&one[1]),
        _ => false,
    };
    differences.as_array().is_some_and(|all| all.iter().any(removes))
}

/// Whether a path is that of the value in an update.
fn is_value_of_update(path: &Value) -> bool {
    path.as_array().is_some_and(|path| path.len() == 1 && path[0] == "value")
}

/// Whether an update leaves the value of its component unchanged.
fn keeps_value(value: &Value) -> bool {
    value.get("__type__").is_some_and(|kind| kind == "update") && value.get("value").is_none()
}

fn app_error(output: &Output) -> Fault {
    let prose = match output.error.as_deref().map(redact::line).filter(|text| !text.is_empty()) {
        Some(text) => format!("the app reported `{text}`"),
        None => "the app reported an error without a text (`show_error` is off)".to_owned(),
    };
    let has_no_toast = output.error.as_deref().is_none_or(str::is_empty) || output.hides_error;
    Fault { has_no_toast, ..Fault::new(Failure::AppError, prose) }
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

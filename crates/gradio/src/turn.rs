//! State of one turn, shared by its calls: times, reply contents, toasts.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::config::{Id, Protocol};
use crate::deadlines::{StepDeadlines, StepState};
use crate::failure::{Failure, Fault, Partial};
use crate::limits::Limits;
use crate::reply::{Reply, Toast};
use crate::reply_track::ReplyTrack;
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

/// How a chunk changed an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Appended,
    Replaced,
}

/// Toasts that are kept; a reply with more is not worth reading.
const MAX_TOASTS: usize = 50;

pub(crate) struct Turn<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) protocol: Protocol,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    /// Of the whole conversation.
    deadline: Instant,
    sent: Instant,
    timing: TurnTiming,
    /// One for each component with a reply.
    tracks: Vec<ReplyTrack>,
    /// Messages with values so far.
    messages: usize,
    processing: Option<f64>,
    /// Processing time at each chunk that may become the first one.
    processing_at: Vec<(Duration, f64)>,
    toasts: Vec<Toast>,
    cached: Option<String>,
    /// Bytes of the outputs of functions that run, and of the values that functions returned.
    running_bytes: usize,
    kept_bytes: usize,
    /// Whether a timer of the page brings the reply, which then ends with its last change.
    pub(crate) by_timer: bool,
}

impl<'a> Turn<'a> {
    pub(crate) fn begin(
        limits: &'a Limits,
        protocol: Protocol,
        grain: Option<Duration>,
        deadline: Instant,
        tracks: Vec<ReplyTrack>,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Self {
        let sent = Instant::now();
        progress(Progress::Sent);
        Self {
            limits,
            protocol,
            progress,
            deadline,
            sent,
            timing: TurnTiming { grain, ..TurnTiming::default() },
            tracks,
            messages: 0,
            processing: None,
            processing_at: Vec::new(),
            toasts: Vec::new(),
            cached: None,
            running_bytes: 0,
            kept_bytes: 0,
            by_timer: false,
        }
    }

    pub(crate) fn is_reply(&self, id: Id) -> bool {
        self.tracks.iter().any(|track| track.id() == id)
    }

    pub(crate) fn step_deadlines(&self, joined: Instant, state: StepState) -> StepDeadlines {
        let answered = self.timing.first_output.is_some();
        StepDeadlines::new(self.limits, self.deadline, self.sent, joined, state, answered)
    }

    pub(crate) fn report(&mut self, progress: Progress) {
        (self.progress)(progress);
    }

    pub(crate) fn estimate(&mut self, rank: Option<u64>, size: Option<u64>, cold: Option<bool>) {
        if let Some(position) = rank {
            self.timing.queue_position = self.timing.queue_position.max(rank);
            self.report(Progress::Queued { position, size });
        }
        // Only the first estimation was made before this run.
        self.timing.cold = self.timing.cold.or(cold);
    }

    pub(crate) fn add_queue_time(&mut self, waited: Duration) {
        self.timing.queue = Some(self.timing.queue.unwrap_or_default() + waited);
    }

    pub(crate) fn add_processing(&mut self, duration: Option<f64>) {
        if let Some(duration) = duration.filter(|duration| duration.is_finite() && *duration >= 0.0)
        {
            self.processing = Some(self.processing.unwrap_or_default() + duration);
        }
    }

    pub(crate) fn add_toast(&mut self, toast: Toast) {
        if self.toasts.len() < MAX_TOASTS {
            self.toasts.push(toast);
        }
    }

    pub(crate) fn add_cache_use(&mut self, used: Option<String>) {
        self.cached = self.cached.take().or(used);
    }

    /// Replaces the size of the outputs of a function that runs. Returns the bytes that are left.
    pub(crate) fn measure_running(&mut self, before: usize, now: usize) -> Result<usize, Fault> {
        self.running_bytes = self.running_bytes.saturating_sub(before) + now;
        self.bytes_left()
    }

    /// Replaces the size of all values that functions returned.
    pub(crate) fn measure_kept(&mut self, bytes: usize) -> Result<(), Fault> {
        self.kept_bytes = bytes;
        self.bytes_left().map(drop)
    }

    fn bytes_left(&self) -> Result<usize, Fault> {
        let limit = self.limits.output_bytes;
        limit.checked_sub(self.running_bytes + self.kept_bytes).ok_or_else(|| {
            let prose = format!("the outputs of the functions have more than {limit} bytes");
            Fault::new(Failure::TooLarge, prose)
        })
    }

    pub(crate) fn count_message(&mut self) -> Result<(), Fault> {
        self.messages += 1;
        if self.messages > self.limits.chunks {
            let prose = format!("the reply has more than {} chunks", self.limits.chunks);
            return Err(Fault::new(Failure::TooLarge, prose));
        }
        Ok(())
    }

    /// Takes a new value of a component with a reply.
    pub(crate) fn note_value(
        &mut self,
        id: Id,
        value: Option<&Value>,
        change: Change,
        at: Instant,
    ) -> Result<(), Fault> {
        let since = at.saturating_duration_since(self.sent);
        let Some(track) = self.tracks.iter_mut().find(|track| track.id() == id) else {
            return Ok(());
        };
        let skip = match change {
            Change::None => true,
            Change::Appended => track.has_text(),
            Change::Replaced => false,
        };
        let Some(value) = value.filter(|_| !skip) else { return Ok(()) };
        if track.note(value, since) {
            self.processing_at.extend(self.processing.map(|processing| (since, processing)));
        }
        if track.length() > self.limits.reply_chars {
            let prose = format!("the reply has more than {} characters", self.limits.reply_chars);
            return Err(Fault::new(Failure::TooLarge, prose));
        }
        Ok(())
    }

    /// Counts a chunk, if the reply has started. Messages before that, such as one that adds the
    /// user's message to the chat, are not chunks of the reply.
    pub(crate) fn note_chunk(&mut self, at: Instant) -> bool {
        if self.tracks.iter().all(|track| track.content.is_empty()) {
            return false;
        }
        let since = at.saturating_duration_since(self.sent);
        self.timing.first_output.get_or_insert(since);
        self.timing.chunks.push(since);
        let number = self.timing.chunks.len();
        self.report(Progress::Chunk { number });
        true
    }

    /// A function with a reply has ended.
    pub(crate) fn note_end(&mut self, at: Instant) {
        let since = at.saturating_duration_since(self.sent);
        let is_new = self.by_timer && self.last_change() == Some(since);
        if (self.timing.chunks.is_empty() || is_new) && !self.is_silent() {
            self.timing.first_output.get_or_insert(since);
            self.timing.chunks.push(since);
            self.processing_at.extend(self.processing.map(|processing| (since, processing)));
        }
        let last_change = self.last_change();
        // A function may write the finished reply once more, such as into the history.
        let repeats = self.timing.reply.is_some_and(|reply| last_change <= Some(reply));
        let repeats = repeats && !self.is_silent();
        if !repeats {
            self.timing.reply = last_change.filter(|_| self.by_timer).or(Some(since));
        }
    }

    fn last_change(&self) -> Option<Duration> {
        self.tracks.iter().filter_map(ReplyTrack::changed).max()
    }

    /// Whether there is a reply that has not changed for this time.
    pub(crate) fn is_unchanged_for(&self, quiet: Duration) -> bool {
        let changed = self.last_change().filter(|_| !self.is_silent());
        changed.is_some_and(|changed| self.sent.elapsed() >= changed + quiet)
    }

    /// Whether no reply has changed after this instant.
    pub(crate) fn is_unchanged_since(&self, at: Instant) -> bool {
        self.last_change().is_none_or(|changed| self.sent + changed <= at)
    }

    /// Leaves the replies in these components.
    pub(crate) fn keep_replies(&mut self, shown: &[Id]) {
        self.tracks.retain(|track| shown.contains(&track.id()));
    }

    /// Whether all replies are empty.
    pub(crate) fn is_silent(&self) -> bool {
        self.tracks.iter().all(|track| track.content.is_empty())
    }

    /// The times that depend on the final text: what was replaced later is not a first chunk.
    fn finish_timing(&mut self) {
        let first_text = self.tracks.iter().filter_map(ReplyTrack::first_text).min();
        let first_chunk = self.tracks.iter().filter_map(ReplyTrack::first_chunk).min();
        self.timing.first_text = first_text;
        self.timing.first_chunk = first_chunk;
        let first = first_chunk.unwrap_or(Duration::MAX);
        self.timing.chunks.retain(|chunk| *chunk >= first);
        let processing = self.processing_at.iter().find(|(at, _)| Some(*at) == first_chunk);
        self.timing.server_first_chunk = processing.and_then(|(_, sum)| seconds(*sum));
        self.timing.server_processing = self.processing.and_then(seconds);
    }

    pub(crate) fn into_reply(mut self) -> Reply {
        for track in &mut self.tracks {
            track.content.finish();
        }
        self.finish_timing();
        let mut answers = self.tracks.into_iter().map(ReplyTrack::into_answer);
        let first = answers.next().unwrap_or_default();
        Reply {
            text: first.text,
            thinking: first.thinking,
            parts: first.parts,
            label: first.label,
            others: answers.collect(),
            toasts: self.toasts,
            cached: self.cached,
            timing: self.timing,
        }
    }

    pub(crate) fn into_partial(mut self) -> Partial {
        self.finish_timing();
        self.timing.reply = None;
        let content = self.tracks.into_iter().map(|track| track.content);
        let content = content.max_by_key(|content| content.text.len()).unwrap_or_default();
        Partial {
            text: content.text,
            thinking: content.thinking,
            toasts: self.toasts,
            timing: self.timing,
        }
    }
}

fn seconds(sum: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(sum).ok()
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;

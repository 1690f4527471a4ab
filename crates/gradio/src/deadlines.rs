//! Time limits of one call of a turn, and the failure when one is exceeded.

use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Failure, Fault};
use crate::limits::Limits;

/// The time limits of one call.
#[derive(Debug)]
pub(crate) struct StepDeadlines {
    limits: Limits,
    /// Of the whole conversation.
    conversation: Instant,
    /// When the message was sent.
    sent: Instant,
    joined: Instant,
    /// Whether the turn had a part of the reply before this call.
    answered: bool,
    last_data: Instant,
    heartbeats: bool,
    pub(crate) state: StepState,
}

/// Progress of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepState {
    Waiting,
    Started,
    Replying,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Conversation,
    Queue,
    FirstChunk,
    Stall,
}

impl StepDeadlines {
    pub(crate) fn new(
        limits: &Limits,
        conversation: Instant,
        sent: Instant,
        joined: Instant,
        state: StepState,
        answered: bool,
    ) -> Self {
        Self {
            limits: limits.clone(),
            conversation,
            sent,
            joined,
            answered,
            last_data: joined,
            heartbeats: false,
            state,
        }
    }

    /// Records data other than a heartbeat.
    pub(crate) fn data_received(&mut self, at: Instant) {
        (self.last_data, self.heartbeats) = (at, false);
    }

    pub(crate) fn heartbeat_received(&mut self) {
        self.heartbeats = true;
    }

    /// Until when to wait for the next message.
    pub(crate) fn until(&self) -> Instant {
        self.next().0
    }

    fn next(&self) -> (Instant, Limit) {
        let queue = self.limits.queue.filter(|_| self.state == StepState::Waiting);
        let first_chunk =
            self.limits.first_chunk.filter(|_| self.state != StepState::Replying && !self.answered);
        let ends = [
            Some((self.conversation, Limit::Conversation)),
            queue.map(|limit| (self.joined + limit, Limit::Queue)),
            first_chunk.map(|limit| (self.sent + limit, Limit::FirstChunk)),
            Some((self.last_data + self.limits.stall, Limit::Stall)),
        ];
        let earliest = ends.into_iter().flatten().min_by_key(|&(end, _)| end);
        earliest.unwrap_or((self.conversation, Limit::Conversation))
    }

    /// The fault when the time of [`StepDeadlines::until`] has passed.
    pub(crate) fn exceeded(&self) -> Fault {
        let (_, limit) = self.next();
        let failure = match (self.state, limit) {
            (_, Limit::Stall) if self.heartbeats => Failure::Stalled,
            (StepState::Waiting, _) => Failure::QueueTimeout,
            (StepState::Started, _) if !self.answered => Failure::FirstChunkTimeout,
            (_, Limit::Stall) => Failure::Stalled,
            (_, _) if self.silent_longer_than_the_reply() => Failure::Stalled,
            (_, _) => Failure::Timeout,
        };
        let what = match self.state {
            StepState::Waiting => "the app did not start to process the message",
            StepState::Started if !self.answered => {
                "the app started to process the message but sent no chunk"
            }
            StepState::Started | StepState::Replying => "the reply was not complete",
        };
        let after_sending = |limit: Option<Duration>| {
            format!("within {:?} of sending the message", limit.unwrap_or_default())
        };
        let when = match limit {
            Limit::Conversation => "before the time limit of the conversation".to_owned(),
            Limit::Queue => after_sending(self.limits.queue),
            Limit::FirstChunk => after_sending(self.limits.first_chunk),
            Limit::Stall => format!("and sent nothing for {:?}", self.limits.stall),
        };
        let alive = if self.heartbeats { "; the server still sends heartbeats" } else { "" };
        Fault::new(failure, format!("{what} {when}{alive}"))
    }

    /// Whether the silence before the deadline is longer than the reply had taken until then.
    fn silent_longer_than_the_reply(&self) -> bool {
        self.last_data - self.sent < self.conversation.saturating_duration_since(self.last_data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_depends_on_state_and_limit() {
        use StepState::{Replying, Started, Waiting};
        let ms = Duration::from_millis;
        let start = Instant::now();
        let limits = |queue, first_chunk, stall| Limits {
            queue,
            first_chunk,
            stall: ms(stall),
            ..Limits::default()
        };
        let long = || limits(None, None, 60_000);
        let cases = [
            ("queue, nothing else set", long(), Waiting, false, 10_000, Failure::QueueTimeout),
            ("heartbeats in the queue", long(), Waiting, true, 10_000, Failure::QueueTimeout),
            ("no chunk", long(), Started, false, 10_000, Failure::FirstChunkTimeout),
            ("silence after a chunk", long(), Replying, false, 10_000, Failure::Stalled),
            (
                "queue limit",
                limits(Some(ms(300)), None, 60_000),
                Waiting,
                false,
                300,
                Failure::QueueTimeout,
            ),
            (
                "queue limit after the start",
                limits(Some(ms(300)), None, 60_000),
                Started,
                false,
                10_000,
                Failure::FirstChunkTimeout,
            ),
            (
                "first chunk limit",
                limits(None, Some(ms(300)), 60_000),
                Started,
                false,
                300,
                Failure::FirstChunkTimeout,
            ),
            (
                "first chunk limit in the queue",
                limits(None, Some(ms(300)), 60_000),
                Waiting,
                false,
                300,
                Failure::QueueTimeout,
            ),
            (
                "silence in the queue",
                limits(None, None, 300),
                Waiting,
                false,
                300,
                Failure::QueueTimeout,
            ),
            ("only heartbeats", limits(None, None, 300), Waiting, true, 300, Failure::Stalled),
            (
                "only heartbeats once started",
                limits(None, None, 300),
                Started,
                true,
                300,
                Failure::Stalled,
            ),
            (
                "silence once started",
                limits(None, None, 300),
                Started,
                false,
                300,
                Failure::FirstChunkTimeout,
            ),
            (
                "silence within the reply",
                limits(None, None, 300),
                Replying,
                false,
                300,
                Failure::Stalled,
            ),
        ];
        for (name, limits, state, beats, ends, failure) in cases {
            let mut deadlines =
                StepDeadlines::new(&limits, start + ms(10_000), start, start, state, false);
            if beats {
                deadlines.heartbeat_received();
            }
            assert_eq!(deadlines.until() - start, ms(ends), "{name}");
            assert_eq!(deadlines.exceeded().failure, failure, "{name}");
        }
    }

    #[test]
    fn data_restarts_the_stall_limit() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let limits = Limits { stall: ms(300), ..Limits::default() };
        let mut deadlines = StepDeadlines::new(
            &limits,
            start + ms(10_000),
            start,
            start,
            StepState::Waiting,
            false,
        );
        deadlines.heartbeat_received();
        assert_eq!(deadlines.until(), start + ms(300));
        deadlines.data_received(start + ms(200));
        assert_eq!(deadlines.until(), start + ms(500));
        assert_eq!(deadlines.exceeded().failure, Failure::QueueTimeout);
    }

    #[test]
    fn silent_reply_at_the_deadline_is_stalled() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        for (last_data, failure) in [(4_900, Failure::Stalled), (5_100, Failure::Timeout)] {
            let mut deadlines = StepDeadlines::new(
                &Limits::default(),
                start + ms(10_000),
                start,
                start,
                StepState::Replying,
                false,
            );
            deadlines.data_received(start + ms(last_data));
            assert_eq!(deadlines.until(), start + ms(10_000));
            assert_eq!(deadlines.exceeded().failure, failure);
        }
    }
}

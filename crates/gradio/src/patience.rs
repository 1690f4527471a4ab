//! How long a turn may go on, and which failure it is when it may not.

use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Failure, Fault};
use crate::limits::Limits;

/// The clocks of one turn.
#[derive(Debug)]
pub(crate) struct Patience {
    limits: Limits,
    /// Of the whole conversation.
    deadline: Instant,
    sent: Instant,
    last_data: Instant,
    heartbeats: bool,
    pub(crate) progress: Stand,
}

/// How far a turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    Waiting,
    Started,
    Answering,
}

/// Which clock runs out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Conversation,
    Queue,
    FirstChunk,
    Stall,
}

impl Patience {
    pub(crate) fn new(limits: &Limits, deadline: Instant, sent: Instant) -> Self {
        Self {
            limits: limits.clone(),
            deadline,
            sent,
            last_data: sent,
            heartbeats: false,
            progress: Stand::Waiting,
        }
    }

    /// Something came that is no heartbeat.
    pub(crate) fn moved(&mut self, at: Instant) {
        (self.last_data, self.heartbeats) = (at, false);
    }

    pub(crate) fn heartbeat(&mut self) {
        self.heartbeats = true;
    }

    /// Until when to wait for the next thing.
    pub(crate) fn until(&self) -> Instant {
        self.first_to_end().0
    }

    fn first_to_end(&self) -> (Instant, Clock) {
        let queue = self.limits.queue.filter(|_| self.progress == Stand::Waiting);
        let first_chunk = self.limits.first_chunk.filter(|_| self.progress != Stand::Answering);
        let ends = [
            Some((self.deadline, Clock::Conversation)),
            queue.map(|limit| (self.sent + limit, Clock::Queue)),
            first_chunk.map(|limit| (self.sent + limit, Clock::FirstChunk)),
            Some((self.last_data + self.limits.stall, Clock::Stall)),
        ];
        let earliest = ends.into_iter().flatten().min_by_key(|&(end, _)| end);
        earliest.unwrap_or((self.deadline, Clock::Conversation))
    }

    /// What it is called that the time of [`Patience::until`] ran out.
    pub(crate) fn ran_out(&self) -> Fault {
        let (_, clock) = self.first_to_end();
        let failure = match (self.progress, clock) {
            (_, Clock::Stall) if self.heartbeats => Failure::Stalled,
            (Stand::Waiting, _) => Failure::QueueTimeout,
            (Stand::Started, _) => Failure::FirstChunkTimeout,
            (Stand::Answering, Clock::Stall) => Failure::Stalled,
            (Stand::Answering, _) if self.stopped_half_way() => Failure::Stalled,
            (Stand::Answering, _) => Failure::Timeout,
        };
        let what = match self.progress {
            Stand::Waiting => "the app had not started on the message",
            Stand::Started => "the app had started but sent no chunk",
            Stand::Answering => "the reply was not complete",
        };
        let limit = match clock {
            Clock::Conversation => "when the conversation's time ran out".to_owned(),
            Clock::Queue => {
                format!("{:?} after it was sent", self.limits.queue.unwrap_or_default())
            }
            Clock::FirstChunk => {
                format!("{:?} after it was sent", self.limits.first_chunk.unwrap_or_default())
            }
            Clock::Stall => format!("and nothing moved for {:?}", self.limits.stall),
        };
        let alive = if self.heartbeats { ", though the server still sends heartbeats" } else { "" };
        Fault::new(failure, format!("{what} {limit}{alive}"))
    }

    /// Whether at the deadline nothing had moved for longer than the reply took to come so far.
    fn stopped_half_way(&self) -> bool {
        self.last_data - self.sent < self.deadline.saturating_duration_since(self.last_data)
    }

    pub(crate) fn since_sent(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_out_depends_on_how_far_the_turn_has_come() {
        use Stand::{Answering, Started, Waiting};
        let ms = Duration::from_millis;
        let start = Instant::now();
        let limits = |queue, first_chunk, stall| Limits {
            queue,
            first_chunk,
            stall: ms(stall),
            ..Limits::default()
        };
        let long = || limits(None, None, 60_000);
        // Whatever moved did so when the message was sent.
        let cases = [
            // name                           limits                           stand      beats   ends    failure
            ("queue, nothing else set", long(), Waiting, false, 10_000, Failure::QueueTimeout),
            ("heartbeats change nothing", long(), Waiting, true, 10_000, Failure::QueueTimeout),
            ("first chunk", long(), Started, false, 10_000, Failure::FirstChunkTimeout),
            ("nothing after a beginning", long(), Answering, false, 10_000, Failure::Stalled),
            (
                "queue limit",
                limits(Some(ms(300)), None, 60_000),
                Waiting,
                false,
                300,
                Failure::QueueTimeout,
            ),
            (
                "queue limit no longer matters",
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
                Answering,
                false,
                300,
                Failure::Stalled,
            ),
        ];
        for (name, limits, stand, beats, ends, failure) in cases {
            let mut patience = Patience::new(&limits, start + ms(10_000), start);
            patience.progress = stand;
            if beats {
                patience.heartbeat();
            }
            assert_eq!(patience.until() - start, ms(ends), "{name}");
            assert_eq!(patience.ran_out().failure, failure, "{name}");
        }
    }

    #[test]
    fn data_starts_the_stall_clock_anew_and_heartbeats_do_not() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let limits = Limits { stall: ms(300), ..Limits::default() };
        let mut patience = Patience::new(&limits, start + ms(10_000), start);
        patience.heartbeat();
        assert_eq!(patience.until(), start + ms(300));
        patience.moved(start + ms(200));
        assert_eq!(patience.until(), start + ms(500));
        assert_eq!(patience.ran_out().failure, Failure::QueueTimeout);
    }

    #[test]
    fn a_reply_that_moves_until_the_deadline_is_too_long_and_one_that_stops_has_stalled() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        for (moved, failure) in [(4_900, Failure::Stalled), (5_100, Failure::Timeout)] {
            let mut patience = Patience::new(&Limits::default(), start + ms(10_000), start);
            patience.progress = Stand::Answering;
            patience.moved(start + ms(moved));
            assert_eq!(patience.until(), start + ms(10_000));
            assert_eq!(patience.ran_out().failure, failure);
        }
    }
}

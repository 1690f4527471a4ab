//! The times of one turn, all from a monotonic clock read when the bytes arrived.

use std::time::Duration;

/// Times of one turn, counted from the moment its first request was handed to the connection.
///
/// What the figures mean depends on the protocol:
/// - Gradio 4.0 to 5.x look at their outgoing messages every 50 ms ([`TurnTiming::grain`]): chunks
///   arrive in bursts, and the start is often told in the same read as the first chunk. 3.x pushes
///   at once; so does 6.x (6.0 looks every millisecond).
/// - A server without load still shows a queue time: 20 to 160 ms in 3.x to 5.x, 5 to 30 ms in 6.x.
/// - A chain of several steps is one turn; queue and processing times are sums over its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnTiming {
    /// Joining the queue → app starts working on it (`process_starts`; with WebSockets and the
    /// protocol `sse` the server asking for the data). `None` when nothing went through the queue,
    /// or the app never started.
    pub queue: Option<Duration>,
    /// The worst place in the queue that was told, 0 being next. `None` when none was told.
    pub queue_position: Option<u64>,
    /// Message sent → first chunk with anything of the reply, be it thinking; for a bot that does
    /// not stream, its only answer. `None` for an empty reply.
    pub first_chunk: Option<Duration>,
    /// Message sent → first chunk that holds answer text (not thinking, not what stood there
    /// before the turn).
    pub first_text: Option<Duration>,
    /// When each chunk arrived, counted like the others; the first is [`TurnTiming::first_chunk`].
    pub chunks: Vec<Duration>,
    /// Message sent → reply complete. `None` when it never was.
    pub reply: Option<Duration>,
    /// Time the app itself worked, by the server's clock: the sum of its generator's steps, without
    /// the waits between. `None` when it was not told.
    pub server_processing: Option<Duration>,
    /// By the server's clock, the app's work until its first chunk. `None` when it was not told.
    pub server_first_chunk: Option<Duration>,
    /// Whether this was the first run since the app started; such runs take a second or two more.
    /// `None` when the server does not tell.
    pub cold: Option<bool>,
    /// How often the server looks at what it has to send; gaps below it are not the bot's. `None`
    /// when it sends at once.
    pub grain: Option<Duration>,
}

impl TurnTiming {
    /// Gaps between one chunk and the next; empty for fewer than two chunks.
    pub fn inter_chunk(&self) -> impl Iterator<Item = Duration> + '_ {
        self.chunks.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_lie_between_chunks() {
        let ms = Duration::from_millis;
        let timing = TurnTiming { chunks: vec![ms(30), ms(50), ms(55)], ..TurnTiming::default() };
        assert_eq!(timing.inter_chunk().collect::<Vec<_>>(), [ms(20), ms(5)]);
        assert_eq!(TurnTiming::default().inter_chunk().count(), 0);
    }
}

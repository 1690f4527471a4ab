//! Times of one turn, from a monotonic clock that is read when the bytes arrive.

use std::time::Duration;

/// Times of one turn, from the moment its first request was passed to the connection.
///
/// Their meaning depends on the protocol:
/// - Gradio 4.0 to 5.x polls its outgoing messages every 50 ms ([`TurnTiming::grain`]): chunks arrive
///   in bursts, and `process_starts` often arrives in the same read as the first chunk. 3.x and 6.x
///   send at once (6.0 polls every millisecond).
/// - A server without load has a queue time of 20 to 160 ms in 3.x to 5.x and of 5 to 30 ms in 6.x.
/// - A turn can have several steps. Queue and processing times are sums over them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnTiming {
    /// Joining the queue → the app starts to process the event (`process_starts`, or `send_data` with
    /// WebSockets and `sse`). `None` when no step used the queue or the app did not start.
    pub queue: Option<Duration>,
    /// Worst position in the queue; 0 is next. `None` when the server did not report one.
    pub queue_position: Option<u64>,
    /// Message sent → first chunk with any content, also a placeholder such as "Thinking…" that is
    /// replaced later.
    pub first_output: Option<Duration>,
    /// Message sent → first chunk with content that is in the final reply, text or thinking; for a
    /// bot that does not stream, its only answer. `None` for an empty reply.
    pub first_chunk: Option<Duration>,
    /// Message sent → first chunk with answer text that is in the final reply; thinking is not text.
    pub first_text: Option<Duration>,
    /// Message sent → each chunk; the first is [`TurnTiming::first_chunk`].
    pub chunks: Vec<Duration>,
    /// Message sent → reply complete. `None` when it was not completed.
    pub reply: Option<Duration>,
    /// Processing time of the app by the server's clock: the sum of the generator's steps without the
    /// waits between. `None` when the server did not report it.
    pub server_processing: Option<Duration>,
    /// Processing time until the first chunk, by the server's clock. `None` when the server did not
    /// report it.
    pub server_first_chunk: Option<Duration>,
    /// Whether this was the first run since the app started, which takes a second or two longer.
    /// `None` when the server did not report it.
    pub cold: Option<bool>,
    /// Interval at which the server polls its outgoing messages; shorter gaps have no meaning. `None`
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
    fn inter_chunk_times_are_differences() {
        let ms = Duration::from_millis;
        let timing = TurnTiming { chunks: vec![ms(30), ms(50), ms(55)], ..TurnTiming::default() };
        assert_eq!(timing.inter_chunk().collect::<Vec<_>>(), [ms(20), ms(5)]);
        assert_eq!(TurnTiming::default().inter_chunk().count(), 0);
    }
}

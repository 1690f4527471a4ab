//! Size and time limits of a conversation with an untrusted server.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Limits of one conversation. Every read and every wait has one of them.
///
/// Sizes are counted after decompression, so that they hold for compressed data too.
///
/// ```
/// use std::time::Duration;
///
/// let limits = gradio::Limits { conversation: Duration::from_secs(30), ..gradio::Limits::default() };
/// assert_eq!(limits.config_bytes, 8 * 1024 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The app's description (`/config`, or the page that embeds it). Default 8 MiB.
    pub config_bytes: usize,
    /// One event of a stream, one WebSocket message. Default 8 MiB.
    pub event_bytes: usize,
    /// Any other response: login, join, an error page, an unqueued call. Default 8 MiB.
    pub decompressed_bytes: usize,
    /// All outputs of one function together, also those without a reply. Default 8 MiB.
    pub output_bytes: usize,
    /// Characters of one reply, including thinking. Default 1,048,576.
    pub reply_chars: usize,
    /// Chunks of one reply. Default 100,000.
    pub chunks: usize,
    /// Redirects followed by one request. Default 5.
    pub redirects: usize,
    /// DNS lookup, TCP connection and TLS handshake together, for each connection. Default 10 s.
    pub connect: Duration,
    /// From sending the message until the app starts to process it; `None` (the default) leaves it
    /// to the other limits. Exceeding it is [`Failure::QueueTimeout`](crate::Failure::QueueTimeout).
    pub queue: Option<Duration>,
    /// From sending the message until the first chunk; `None` (the default) leaves it to the other
    /// limits. Exceeding it is [`Failure::FirstChunkTimeout`](crate::Failure::FirstChunkTimeout) if
    /// the app has started.
    pub first_chunk: Option<Duration>,
    /// Longest time without a message other than a heartbeat, in the queue and in the reply. A bot
    /// that does not stream sends nothing while it works, so this must exceed its slowest reply.
    /// Default 60 s.
    pub stall: Duration,
    /// The whole conversation, from [`Client::connect`](crate::Client::connect) to the end of the
    /// last reply. Default 5 minutes.
    pub conversation: Duration,
    /// Time for the request that cancels an unfinished event on the server. Default 200 ms.
    pub cancel: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            config_bytes: 8 * MIB,
            event_bytes: 8 * MIB,
            decompressed_bytes: 8 * MIB,
            output_bytes: 8 * MIB,
            reply_chars: MIB,
            chunks: 100_000,
            redirects: 5,
            connect: Duration::from_secs(10),
            queue: None,
            first_chunk: None,
            stall: Duration::from_secs(60),
            conversation: Duration::from_secs(300),
            cancel: Duration::from_millis(200),
        }
    }
}

//! How much, and for how long, a conversation may take from a server that nobody trusts.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Limits of one conversation; everything that is read or awaited falls under one of them.
///
/// Sizes are counted after decompression, so that a few kilobytes which unpack to gigabytes are
/// noticed as what they are.
///
/// ```
/// use std::time::Duration;
///
/// let limits = gradio::Limits { conversation: Duration::from_secs(30), ..gradio::Limits::default() };
/// assert_eq!(limits.config_bytes, 8 * 1024 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The app's description (`/config`, or the page it is embedded in). Default 8 MiB.
    pub config_bytes: usize,
    /// One event of a stream, one WebSocket message. Default 4 MiB.
    pub event_bytes: usize,
    /// Any other answer: log-in, join, an error page, a call that is not queued. Default 8 MiB.
    pub decompressed_bytes: usize,
    /// Text of one reply, thinking included, in Unicode scalar values. Default 1,048,576.
    pub reply_chars: usize,
    /// Chunks of one reply. Default 100,000.
    pub chunks: usize,
    /// Redirects followed by one request. Default 5.
    pub redirects: usize,
    /// Looking up the name, connecting and the TLS handshake together, each time a connection is
    /// made. Default 10 s.
    pub connect: Duration,
    /// From sending the message until the app starts on it; `None` (the default) leaves it to the
    /// other limits. Running out is [`Failure::QueueTimeout`](crate::Failure::QueueTimeout).
    pub queue: Option<Duration>,
    /// From sending the message until the first chunk; `None` (the default) leaves it to the
    /// other limits. Running out is
    /// [`Failure::FirstChunkTimeout`](crate::Failure::FirstChunkTimeout) once the app started.
    pub first_chunk: Option<Duration>,
    /// Without any message but heartbeats, in the queue as well as in the reply. A bot that does
    /// not stream is silent while it works, so this must exceed its slowest answer. Default 60 s.
    pub stall: Duration,
    /// The whole conversation, from [`Client::connect`](crate::Client::connect) to the end of the
    /// last reply. Default 5 minutes.
    pub conversation: Duration,
    /// How long we go on after giving up, to tell the server so. Default 200 ms.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            config_bytes: 8 * MIB,
            event_bytes: 4 * MIB,
            decompressed_bytes: 8 * MIB,
            reply_chars: MIB,
            chunks: 100_000,
            redirects: 5,
            connect: Duration::from_secs(10),
            queue: None,
            first_chunk: None,
            stall: Duration::from_secs(60),
            conversation: Duration::from_secs(300),
            farewell: Duration::from_millis(200),
        }
    }
}

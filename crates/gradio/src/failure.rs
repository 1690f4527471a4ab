//! What can go wrong, in a closed set, and the prose that goes with it.

use std::fmt;

use crate::phases::Phases;
use crate::reply::Thought;
use crate::timing::TurnTiming;

/// Why a conversation could not be held: exactly one kind each time.
///
/// All but the last two say something about the target; [`Failure::is_ours`] tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// The host's name could not be looked up.
    Dns,
    /// No TCP connection: refused, unreachable, or not answered in time.
    Connect,
    /// The TLS handshake failed: certificate expired, for another host, of an unknown issuer …
    Tls,
    /// An HTTP status that no Gradio app in order answers with, or redirects without end.
    HttpStatus,
    /// Something answers, but it is not a Gradio app.
    NotGradio,
    /// Log-in missing or refused.
    Auth,
    /// A Gradio app without a chat that we could find, or without the endpoint that was named.
    EndpointMissing,
    /// The app's queue takes no more.
    QueueFull,
    /// The app did not start on the message in time.
    QueueTimeout,
    /// The app started on the message and sent no chunk in time.
    FirstChunkTimeout,
    /// The server still sends heartbeats, or had begun to answer, but nothing moved for
    /// [`Limits::stall`](crate::Limits::stall), or for longer than all of the reply so far had taken
    /// when [`Limits::conversation`](crate::Limits::conversation) ran out.
    Stalled,
    /// [`Limits::conversation`](crate::Limits::conversation) ran out: while the app was being
    /// described, or in the middle of a reply.
    Timeout,
    /// The connection broke before the reply was complete, or what came could not be understood.
    StreamBroken,
    /// The app itself reported an error.
    AppError,
    /// One of the size limits was exceeded.
    TooLarge,
    /// What we were told to do makes no sense: a wrong URL, CA file, header or input. Our fault.
    Settings,
    /// A Gradio that this crate does not speak (3.0). Our shortcoming, not the target's.
    Unsupported,
}

impl Failure {
    /// Every kind, in the order of the way a conversation takes.
    pub const ALL: [Self; 17] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::HttpStatus,
        Self::NotGradio,
        Self::Auth,
        Self::EndpointMissing,
        Self::QueueFull,
        Self::QueueTimeout,
        Self::FirstChunkTimeout,
        Self::Stalled,
        Self::Timeout,
        Self::StreamBroken,
        Self::AppError,
        Self::TooLarge,
        Self::Settings,
        Self::Unsupported,
    ];

    /// A stable word, such as `queue_full`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::HttpStatus => "http_status",
            Self::NotGradio => "not_gradio",
            Self::Auth => "auth",
            Self::EndpointMissing => "endpoint_missing",
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::FirstChunkTimeout => "first_chunk_timeout",
            Self::Stalled => "stalled",
            Self::Timeout => "timeout",
            Self::StreamBroken => "stream_broken",
            Self::AppError => "app_error",
            Self::TooLarge => "too_large",
            Self::Settings => "settings",
            Self::Unsupported => "unsupported",
        }
    }

    /// Whether the fault lies with us, so that nothing is said about the target.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Settings | Self::Unsupported)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A conversation that could not be held, or not to its end.
///
/// The prose holds all that is worth knowing of the causes, redacted; there is no `source`, since
/// the errors below carry addresses and bodies that may hold credentials.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.prose)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    failure: Failure,
    prose: String,
    phases: Phases,
    partial: Option<Partial>,
}

/// What had been seen of a reply when it failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partial {
    /// Answer text up to then, without thinking.
    pub text: String,
    /// Thinking and tool blocks up to then.
    pub thinking: Vec<Thought>,
    /// Times up to then; [`TurnTiming::reply`] is `None`.
    pub timing: TurnTiming,
}

impl Error {
    pub(crate) fn new(fault: Fault, phases: Phases, partial: Option<Partial>) -> Self {
        Self(Box::new(Details { failure: fault.failure, prose: fault.prose, phases, partial }))
    }

    /// The kind.
    #[must_use]
    pub fn failure(&self) -> Failure {
        self.0.failure
    }

    /// What was seen, in a sentence or two without a final period: status, first bytes of a body,
    /// which limit. Never a traceback, never a credential.
    #[must_use]
    pub fn prose(&self) -> &str {
        &self.0.prose
    }

    /// Times of the connection as far as it came.
    #[must_use]
    pub fn phases(&self) -> &Phases {
        &self.0.phases
    }

    /// What had been seen of the reply; `None` when the failure came before a message was sent.
    #[must_use]
    pub fn partial(&self) -> Option<&Partial> {
        self.0.partial.as_ref()
    }
}

/// An error on its way up, before phases and partial reply are added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    pub(crate) prose: String,
}

impl Fault {
    pub(crate) fn new(failure: Failure, prose: impl Into<String>) -> Self {
        Self { failure, prose: prose.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words: Vec<_> = Failure::ALL.iter().map(|failure| failure.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Failure::ALL.len());
    }
}

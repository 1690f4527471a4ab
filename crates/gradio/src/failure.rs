//! The closed set of failures, and the error that carries one.

use std::fmt;

use secrecy::SecretString;

use crate::phases::Phases;
use crate::redact;
use crate::reply::{Thought, Toast};
use crate::timing::TurnTiming;

/// Why a conversation failed. Each error has exactly one.
///
/// All but the last two are faults of the target; see [`Failure::is_client_fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// The DNS lookup failed.
    Dns,
    /// The TCP connection was refused, unreachable, or timed out.
    Connect,
    /// The TLS handshake failed, for example because the certificate expired.
    Tls,
    /// An unexpected HTTP status, or too many redirects.
    HttpStatus,
    /// The page that users open does not work: it is not a Gradio page, its requests go to another
    /// address, or its message box is hidden or disabled.
    Page,
    /// The server responds, but it is not a Gradio app.
    NotGradio,
    /// The login is missing or was rejected.
    Auth,
    /// The app has no chat that could be found, or lacks the configured endpoint.
    EndpointMissing,
    /// The app's queue is full.
    QueueFull,
    /// The app did not start to process the message in time.
    QueueTimeout,
    /// The app started to process the message and sent no chunk in time.
    FirstChunkTimeout,
    /// The server sends heartbeats or had started to reply, but sent nothing else for
    /// [`Limits::stall`](crate::Limits::stall). Also when
    /// [`Limits::conversation`](crate::Limits::conversation) ended after a silence longer than the
    /// reply had taken until then.
    Stalled,
    /// [`Limits::conversation`](crate::Limits::conversation) was exceeded while the description was
    /// read or during a reply.
    Timeout,
    /// The connection broke before the reply was complete, or the data was malformed.
    StreamBroken,
    /// The app reported an error.
    AppError,
    /// A size limit was exceeded.
    TooLarge,
    /// A setting is invalid: URL, CA file, header or input. Not a fault of the target.
    Settings,
    /// A Gradio version that this crate does not support (3.0). Not a fault of the target.
    Unsupported,
}

impl Failure {
    /// Every failure, in the order in which a conversation can meet it.
    pub const ALL: [Self; 18] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::HttpStatus,
        Self::Page,
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
            Self::Page => "page",
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

    /// Whether the cause is the configuration or this crate, not the target.
    #[must_use]
    pub fn is_client_fault(self) -> bool {
        matches!(self, Self::Settings | Self::Unsupported)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A failed conversation.
///
/// The text includes the redacted causes. There is no `source`, because the underlying errors hold
/// URLs and bodies that may contain credentials.
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

/// The part of a reply that was received before the failure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partial {
    /// Answer text, without thinking.
    pub text: String,
    /// Thinking and tool blocks.
    pub thinking: Vec<Thought>,
    /// Messages that the page shows for some seconds.
    pub toasts: Vec<Toast>,
    /// Times; [`TurnTiming::reply`] is `None`.
    pub timing: TurnTiming,
}

impl Error {
    pub(crate) fn new(fault: Fault, phases: Phases, partial: Option<Partial>) -> Self {
        Self(Box::new(Details { failure: fault.failure, prose: fault.prose, phases, partial }))
    }

    /// What failed.
    #[must_use]
    pub fn failure(&self) -> Failure {
        self.0.failure
    }

    /// Description in a sentence or two without a final period: status, start of a body, limit.
    /// Contains no traceback and no credential.
    #[must_use]
    pub fn prose(&self) -> &str {
        &self.0.prose
    }

    /// Times of the connection phases that were completed.
    #[must_use]
    pub fn phases(&self) -> &Phases {
        &self.0.phases
    }

    /// The part of the reply that was received; `None` when no message had been sent.
    #[must_use]
    pub fn partial(&self) -> Option<&Partial> {
        self.0.partial.as_ref()
    }
}

/// An error before phases and partial reply are added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    pub(crate) prose: String,
    /// An error of a function for which the page shows no toast, but a sign on the outputs.
    pub(crate) has_no_toast: bool,
}

impl Fault {
    pub(crate) fn new(failure: Failure, prose: impl Into<String>) -> Self {
        Self { failure, prose: prose.into(), has_no_toast: false }
    }

    /// Removes secrets from the text.
    pub(crate) fn redacted(mut self, secrets: &[SecretString]) -> Self {
        self.prose = redact::scrub(&self.prose, secrets);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn failure_words_are_unique() {
        let mut words: Vec<_> = Failure::ALL.iter().map(|failure| failure.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Failure::ALL.len());
    }
}

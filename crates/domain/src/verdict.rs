//! The verdict on a run, and the closed set of reasons for a bad one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a run says about its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every check passed, within the objectives, at the first attempt.
    Up,
    /// Every check passed, but an objective was missed or only a retry passed.
    Degraded,
    /// A check failed, or the conversation could not be held.
    Down,
}

impl Verdict {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        /// Why a target is down. A closed set, since it is a metric dimension and a label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason {
            $($(#[$doc])* $variant),+
        }

        impl Reason {
            /// Every reason, in the order in which a run can meet them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in metrics, labels and reports.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

reasons! {
    /// The host's name has no address.
    Dns = "dns",
    /// No connection: refused, reset, or no answer to the handshake of TCP.
    Connect = "connect",
    /// The TLS handshake failed, or the certificate does not hold.
    Tls = "tls",
    /// An HTTP status that no protocol step expects.
    HttpStatus = "http_status",
    /// The page that users open does not work.
    Page = "page",
    /// The server is not a Gradio app.
    NotGradio = "not_gradio",
    /// The app requires a log-in that the probe does not have, or rejected it.
    Auth = "auth",
    /// The app has no chat endpoint, or not the one that was named.
    EndpointMissing = "endpoint_missing",
    /// The app's queue is full.
    QueueFull = "queue_full",
    /// The turn was still queued when its time was over.
    QueueTimeout = "queue_timeout",
    /// The app worked on the turn and sent no text in time.
    FirstChunkTimeout = "first_chunk_timeout",
    /// The stream stayed open, perhaps with heartbeats, and no more data arrived.
    Stalled = "stalled",
    /// The run took longer than the probe's `timeout`.
    Timeout = "timeout",
    /// The stream ended or was not readable before the reply was complete.
    StreamBroken = "stream_broken",
    /// The app reported an error.
    AppError = "app_error",
    /// The reply did not pass a check.
    CheckFailed = "check_failed",
    /// Something the app sent exceeds a limit.
    TooLarge = "too_large",
}

impl fmt::Display for Reason {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

/// Why Vigie could not probe. Says nothing about the target, and is never `down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnFault {
    /// The probe cannot run as it is written, for example because a variable is not set.
    Settings,
    /// A secret could not be read.
    Secret,
    /// The Lambda deadline was reached before the probe's timeout.
    Deadline,
    /// The time ran out, and the prober was stalled for most of it.
    Stalled,
    /// A defect of Vigie: the run panicked.
    Internal,
}

impl OwnFault {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Secret => "secret",
            Self::Deadline => "deadline",
            Self::Stalled => "stalled",
            Self::Internal => "internal",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// Reachable, right and in time.
    Up,
    /// Right, but late or only on retry.
    Degraded,
    /// Down, for one reason.
    Down { reason: Reason },
    /// No verdict, because of a fault of Vigie. Counts neither as available nor as unavailable.
    RunError { fault: OwnFault },
}

impl Outcome {
    /// `None` when the run has no verdict.
    #[must_use]
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Up => Some(Verdict::Up),
            Self::Degraded => Some(Verdict::Degraded),
            Self::Down { .. } => Some(Verdict::Down),
            Self::RunError { .. } => None,
        }
    }

    /// The reason of a `down`; `None` for anything else.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        if let Self::Down { reason } = self { Some(reason) } else { None }
    }

    /// The word for logs and lists: `up`, `degraded`, `down` or `run_error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.verdict().map_or("run_error", Verdict::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_has_the_same_word_in_json_and_label() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!(Reason::ALL.len(), 17);
    }
}

//! Times of the connection phases of a conversation.

use std::time::{Duration, SystemTime};

/// Times of the start of a conversation. A phase that did not occur is `None`, not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// DNS lookup. `None` for an IP address, and through a proxy.
    pub dns: Option<Duration>,
    /// TCP connection. `None` through a proxy.
    pub connect: Option<Duration>,
    /// TLS handshake. `None` for plain HTTP.
    pub tls: Option<Duration>,
    /// Reading the app's `/config`: from the connection being ready until the description was
    /// parsed, without the login. Through a proxy it starts when the proxy is connected.
    pub describe: Option<Duration>,
    /// Login. `None` when the app did not require one.
    pub login: Option<Duration>,
    /// Loading the page, in parallel with the description. `None` when the page was not checked.
    pub page: Option<Duration>,
    /// Running the functions that the page runs when it loads. `None` when the chat needs none.
    pub load: Option<Duration>,
    /// Earliest end of validity among the certificates the server sent, valid or not.
    pub certificate_end: Option<SystemTime>,
}

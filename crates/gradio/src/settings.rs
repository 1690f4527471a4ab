//! Validated settings of a client, shared by all its conversations.

use http::HeaderMap;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::endpoint::Choice;
use crate::limits::Limits;
use crate::tls::{Identity, Roots};

/// Everything a conversation needs to know, checked by [`ClientBuilder::build`].
///
/// [`ClientBuilder::build`]: crate::ClientBuilder::build
#[derive(Debug)]
pub(crate) struct Settings {
    /// Without user, query and trailing slash.
    pub(crate) base: Url,
    pub(crate) login: Option<(String, SecretString)>,
    pub(crate) headers: HeaderMap,
    /// Address of the page that users open, with its query.
    pub(crate) page_url: Url,
    pub(crate) check_page: bool,
    pub(crate) choice: Choice,
    pub(crate) inputs: Vec<(String, Value)>,
    pub(crate) limits: Limits,
    pub(crate) user_agent: String,
    pub(crate) proxy: Proxy,
    pub(crate) roots: Roots,
    pub(crate) identity: Option<Identity>,
    /// Removed from every error text.
    pub(crate) secrets: Vec<SecretString>,
}

/// HTTP proxy to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// From `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    #[default]
    Environment,
    /// No proxy; the environment is ignored.
    None,
}

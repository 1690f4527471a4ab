//! What a conversation is held with, checked before anything is sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::discovery::Discovery;
use crate::endpoint::EndpointChoice;
use crate::failure::{Error, Failure, Fault};
use crate::limits::Limits;
use crate::phases::Phases;
use crate::session::Session;
use crate::tls::Roots;

/// Whom to talk to and how. Cheap to clone; every [`Client::connect`] is a conversation of its
/// own, with its own connection, cookies and session.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Arc<Settings>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    /// Without user, query and trailing slash.
    pub(crate) base: Url,
    pub(crate) login: Option<(String, SecretString)>,
    pub(crate) headers: HeaderMap,
    pub(crate) endpoint: Option<EndpointChoice>,
    pub(crate) inputs: Vec<(String, Value)>,
    pub(crate) limits: Limits,
    pub(crate) user_agent: String,
    pub(crate) proxy: Proxy,
    pub(crate) roots: Roots,
    /// What must never be shown, wherever it turns up again.
    pub(crate) secrets: Vec<SecretString>,
}

/// Which HTTP proxy to go through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
}

/// Collects what [`Client`] needs; see its methods for the defaults.
#[derive(Debug)]
pub struct ClientBuilder {
    url: String,
    login: Option<(String, SecretString)>,
    bearer: Option<SecretString>,
    headers: Vec<(String, SecretString)>,
    endpoint: Option<EndpointChoice>,
    inputs: Vec<(String, Value)>,
    limits: Limits,
    user_agent: String,
    traceparent: Option<String>,
    ca_file: Option<PathBuf>,
    proxy: Proxy,
}

impl Client {
    /// Starts with the app's address: where its page is, sub-path included. The address of a Space
    /// on Hugging Face may be that of its page there.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            login: None,
            bearer: None,
            headers: Vec::new(),
            endpoint: None,
            inputs: Vec::new(),
            limits: Limits::default(),
            user_agent: concat!("gradio-rs/", env!("CARGO_PKG_VERSION")).to_owned(),
            traceparent: None,
            ca_file: None,
            proxy: Proxy::default(),
        }
    }

    /// Connects, logs in, reads the app's description and finds the chat. Nothing is said yet.
    pub async fn connect(&self) -> Result<Session, Error> {
        Session::connect(&self.settings).await
    }

    /// Finds out all that the app offers, without calling any of it.
    pub async fn discover(&self) -> Result<Discovery, Error> {
        Discovery::make(&self.settings).await
    }
}

impl ClientBuilder {
    /// User name and password: for the app's own log-in page, or for HTTP basic authentication in
    /// front of it, whichever the server asks for. Nothing is sent to a server that asks for none.
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((user.into(), SecretString::from(password.into())));
        self
    }

    /// `Authorization: Bearer …`, such as a Hugging Face token.
    #[must_use]
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.bearer = Some(SecretString::from(token.into()));
        self
    }

    /// A header sent with every request; its value is treated as a secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), SecretString::from(value.into())));
        self
    }

    /// Talks to this endpoint instead of looking for the chat.
    #[must_use]
    pub fn endpoint(mut self, endpoint: EndpointChoice) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// A value for one of the app's further inputs, by its parameter name or its label; the others
    /// keep their defaults.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.inputs.push((name.into(), value.into()));
        self
    }

    /// See [`Limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// `User-Agent`, so that the app's owner can tell who calls.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// `traceparent` (W3C Trace Context), so that the app's own traces can be found.
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// Trusts the certificates of this PEM file besides those of the system.
    #[must_use]
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// Which HTTP proxy to go through; the environment's by default.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Checks all of it. The error is always [`Failure::Settings`].
    pub fn build(self) -> Result<Client, Error> {
        let settings = self.check().map_err(|fault| Error::new(fault, Phases::default(), None))?;
        Ok(Client { settings: Arc::new(settings) })
    }

    fn check(self) -> Result<Settings, Fault> {
        let mut url = parse_url(&self.url)?;
        let mut secrets: Vec<SecretString> = Vec::new();
        let mut login = self.login;
        if !url.username().is_empty() {
            let password = url.password().unwrap_or_default().to_owned();
            login.get_or_insert((url.username().to_owned(), SecretString::from(password)));
            // Neither can fail for a URL with a host, and parse_url lets no other pass.
            let _ = (url.set_username(""), url.set_password(None));
        }
        secrets.extend(login.iter().map(|(_, password)| password.clone()));

        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            insert(&mut headers, &name, value.expose_secret())?;
            secrets.push(value);
        }
        if let Some(token) = self.bearer {
            let value = format!("Bearer {}", token.expose_secret());
            insert(&mut headers, AUTHORIZATION.as_str(), &value)?;
            secrets.push(token);
        }
        if let Some(traceparent) = self.traceparent {
            insert(&mut headers, "traceparent", &traceparent)?;
        }
        if HeaderValue::from_str(&self.user_agent).is_err() {
            return Err(ours("the user agent has characters that no header may have"));
        }
        check_limits(&self.limits)?;
        let roots = match &self.ca_file {
            Some(path) => Roots::system_and_file(path)?,
            None => Roots::system(),
        };
        Ok(Settings {
            base: url,
            login,
            headers,
            endpoint: self.endpoint,
            inputs: self.inputs,
            limits: self.limits,
            user_agent: self.user_agent,
            proxy: self.proxy,
            roots,
            secrets,
        })
    }
}

/// Times are added to instants, which do not reach for ever.
fn check_limits(limits: &Limits) -> Result<(), Fault> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Limits { connect, queue, first_chunk, stall, conversation, farewell, .. } = limits;
    let optional = [queue, first_chunk].into_iter().flatten();
    let longest = [connect, stall, conversation, farewell].into_iter().chain(optional).max();
    match longest.filter(|longest| **longest > DAY) {
        Some(longest) => Err(ours(format!("a limit is {longest:?}; expected at most a day"))),
        None => Ok(()),
    }
}

fn ours(prose: impl Into<String>) -> Fault {
    Fault::new(Failure::Settings, prose)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Fault> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| ours(format!("`{name}` is not the name of a header")))?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| ours(format!("header `{name}` has characters that no header may have")))?;
    value.set_sensitive(true);
    headers.insert(parsed, value);
    Ok(())
}

fn parse_url(text: &str) -> Result<Url, Fault> {
    // What was given may hold a password, so a wrong one is not repeated.
    let expected = "expected an address such as `https://chat.example.com/bot`";
    let mut url = Url::parse(text.trim())
        .map_err(|error| ours(format!("the app's URL can't be read ({error}); {expected}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ours(format!("the app's URL starts with `{}:`; {expected}", url.scheme())));
    }
    url.set_query(None);
    url.set_fragment(None);
    if let Some(host) = space_host(&url) {
        let direct = Url::parse(&format!("https://{host}"));
        url = direct.map_err(|error| ours(format!("the Space's URL can't be read ({error})")))?;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The host that serves the Space which this page on Hugging Face is about.
fn space_host(url: &Url) -> Option<String> {
    if url.host_str()? != "huggingface.co" {
        return None;
    }
    let mut path = url.path_segments()?;
    let (space, owner, name) = (path.next()?, path.next()?, path.next()?);
    let label = format!("{owner}-{name}").to_ascii_lowercase();
    let label: String =
        label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    (space == "spaces" && !owner.is_empty() && !name.is_empty())
        .then(|| format!("{label}.hf.space"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn base(url: &str, expected: Result<&str, &str>) {
        let actual = Client::builder(url).build().map(|client| client.settings.base.to_string());
        let actual = actual.map_err(|error| error.prose().to_owned());
        assert_eq!(actual.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn an_address_is_brought_to_one_form() {
        base("http://localhost:7860", Ok("http://localhost:7860/"));
        base("http://localhost:7860/my/bot/?__theme=dark#x", Ok("http://localhost:7860/my/bot"));
        base("https://u:p@chat.example.com/", Ok("https://chat.example.com/"));
        base(
            "https://huggingface.co/spaces/Some_One/My.Bot",
            Ok("https://some-one-my-bot.hf.space/"),
        );
    }

    #[test]
    fn an_address_that_makes_no_sense_is_refused() {
        base(
            "chat.example.com",
            Err("the app's URL can't be read (relative URL without a base); expected an address \
                 such as `https://chat.example.com/bot`"),
        );
        base(
            "ftp://chat.example.com",
            Err("the app's URL starts with `ftp:`; expected an address such as \
                 `https://chat.example.com/bot`"),
        );
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_without_being_shown() {
        let refused = |builder: ClientBuilder| {
            let error = builder.build().unwrap_err();
            assert_eq!(error.failure(), Failure::Settings);
            error.prose().to_owned()
        };
        let builder = || Client::builder("http://localhost");
        assert_eq!(refused(builder().header("a b", "x")), "`a b` is not the name of a header");
        assert_eq!(
            refused(builder().bearer("hush\n")),
            "header `authorization` has characters that no header may have"
        );
    }

    #[test]
    fn a_limit_is_at_most_a_day() {
        let refused = |limits| Client::builder("http://localhost").limits(limits).build().is_err();
        let long = Duration::from_secs(86_401);
        assert!(!refused(Limits::default()));
        assert!(refused(Limits { conversation: long, ..Limits::default() }));
        assert!(refused(Limits { queue: Some(Duration::MAX), ..Limits::default() }));
    }

    #[test]
    fn secrets_are_not_in_the_debug_form() {
        let client = Client::builder("https://u:canary1@localhost")
            .bearer("canary2")
            .header("x-key", "canary3")
            .build()
            .unwrap();
        assert!(!format!("{client:?}").contains("canary"), "{client:?}");
    }
}

//! The client and its builder. Settings are checked before anything is sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::app::join;
use crate::discovery::Discovery;
use crate::endpoint::{Choice, EndpointChoice};
use crate::failure::{Error, Failure, Fault};
use crate::limits::Limits;
use crate::phases::Phases;
use crate::session::Session;
use crate::settings::{Proxy, Settings};
use crate::tls::{Identity, Roots};

/// A Gradio app's address and how to talk to it. Cheap to clone. Each [`Client::connect`] starts
/// a conversation with its own connection, cookies and session.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) settings: Arc<Settings>,
}

/// Settings of a [`Client`]. Each method names its default.
#[derive(Debug)]
pub struct ClientBuilder {
    url: String,
    login: Option<(String, SecretString)>,
    bearer: Option<SecretString>,
    headers: Vec<(String, SecretString)>,
    query: Vec<(String, String)>,
    check_page: bool,
    choice: Choice,
    inputs: Vec<(String, Value)>,
    limits: Limits,
    user_agent: String,
    traceparent: Option<String>,
    ca_file: Option<PathBuf>,
    identity: Option<(Vec<u8>, SecretString)>,
    proxy: Proxy,
}

impl Client {
    /// Starts with the address of the app's page, including its sub-path. For a Hugging Face Space,
    /// the address of its page on `huggingface.co` works too.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            login: None,
            bearer: None,
            headers: Vec::new(),
            query: Vec::new(),
            check_page: true,
            choice: Choice::default(),
            inputs: Vec::new(),
            limits: Limits::default(),
            user_agent: concat!("gradio-rs/", env!("CARGO_PKG_VERSION")).to_owned(),
            traceparent: None,
            ca_file: None,
            identity: None,
            proxy: Proxy::default(),
        }
    }

    /// Connects, logs in, reads the app's description and finds the chat. Sends no message.
    pub async fn connect(&self) -> Result<Session, Error> {
        Session::connect(&self.settings).await
    }

    /// Lists what the app offers without calling any of its functions.
    pub async fn discover(&self) -> Result<Discovery, Error> {
        Discovery::run(&self.settings).await
    }
}

impl ClientBuilder {
    /// User name and password for the app's login page or for HTTP basic authentication, whichever
    /// the server requires. Not sent to a server that requires neither.
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

    /// Uses this endpoint instead of detecting the chat.
    #[must_use]
    pub fn endpoint(mut self, endpoint: EndpointChoice) -> Self {
        self.choice.endpoint = Some(endpoint);
        self
    }

    /// The message box, by its label, element id or component id, instead of detecting it.
    #[must_use]
    pub fn message_box(mut self, name: impl Into<String>) -> Self {
        self.choice.message = Some(name.into());
        self
    }

    /// An output with the reply, by its label, element id or component id, instead of detecting it.
    /// Can be called several times; the first is [`Reply::text`](crate::Reply::text), the others are
    /// in [`Reply::others`](crate::Reply::others).
    #[must_use]
    pub fn reply_output(mut self, name: impl Into<String>) -> Self {
        self.choice.replies.push(name.into());
        self
    }

    /// Page of a multi-page app, such as `/chat`. Not needed when the target URL is that of the page.
    #[must_use]
    pub fn page(mut self, path: impl Into<String>) -> Self {
        self.choice.page = Some(path.into().trim_matches('/').to_owned());
        self
    }

    /// Whether to check the page that users open: that it loads, that its requests reach the app, and
    /// that its message box is visible and enabled. On by default; off for apps without users of the
    /// page. See [`Failure::Page`].
    #[must_use]
    pub fn check_page(mut self, check: bool) -> Self {
        self.check_page = check;
        self
    }

    /// Adds a parameter to the query of the page, in addition to the query of the URL. Like a
    /// browser, the client sends the query with the page and with each message.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Client certificate chain and private key in PEM format, for servers that require mutual TLS.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificates: impl Into<Vec<u8>>,
        key: impl Into<String>,
    ) -> Self {
        self.identity = Some((certificates.into(), SecretString::from(key.into())));
        self
    }

    /// Value of one of the app's additional inputs, by parameter name or label. Other inputs keep
    /// their defaults.
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

    /// Value of `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Value of `traceparent` (W3C Trace Context).
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// PEM file of certificate authorities to trust in addition to the system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// HTTP proxy; from the environment by default.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Validates the settings. The error is always [`Failure::Settings`].
    pub fn build(self) -> Result<Client, Error> {
        let settings = self.check().map_err(|fault| Error::new(fault, Phases::default(), None))?;
        Ok(Client { settings: Arc::new(settings) })
    }

    fn check(self) -> Result<Settings, Fault> {
        let (mut url, mut page_url) = parse_url(&self.url)?;
        let mut secrets: Vec<SecretString> = Vec::new();
        let mut login = self.login;
        if !url.username().is_empty() {
            let password = url.password().unwrap_or_default().to_owned();
            login.get_or_insert((url.username().to_owned(), SecretString::from(password)));
            // Neither can fail for a URL with a host, and parse_url lets no other pass.
            let _ = (url.set_username(""), url.set_password(None));
            let _ = (page_url.set_username(""), page_url.set_password(None));
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
            return Err(invalid(
                "the user agent contains characters that are not allowed in a header",
            ));
        }
        check_limits(&self.limits)?;
        if let Some(page) = self.choice.page.as_deref().filter(|page| !page.is_empty()) {
            let query = page_url.query().map(str::to_owned);
            page_url = join(&url, &format!("/{page}"));
            page_url.set_query(query.as_deref());
        }
        if !self.query.is_empty() {
            page_url.query_pairs_mut().extend_pairs(&self.query);
        }
        let choice = Choice { has_page: self.check_page, ..self.choice };
        let identity = self.identity.as_ref().map(|(certificates, key)| {
            Identity::from_pem(certificates, key.expose_secret().as_bytes())
        });
        let roots = match &self.ca_file {
            Some(path) => Roots::system_and_file(path)?,
            None => Roots::system(),
        };
        Ok(Settings {
            base: url,
            login,
            headers,
            page_url,
            check_page: self.check_page,
            choice,
            inputs: self.inputs,
            limits: self.limits,
            user_agent: self.user_agent,
            proxy: self.proxy,
            roots,
            identity: identity.transpose()?,
            secrets,
        })
    }
}

/// An upper bound, so that adding a limit to an instant cannot overflow.
fn check_limits(limits: &Limits) -> Result<(), Fault> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Limits { connect, queue, first_chunk, stall, conversation, cancel, .. } = limits;
    let optional = [queue, first_chunk].into_iter().flatten();
    let longest = [connect, stall, conversation, cancel].into_iter().chain(optional).max();
    match longest.filter(|longest| **longest > DAY) {
        Some(longest) => Err(invalid(format!("a limit is {longest:?}; expected at most 24 hours"))),
        None => Ok(()),
    }
}

fn invalid(prose: impl Into<String>) -> Fault {
    Fault::new(Failure::Settings, prose)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Fault> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| invalid(format!("`{name}` is not a valid header name")))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        invalid(format!("the value of header `{name}` contains characters that are not allowed"))
    })?;
    value.set_sensitive(true);
    headers.insert(parsed, value);
    Ok(())
}

/// The address of the app, and that of its page as the user wrote it.
fn parse_url(text: &str) -> Result<(Url, Url), Fault> {
    // The text may contain a password, so the error does not repeat it.
    let expected = "expected a URL such as `https://chat.example.com/bot`";
    let mut url = Url::parse(text.trim())
        .map_err(|error| invalid(format!("the target URL is invalid ({error}); {expected}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("the target URL has scheme `{}`; {expected}", url.scheme())));
    }
    url.set_fragment(None);
    if let Some(host) = space_host(&url) {
        let query = url.query().map(str::to_owned);
        let direct = Url::parse(&format!("https://{host}"));
        url = direct
            .map_err(|error| invalid(format!("the URL of the Space is invalid ({error})")))?;
        url.set_query(query.as_deref());
    }
    let page_url = url.clone();
    url.set_query(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok((url, page_url))
}

/// Host that serves the Space whose page on `huggingface.co` this is.
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
    fn target_url_is_normalised() {
        base("http://localhost:7860", Ok("http://localhost:7860/"));
        base("http://localhost:7860/my/bot/?__theme=dark#x", Ok("http://localhost:7860/my/bot"));
        base("https://u:p@chat.example.com/", Ok("https://chat.example.com/"));
        base(
            "https://huggingface.co/spaces/Some_One/My.Bot",
            Ok("https://some-one-my-bot.hf.space/"),
        );
    }

    #[test]
    fn invalid_target_url_is_rejected() {
        base(
            "chat.example.com",
            Err("the target URL is invalid (relative URL without a base); expected a URL such as \
                 `https://chat.example.com/bot`"),
        );
        base(
            "ftp://chat.example.com",
            Err("the target URL has scheme `ftp`; expected a URL such as \
                 `https://chat.example.com/bot`"),
        );
    }

    #[test]
    fn invalid_header_is_rejected_without_its_value() {
        let refused = |builder: ClientBuilder| {
            let error = builder.build().unwrap_err();
            assert_eq!(error.failure(), Failure::Settings);
            error.prose().to_owned()
        };
        let builder = || Client::builder("http://localhost");
        assert_eq!(refused(builder().header("a b", "x")), "`a b` is not a valid header name");
        assert_eq!(
            refused(builder().bearer("hush\n")),
            "the value of header `authorization` contains characters that are not allowed"
        );
    }

    #[test]
    fn limit_above_one_day_is_rejected() {
        let refused = |limits| Client::builder("http://localhost").limits(limits).build().is_err();
        let long = Duration::from_secs(86_401);
        assert!(!refused(Limits::default()));
        assert!(refused(Limits { conversation: long, ..Limits::default() }));
        assert!(refused(Limits { queue: Some(Duration::MAX), ..Limits::default() }));
    }

    #[test]
    fn debug_output_holds_no_secrets() {
        let client = Client::builder("https://u:canary1@localhost")
            .bearer("canary2")
            .header("x-key", "canary3")
            .build()
            .unwrap();
        assert!(!format!("{client:?}").contains("canary"), "{client:?}");
    }
}

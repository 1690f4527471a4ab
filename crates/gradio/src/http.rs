//! HTTP of one conversation: its own client, a time limit on every wait, a size limit on every body.

mod causes;
mod redirects;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use http::header::{
    ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, RETRY_AFTER,
};
use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::causes::{hyper_errors, parse_error, root_cause, sources, tls_alert, url_of};
use self::redirects::{Credentials, redirect};
use crate::failure::{Failure, Fault};
use crate::network::{AddressPolicy, PrivateAddress};
use crate::redact;
use crate::settings::{Proxy, Settings};
use crate::space;
use crate::tracker::{Stage, Tracker};
use crate::value_limit::has_too_many_values;

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The given time passed. The caller knows which failure that is.
    TimedOut,
    /// The stream ended without an error.
    EndOfStream(Fault),
    Fault(Fault),
}

impl From<Fault> for HttpError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl HttpError {
    pub(crate) fn new(failure: Failure, prose: impl Into<String>) -> Self {
        Self::Fault(Fault::new(failure, prose))
    }

    pub(crate) fn is_end_of_stream(&self) -> bool {
        matches!(self, Self::EndOfStream(_))
    }
}

pub(crate) struct Http {
    pub(crate) settings: Arc<Settings>,
    pub(crate) tracker: Tracker,
    client: reqwest::Client,
    /// HTTP/1.1 only, which WebSockets need; built on first use.
    upgrading: OnceLock<reqwest::Client>,
    jar: Arc<Jar>,
    /// Headers of every request. Not part of the client, because a login can add one.
    pub(crate) headers: HeaderMap,
    /// Further headers of requests that the script of the page makes.
    of_script: HeaderMap,
    /// Whether the login is HTTP basic authentication, which is one of `headers`.
    pub(crate) basic: bool,
    /// Query of the page's address, after redirects once the page was read.
    pub(crate) page_query: Option<String>,
}

impl Http {
    pub(crate) fn new(settings: &Arc<Settings>) -> Result<Self, Fault> {
        let addresses = AddressPolicy::new(&settings.base);
        let tracker = Tracker::new(is_proxied(settings), addresses);
        if settings.base.scheme() == "https" {
            settings.roots.load()?;
        }
        let jar = Arc::new(Jar::default());
        let client = build(settings, &tracker, &jar, &["h2", "http/1.1"])?;
        Ok(Self {
            client,
            upgrading: OnceLock::new(),
            jar,
            headers: with_language(settings.headers.clone()),
            of_script: headers_of_script(&settings.page_url),
            basic: false,
            page_query: settings.page_url.query().map(str::to_owned),
            tracker,
            settings: settings.clone(),
        })
    }

    /// Takes the cookies that only the page has set. Returns whether there are any. Where both have a
    /// cookie of the same name, as behind a load balancer, that of the conversation stays.
    pub(crate) fn adopt_cookies(&self, page: &Self) -> bool {
        let url = &self.settings.page_url;
        let cookies = |http: &Self| {
            let header = http.jar.cookies(url);
            let text = header.and_then(|header| header.to_str().ok().map(str::to_owned));
            let text = text.unwrap_or_default();
            let cookies = text.split("; ").filter(|cookie| !cookie.is_empty());
            cookies.map(str::to_owned).collect::<Vec<String>>()
        };
        let name = |cookie: &str| cookie.split('=').next().unwrap_or_default().to_owned();
        let own: Vec<String> = cookies(self).iter().map(|cookie| name(cookie)).collect();
        let new = cookies(page).into_iter().filter(|cookie| !own.contains(&name(cookie)));
        let new: Vec<String> = new.collect();
        for cookie in &new {
            self.jar.add_cookie_str(&format!("{cookie}; Path=/"), url);
        }
        !new.is_empty()
    }

    /// A request as the script of the page makes it: an app may read its headers.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let mut headers = self.headers.clone();
        if url.origin() == self.settings.page_url.origin() {
            let is_post = method == Method::POST;
            for (name, value) in &self.of_script {
                if !headers.contains_key(name) && (is_post || name != ORIGIN) {
                    headers.insert(name, value.clone());
                }
            }
        }
        self.client.request(method, url).headers(headers)
    }

    /// A request for the page itself.
    pub(crate) fn page_request(&self) -> RequestBuilder {
        self.client.get(self.settings.page_url.clone()).headers(self.headers.clone())
    }

    /// A request for an event stream.
    pub(crate) fn event_request(&self, url: Url) -> RequestBuilder {
        self.request(Method::GET, url).header(http::header::ACCEPT, "text/event-stream")
    }

    /// A request on a separate connection, with the cookies of the conversation. `None` if the
    /// client cannot be built, which the first client would have reported.
    pub(crate) fn separate_request(&self, url: Url) -> Option<RequestBuilder> {
        let tracker = Tracker::new(is_proxied(&self.settings), self.tracker.addresses().clone());
        let client = build(&self.settings, &tracker, &self.jar, &["h2", "http/1.1"]).ok()?;
        Some(client.get(url).headers(self.headers.clone()))
    }

    /// Adds the query of the page's address, which browsers send with these requests.
    pub(crate) fn with_page_query(&self, mut url: Url) -> Url {
        url.set_query(self.page_query.as_deref());
        url
    }

    /// A request that can be upgraded to a WebSocket.
    pub(crate) fn upgrade_request(&self, url: Url) -> Result<RequestBuilder, Fault> {
        let client = if let Some(client) = self.upgrading.get() {
            client
        } else {
            let fresh = build(&self.settings, &self.tracker, &self.jar, &["http/1.1"])?;
            self.upgrading.get_or_init(|| fresh)
        };
        Ok(client.get(url).headers(self.headers.clone()))
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        until: Instant,
    ) -> Result<Response, HttpError> {
        match timeout_at(until, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(HttpError::Fault(self.fault(&error))),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// The error of a request that got no response in time.
    fn timed_out(&self) -> HttpError {
        let failure = match self.tracker.stage() {
            Stage::Dns => Failure::Dns,
            Stage::Connect => Failure::Connect,
            Stage::Tls => Failure::Tls,
            Stage::Idle | Stage::Ready => return HttpError::TimedOut,
        };
        let action = self.action(failure);
        let prose = format!("{action} did not finish before the time limit of the conversation");
        HttpError::new(failure, prose)
    }

    /// Reads a whole body.
    pub(crate) async fn body(
        &self,
        mut response: Response,
        limit: usize,
        until: Instant,
    ) -> Result<Vec<u8>, HttpError> {
        let path = response_path(&response);
        let too_large = |seen: u64| {
            let prose =
                format!("the response of `{path}` has {seen} bytes or more; the limit is {limit}");
            HttpError::new(Failure::TooLarge, prose)
        };
        if let Some(length) = response.content_length().filter(|&length| length > limit as u64) {
            return Err(too_large(length));
        }
        let mut body = Vec::new();
        loop {
            let chunk =
                timeout_at(until, response.chunk()).await.map_err(|_| HttpError::TimedOut)?;
            let Some(chunk) = chunk.map_err(|error| self.fault(&error))? else { break };
            let length = body.len() + chunk.len();
            if length > limit {
                return Err(too_large(length as u64));
            }
            body.extend_from_slice(&chunk);
            // A body that is always ready never lets the timeout fire.
            if Instant::now() >= until {
                return Err(HttpError::TimedOut);
            }
        }
        if has_too_many_values(&body) {
            let prose = format!("the response of `{path}` has too many values");
            return Err(HttpError::new(Failure::TooLarge, prose));
        }
        Ok(body)
    }

    /// The fault of a response with an unexpected status.
    pub(crate) async fn refusal(&self, response: Response, until: Instant) -> Fault {
        /// Enough for a title or a sentence.
        const READ: usize = 64 * 1024;
        const WAIT: Duration = Duration::from_secs(1);
        let status = response.status();
        let path = response_path(&response);
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(|wait| format!(", Retry-After `{}`", redact::line(wait)));
        let location = response.headers().get(http::header::LOCATION);
        let location = location.and_then(|value| value.to_str().ok()?.split('?').next());
        let location = location.map(redact::line);
        let body = head(response, READ, until.min(Instant::now() + WAIT)).await;

        let failure = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Auth,
            StatusCode::SERVICE_UNAVAILABLE if says(&body, "queue is full") => Failure::QueueFull,
            // A validator of the app rejected the message (Gradio 6).
            StatusCode::UNPROCESSABLE_ENTITY if says(&body, "\"is_valid\"") => Failure::AppError,
            _ => Failure::HttpStatus,
        };
        let what = match location.filter(|_| status.is_redirection()) {
            Some(location) => format!(
                " to `{location}`, to which credentials are not sent; use that address as the target"
            ),
            None => format!(", {}", redact::excerpt(&body)),
        };
        let state = space::state(&self.settings.base, &body);
        let state = state.map(|state| format!("; {state}")).unwrap_or_default();
        let retry_after = retry_after.unwrap_or_default();
        if failure == Failure::AppError {
            let text = validator_text(&body).unwrap_or_default();
            return Fault::new(failure, format!("the app rejected the message: `{text}`"));
        }
        let prose = format!("`{path}` returned {status}{retry_after}{what}{state}");
        Fault::new(failure, prose)
    }

    /// Maps an error of the HTTP client to a fault.
    pub(crate) fn fault(&self, error: &reqwest::Error) -> Fault {
        let cause = redact::line(&root_cause(error));
        if let Some(private) =
            sources(error).find_map(|cause| cause.downcast_ref::<PrivateAddress>())
        {
            return Fault::new(Failure::HttpStatus, private.to_string());
        }
        if let Some(alert) = tls_alert(error) {
            // In TLS 1.3 a server rejects the client's certificate after the handshake.
            let action = self.action(Failure::Tls);
            return Fault::new(Failure::Tls, format!("{action} failed: {alert}"));
        }
        if error.is_redirect() {
            let limit = self.settings.limits.redirects;
            let prose = format!("more than {limit} redirects, the last to {}", url_of(error));
            return Fault::new(Failure::HttpStatus, prose);
        }
        if error.is_connect() {
            let failure = match self.tracker.stage() {
                Stage::Dns => Failure::Dns,
                Stage::Tls => Failure::Tls,
                Stage::Idle | Stage::Connect | Stage::Ready => Failure::Connect,
            };
            let action = self.action(failure);
            let limit = self.settings.limits.connect;
            return Fault::new(
                failure,
                if error.is_timeout() {
                    format!("{action} did not finish within {limit:?}")
                } else {
                    format!("{action} failed: {cause}")
                },
            );
        }
        if error.is_builder() {
            return Fault::new(Failure::Settings, format!("could not build the request: {cause}"));
        }
        if parse_error(error) {
            let prose = format!("the server does not speak HTTP: {cause}");
            return Fault::new(Failure::NotGradio, prose);
        }
        let decoder = error.is_decode() && hyper_errors(error).next().is_none();
        let what =
            if decoder { "could not be decompressed" } else { "ended before it was complete" };
        Fault::new(Failure::StreamBroken, format!("the response {what}: {cause}"))
    }

    fn action(&self, failure: Failure) -> String {
        let base = &self.settings.base;
        let host = base.host_str().unwrap_or_default();
        match failure {
            Failure::Dns => format!("the DNS lookup of `{host}`"),
            Failure::Tls => format!("the TLS handshake with `{host}`"),
            _ => {
                let port = base.port_or_known_default().unwrap_or_default();
                format!("the connection to `{host}`, port {port},")
            }
        }
    }
}

fn build(
    settings: &Settings,
    tracker: &Tracker,
    jar: &Arc<Jar>,
    protocols: &[&str],
) -> Result<reqwest::Client, Fault> {
    let limit = settings.limits.redirects;
    let credentials = Credentials::of(settings);
    let addresses = tracker.addresses().clone();
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(settings.roots.client_config(
            tracker,
            protocols,
            settings.identity.as_ref(),
        ))
        .dns_resolver(tracker.clone())
        .connector_layer(tracker.clone())
        .connect_timeout(settings.limits.connect)
        // uvicorn, the server of Gradio, closes idle connections after 5 s. A request on a connection
        // that is just being closed would fail.
        .pool_idle_timeout(Duration::from_secs(4))
        .cookie_provider(jar.clone())
        .user_agent(&settings.user_agent)
        .referer(false)
        .redirect(Policy::custom(move |attempt| redirect(attempt, limit, credentials, &addresses)));
    if protocols == ["http/1.1"] {
        builder = builder.http1_only();
    }
    if settings.proxy == Proxy::None {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        Fault::new(
            Failure::Settings,
            format!("could not build the HTTP client: {}", root_cause(&error)),
        )
    })
}

/// Adds the language of a browser, unless the user has set one.
fn with_language(mut headers: HeaderMap) -> HeaderMap {
    let language = HeaderValue::from_static("en-US,en;q=0.9");
    headers.entry(ACCEPT_LANGUAGE).or_insert(language);
    headers
}

/// What a browser adds to the requests of a script: the address of its page, and that both are on one host.
/// The query is left out, since a redirect could carry a token in it to another host.
fn headers_of_script(page: &Url) -> HeaderMap {
    let mut address = page.clone();
    address.set_fragment(None);
    address.set_query(None);
    let _ = (address.set_username(""), address.set_password(None));
    let texts = [
        (REFERER, address.as_str()),
        (ORIGIN, &page.origin().ascii_serialization()),
        (HeaderName::from_static("sec-fetch-site"), "same-origin"),
        (HeaderName::from_static("sec-fetch-mode"), "cors"),
        (HeaderName::from_static("sec-fetch-dest"), "empty"),
    ];
    let values =
        texts.into_iter().map(|(name, text)| Some((name, HeaderValue::from_str(text).ok()?)));
    values.flatten().collect()
}

/// Whether the client uses a proxy. The HTTP client reads the environment with the same matcher.
fn is_proxied(settings: &Settings) -> bool {
    let uri = settings.base.as_str().parse::<http::Uri>();
    settings.proxy == Proxy::Environment
        && uri.is_ok_and(|uri| {
            hyper_util::client::proxy::matcher::Matcher::from_system().intercept(&uri).is_some()
        })
}

/// The start of a body: at most `limit` bytes until `until`.
async fn head(mut response: Response, limit: usize, until: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < limit
        && Instant::now() < until
        && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
    }
    body
}

/// The text of a validator: `{"detail": [{"is_valid": false, "message": …}]}`.
fn validator_text(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let mut results = body.get("detail")?.as_array()?.iter();
    let failed = results.find(|one| one["is_valid"] == false)?;
    Some(redact::line(failed.get("message")?.as_str()?))
}

fn says(body: &[u8], words: &str) -> bool {
    String::from_utf8_lossy(body).to_ascii_lowercase().contains(words)
}

/// Path without the query, which may contain the session.
pub(crate) fn response_path(response: &Response) -> String {
    redact::line(response.url().path())
}

//! `PagerDuty`, Slack and other receivers of notifications on a loopback port.
//!
//! They are written from the public documentation of the vendors, and reject what the vendors reject: unknown fields,
//! texts that are too long, wrong credentials. A script makes them slow, rate-limit or fail.

mod alerting;
mod chat;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

/// Whose API is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    PagerDuty,
    Slack,
    Teams,
    /// Checks the signature of Standard Webhooks with [`SIGNING_KEY`], and drops repeated ids.
    Webhook,
    Opsgenie,
    IncidentIo,
    GoogleChat,
    Discord,
    Ntfy,
}

impl Vendor {
    pub const ALL: [Self; 9] = [
        Self::PagerDuty,
        Self::Slack,
        Self::Teams,
        Self::Webhook,
        Self::Opsgenie,
        Self::IncidentIo,
        Self::GoogleChat,
        Self::Discord,
        Self::Ntfy,
    ];
}

/// The credentials that the vendors accept.
pub const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
pub const API_KEY: &str = "canary-api-key-4711";
pub const SIGNING_KEY: &str = "whsec_Y2FuYXJ5LXNpZ25pbmcta2V5LTQ3MTE=";

/// What a script does with a request instead of handling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Never answers, and does not read the request.
    Hang,
    /// Handles the request and never answers.
    AcceptAndHang,
    Status(u16),
    /// 429 with this `Retry-After`.
    RateLimit(&'static str),
    /// A redirect to this URL.
    Redirect(&'static str),
}

/// A request that the vendor rejects, with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub body: String,
}

/// A request that the vendor accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Accepted {
    /// The body; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// An incident of a vendor that keeps incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    pub opened: usize,
    pub acknowledged: usize,
    pub resolved: usize,
    pub is_open: bool,
}

#[derive(Default)]
struct Log {
    requests: usize,
    accepted: Vec<Accepted>,
    refused: Vec<Refusal>,
    incidents: BTreeMap<String, Incident>,
}

/// Answers until its runtime stops.
pub struct VendorServer {
    /// The URL for the receiver's settings; contains a secret where the vendor's does.
    pub url: String,
    log: Arc<Mutex<Log>>,
}

type Script = dyn FnMut(usize) -> Option<Fault> + Send;

struct Server {
    vendor: Vendor,
    script: Mutex<Box<Script>>,
    log: Arc<Mutex<Log>>,
}

/// A request as the checks of a vendor see it.
struct Call<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a str,
}

/// What an accepted request did.
enum Effect {
    None,
    Opened(String),
    Acknowledged(String),
    Resolved(String),
    /// The vendor has seen this message already.
    Repeated,
}

impl VendorServer {
    /// `script` gets the number of the request, from 0.
    ///
    /// # Panics
    /// If no port is available.
    pub async fn start(
        vendor: Vendor,
        script: impl FnMut(usize) -> Option<Fault> + Send + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the socket is bound");
        let log = Arc::<Mutex<Log>>::default();
        let server = Server { vendor, script: Mutex::new(Box::new(script)), log: Arc::clone(&log) };
        let router = Router::new().fallback(handle).with_state(Arc::new(server));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}{}", path(vendor)), log }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests, including those that the script answered.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.log().requests
    }

    /// In the order of arrival.
    #[must_use]
    pub fn accepted(&self) -> Vec<Accepted> {
        self.log().accepted.clone()
    }

    #[must_use]
    pub fn refused(&self) -> Vec<Refusal> {
        self.log().refused.clone()
    }

    /// By key. Chats have none.
    #[must_use]
    pub fn incidents(&self) -> BTreeMap<String, Incident> {
        self.log().incidents.clone()
    }
}

fn path(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::PagerDuty => "/v2/enqueue",
        Vendor::Slack => "/services/T00000000/B00000000/canaryslacktoken4711",
        Vendor::Teams => {
            "/workflows/abc/triggers/manual/paths/invoke?api-version=1&sig=canaryteamssignature4711"
        }
        Vendor::Webhook => "/hook/canaryhooktoken4711",
        Vendor::Opsgenie => "/v2/alerts",
        Vendor::IncidentIo => "/v2/alert_events/http/01ABC",
        Vendor::GoogleChat => "/v1/spaces/AAA/messages?key=canarykey4711&token=canarytoken4711",
        Vendor::Discord => "/api/webhooks/1/canarydiscordtoken4711",
        Vendor::Ntfy => "/canary-topic-4711",
    }
}

async fn handle(
    State(server): State<Arc<Server>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = {
        let mut log = server.log.lock().unwrap_or_else(PoisonError::into_inner);
        let number = log.requests;
        log.requests += 1;
        let mut script = server.script.lock().unwrap_or_else(PoisonError::into_inner);
        script(number)
    };
    let status = |code| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    match fault {
        Some(Fault::Hang) => std::future::pending::<()>().await,
        Some(Fault::Status(code)) => {
            // Gateways show the address.
            return (status(code), format!("upstream error for {uri}")).into_response();
        }
        Some(Fault::RateLimit(wait)) => {
            let wait = [(header::RETRY_AFTER, wait)];
            return (StatusCode::TOO_MANY_REQUESTS, wait, "rate_limited").into_response();
        }
        Some(Fault::Redirect(to)) => {
            return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
        }
        Some(Fault::AcceptAndHang) | None => {}
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let call = Call { method: &method, uri: &uri, headers: &headers, body: &text };
    let answer = server.take(&call);
    if fault == Some(Fault::AcceptAndHang) {
        std::future::pending::<()>().await;
    }
    answer
}

impl Server {
    fn take(&self, call: &Call<'_>) -> Response {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        match check(self.vendor, call, &log) {
            Err(refusal) => {
                let status =
                    StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
                let answer = (status, refusal.body.clone()).into_response();
                log.refused.push(refusal);
                answer
            }
            Ok(effect) => {
                log.apply(effect, call);
                answer(self.vendor).into_response()
            }
        }
    }
}

fn check(vendor: Vendor, call: &Call<'_>, log: &Log) -> Result<Effect, Refusal> {
    let expected = path(vendor);
    let place = call.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let below =
        vendor == Vendor::Opsgenie || vendor == Vendor::GoogleChat || vendor == Vendor::Ntfy;
    if place != expected && !(below && place.starts_with(expected)) {
        return Err(refuse(404, "not found"));
    }
    if *call.method != Method::POST {
        return Err(refuse(405, "method not allowed"));
    }
    match vendor {
        Vendor::PagerDuty => alerting::pagerduty(call),
        Vendor::Opsgenie => alerting::opsgenie(call),
        Vendor::IncidentIo => alerting::incident_io(call),
        Vendor::Webhook => alerting::webhook(call, log),
        Vendor::Slack => chat::slack(call),
        Vendor::Teams => chat::teams(call),
        Vendor::GoogleChat => chat::google_chat(call),
        Vendor::Discord => chat::discord(call),
        Vendor::Ntfy => chat::ntfy(call),
    }
}

fn answer(vendor: Vendor) -> (StatusCode, &'static str) {
    match vendor {
        Vendor::PagerDuty => {
            (StatusCode::ACCEPTED, r#"{"status":"success","message":"Event processed"}"#)
        }
        Vendor::Opsgenie | Vendor::IncidentIo | Vendor::Teams => (StatusCode::ACCEPTED, "{}"),
        Vendor::Discord => (StatusCode::NO_CONTENT, ""),
        _ => (StatusCode::OK, "ok"),
    }
}

fn refuse(status: u16, body: impl Into<String>) -> Refusal {
    Refusal { status, body: body.into() }
}

impl Log {
    fn apply(&mut self, effect: Effect, call: &Call<'_>) {
        match effect {
            Effect::Repeated => return,
            Effect::None => {}
            Effect::Opened(key) => {
                let incident = self.incidents.entry(key).or_default();
                if !incident.is_open {
                    incident.opened += 1;
                    incident.is_open = true;
                }
            }
            Effect::Acknowledged(key) => {
                if let Some(incident) = self.incidents.get_mut(&key).filter(|one| one.is_open) {
                    incident.acknowledged += 1;
                }
            }
            Effect::Resolved(key) => {
                if let Some(incident) = self.incidents.get_mut(&key).filter(|one| one.is_open) {
                    incident.resolved += 1;
                    incident.is_open = false;
                }
            }
        }
        let headers = call.headers.iter();
        let headers = headers.map(|(name, value)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        });
        self.accepted.push(Accepted {
            path: call.uri.to_string(),
            headers: headers.collect(),
            body: call.body.to_owned(),
        });
    }
}

impl Call<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Result<Value, Refusal> {
        if !self.header("content-type").starts_with("application/json") {
            return Err(refuse(400, "content type is not JSON"));
        }
        serde_json::from_str(self.body)
            .map_err(|error| refuse(400, format!("invalid JSON: {error}")))
    }
}

/// Checks of values, with the refusal of an API.
struct Checked<'a> {
    status: u16,
    at: &'a str,
    value: &'a Value,
}

impl<'a> Checked<'a> {
    fn new(status: u16, at: &'a str, value: &'a Value) -> Self {
        Self { status, at, value }
    }

    fn wrong(&self, what: &str) -> Refusal {
        refuse(self.status, format!("{}: {what}", self.at))
    }

    /// A text with a length in characters.
    fn text(&self, length: std::ops::RangeInclusive<usize>) -> Result<&'a str, Refusal> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("is not a string"))?;
        if !length.contains(&text.chars().count()) {
            return Err(self.wrong(&format!("has {} characters", text.chars().count())));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err(self.wrong("has control characters"));
        }
        Ok(text)
    }

    fn one_of(&self, words: &[&str]) -> Result<&'a str, Refusal> {
        let word = self.value.as_str().unwrap_or_default();
        if words.contains(&word) { Ok(word) } else { Err(self.wrong(&format!("is `{word}`"))) }
    }

    /// An object that has no other fields.
    fn fields(&self, known: &[&str]) -> Result<(), Refusal> {
        let object = self.value.as_object().ok_or_else(|| self.wrong("is not an object"))?;
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.wrong(&format!("has the unknown field `{key}`"))),
        }
    }

    fn list(&self, length: std::ops::RangeInclusive<usize>) -> Result<&'a [Value], Refusal> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("is not an array"))?;
        if !length.contains(&list.len()) {
            return Err(self.wrong(&format!("has {} entries", list.len())));
        }
        Ok(list)
    }

    fn url(&self) -> Result<&'a str, Refusal> {
        let text = self.text(1..=3_000)?;
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        if is_web && !text.contains([' ', '\n', '<', '>']) {
            Ok(text)
        } else {
            Err(self.wrong("is not a URL"))
        }
    }
}

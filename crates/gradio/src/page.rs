//! Checks the page that users open: it loads, it is a Gradio page, and its requests reach the app.

use http::StatusCode;
use http::header::{ACCEPT, RANGE};
use reqwest::{Method, Response};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::app::{App, join};
use crate::config::{AppConfig, Id};
use crate::endpoint::kinds::{is_chat, shown};
use crate::failure::{Failure, Fault};
use crate::http::{Http, HttpError};
use crate::redact;

/// Texts of which a Gradio page has at least one, also when it is rendered on the server.
const MARKS: [&str; 5] =
    ["gradio_config", "gradio-app", "__gradio_mode__", "gradio_api", "window.__gradio"];

/// Requests the page. `http` is not that of the conversation: the page must not change its cookies,
/// because another replica may have answered. Returns the address of the page after redirects; `None` if
/// there was no connection.
pub(crate) async fn check(http: &Http, until: Instant) -> Result<Option<Url>, Fault> {
    use Failure::{Connect, Dns, StreamBroken, Tls};
    let outcome = match get(http, until).await {
        // Like a browser, try again when the connection closed without a response.
        Err(HttpError::Fault(Fault { failure: StreamBroken, .. })) => get(http, until).await,
        outcome => outcome,
    };
    match outcome {
        // The description fails in the same way; its error has the connection phases.
        Err(HttpError::Fault(Fault { failure: Dns | Connect | Tls, .. })) => Ok(None),
        outcome => outcome.map(Some).map_err(fault),
    }
}

/// Requests the page with the login of the conversation.
pub(crate) async fn check_logged_in(http: &Http, until: Instant) -> Result<Url, Fault> {
    get(http, until).await.map_err(fault)
}

async fn get(http: &Http, until: Instant) -> Result<Url, HttpError> {
    let request = http.page_request();
    let response = http.send(request.header(ACCEPT, "text/html"), until).await?;
    let address = response.url().clone();
    let page = read(http, response, until).await?;
    match script_of(&page).and_then(|script| address.join(script).ok()) {
        Some(script) if script.origin() == address.origin() => {
            check_script(http, script, until).await?;
        }
        _ => {}
    }
    Ok(address)
}

/// The address of the script that draws the page.
fn script_of(page: &[u8]) -> Option<&str> {
    /// Before the address: the page as a file, and the page that is rendered on the server.
    const BEFORE: [&str; 2] = ["<script type=\"module\" crossorigin src=\"", "import(\""];
    /// An address is shorter than this.
    const LONGEST: usize = 1_000;
    let address = |before: &str| {
        let start = memchr::memmem::find(page, before.as_bytes())? + before.len();
        let address = &page[start..page.len().min(start + LONGEST)];
        let end = memchr::memchr(b'"', address)?;
        std::str::from_utf8(&address[..end]).ok()
    };
    BEFORE.into_iter().find_map(address)
}

/// Checks that the script is there: without it the page stays empty. Its content is not read.
async fn check_script(http: &Http, script: Url, until: Instant) -> Result<(), HttpError> {
    let request = http.request(Method::GET, script).header(RANGE, "bytes=0-0");
    let response = http.send(request, until).await?;
    let status = response.status();
    if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(());
    }
    Err(http.refusal(response, until).await.into())
}

/// Whether a fault means that the page requires a login.
pub(crate) fn requires_login(fault: &Fault) -> bool {
    fault.failure == Failure::Auth
}

fn fault(error: HttpError) -> Fault {
    match error {
        HttpError::Fault(fault) if fault.failure == Failure::Auth => fault,
        HttpError::Fault(fault) | HttpError::EndOfStream(fault) => {
            Fault::new(Failure::Page, format!("the page does not load: {}", fault.prose))
        }
        HttpError::TimedOut => Fault::new(
            Failure::Timeout,
            "the page was not received before the time limit of the conversation",
        ),
    }
}

/// Reads a page as far as its script. Returns the start and the end of what was read.
async fn read(http: &Http, mut response: Response, until: Instant) -> Result<Vec<u8>, HttpError> {
    if response.status() != StatusCode::OK {
        return Err(http.refusal(response, until).await.into());
    }
    let limit = http.settings.limits.config_bytes;
    let mut body: Vec<u8> = Vec::new();
    let mut read = 0;
    let mut is_page = false;
    loop {
        let chunk = timeout_at(until, response.chunk()).await.map_err(|_| HttpError::TimedOut)?;
        let Some(chunk) = chunk.map_err(|error| http.fault(&error))? else { break };
        read += chunk.len();
        body.extend_from_slice(&chunk);
        is_page |= has_mark(&body);
        if is_page && script_of(&body).is_some() {
            return Ok(body);
        }
        if read > limit || Instant::now() >= until {
            break;
        }
        // A mark may be split between two chunks; the start is kept for the error text.
        if body.len() > 2 * KEPT {
            body.drain(KEPT..body.len() - KEPT);
        }
    }
    if is_page {
        return Ok(body);
    }
    let prose = format!("it is {}; expected a Gradio page", redact::excerpt(&body));
    Err(HttpError::new(Failure::Page, prose))
}

/// Bytes at the start and the end of a page that are kept.
const KEPT: usize = 4 * 1024;

fn has_mark(body: &[u8]) -> bool {
    MARKS.iter().any(|mark| memchr::memmem::find(body, mark.as_bytes()).is_some())
}

/// Where the scripts of the page send their requests, if the app says that its root is `root`.
///
/// Gradio 4 uses `root` as it is. The scripts of 5.50 ignore it and use the address of the page. From
/// 6.0 they take scheme, host and port from the page when the name of the host is the same.
fn requests_of_page(root: Url, base: &Url, release: (u32, u32)) -> Url {
    match release.0 {
        0..=4 => root,
        5 => base.clone(),
        _ if root.host_str() == base.host_str() => {
            let mut url = base.clone();
            url.set_path(root.path());
            url
        }
        _ => root,
    }
}

/// Checks that users can type into the message box.
pub(crate) fn check_box(config: &AppConfig, message: Id) -> Result<(), Fault> {
    let problem = if !config.is_visible(message) {
        "hidden"
    } else if !config.is_interactive(message) {
        "disabled"
    } else {
        return Ok(());
    };
    let shown = shown(config, message);
    let prose = format!("the message box ({shown}) is {problem}, so users cannot send messages");
    Err(Fault::new(Failure::Page, prose))
}

/// Checks that users can press one of the buttons that send the message.
pub(crate) fn check_triggers(config: &AppConfig, triggers: &[Id]) -> Result<(), Fault> {
    let problem = |id: Id| {
        if !config.is_visible(id) {
            Some("hidden")
        } else if config.is_interactive(id) {
            None
        } else {
            Some("disabled")
        }
    };
    let Some(&first) = triggers.first() else { return Ok(()) };
    let Some(problem) = problem(first).filter(|_| triggers.iter().all(|&id| problem(id).is_some()))
    else {
        return Ok(());
    };
    let shown = shown(config, first);
    let prose = format!("what sends the message ({shown}) is {problem}, so users cannot send it");
    Err(Fault::new(Failure::Page, prose))
}

/// Checks that a page with chatbots shows one of them: the API of a `ChatInterface` does not use it.
pub(crate) fn check_chatbot(config: &AppConfig) -> Result<(), Fault> {
    let mut chats: Vec<Id> = config.components.keys().copied().collect();
    chats.retain(|&id| is_chat(config.kind(id)));
    chats.sort_unstable();
    if chats.is_empty() { Ok(()) } else { shown_replies(config, &chats).map(drop) }
}

/// The outputs with the reply that the page shows: the chatbots among them if there are any.
pub(crate) fn shown_replies(config: &AppConfig, replies: &[Id]) -> Result<Vec<Id>, Fault> {
    let visible: Vec<Id> = replies.iter().copied().filter(|&id| config.is_visible(id)).collect();
    let chats: Vec<Id> = visible.iter().copied().filter(|&id| is_chat(config.kind(id))).collect();
    if visible.is_empty() {
        let shown = replies.first().map(|&id| shown(config, id)).unwrap_or_default();
        let prose =
            format!("the output with the reply ({shown}) is hidden, so users see no answer");
        return Err(Fault::new(Failure::Page, prose));
    }
    Ok(if chats.is_empty() { visible } else { chats })
}

/// Whether the same app is at another path of the host.
async fn has_app(http: &Http, root: &Url, config: &AppConfig, until: Instant) -> bool {
    let request = http.request(Method::GET, join(root, "/config"));
    let Ok(response) = http.send(request, until).await else { return false };
    let limit = http.settings.limits.config_bytes;
    let body = http.body(response, limit, until).await.unwrap_or_default();
    AppConfig::parse(&body).is_some_and(|found| found.app_id == config.app_id)
}

/// Checks that the page's requests reach the app: the page sends them to `root`, which the app
/// derives from the request that it received. An app with a `root_path` also answers below it without a proxy;
/// its requests then go there.
pub(crate) async fn check_root(http: &Http, app: &mut App, until: Instant) -> Result<(), Fault> {
    let Some(root) = app.config.root.as_deref().and_then(|root| Url::parse(root).ok()) else {
        // A path, or nothing: the page then uses its own address.
        return Ok(());
    };
    let root = requests_of_page(root, &app.base, app.config.release());
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let (base, same_path) = (&app.base, path(&root) == path(&app.base));
    if root.origin() == base.origin() && same_path {
        return Ok(());
    }
    if root.origin() == base.origin() && has_app(http, &root, &app.config, until).await {
        app.base = root;
        return Ok(());
    }
    let why = if root.scheme() != base.scheme() {
        "the proxy does not send `X-Forwarded-Proto`"
    } else if root.origin() != base.origin() {
        "the proxy does not send `Host` or `X-Forwarded-Host`"
    } else {
        "the proxy strips the path and the app has no `root_path`"
    };
    let (root, base) = (redact::line(root.as_str()), redact::line(base.as_str()));
    let prose = format!(
        "the page at `{base}` sends its requests to `{root}`, so users cannot send messages; \
         probably {why}"
    );
    Err(Fault::new(Failure::Page, prose))
}

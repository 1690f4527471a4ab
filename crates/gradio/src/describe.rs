//! Reads an app's description and logs in where the app requires it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::Url;

use crate::app::{App, base_of, join};
use crate::config::{self, AppConfig};
use crate::failure::{Failure, Fault};
use crate::http::{Http, HttpError, response_path};
use crate::phases::Phases;
use crate::redact;
use crate::space;

/// Outcome of requesting the description.
enum Look {
    Found(Box<AppConfig>, Url),
    /// The app at this address requires a login.
    LoginRequired(Url),
}

/// Reads the description of the app, until `until`.
pub(crate) async fn describe(http: &mut Http, until: Instant) -> Result<App, Fault> {
    attempt(http, until).await.map_err(|error| match error {
        HttpError::Fault(fault) | HttpError::EndOfStream(fault) => fault,
        HttpError::TimedOut => Fault::new(
            Failure::Timeout,
            "the app's description was not received before the time limit of the conversation",
        ),
    })
}

async fn attempt(http: &mut Http, until: Instant) -> Result<App, HttpError> {
    let mut login = None;
    let given = http.settings.base.clone();
    let first = match look(http, &given, until).await {
        Err(error) => match look_above(http, &given, until).await {
            Some(found) => found,
            None => return Err(error),
        },
        Ok(look) => look,
    };
    let (config, base) = match first {
        Look::Found(config, base) => (config, base),
        Look::LoginRequired(asking) => {
            let began = Instant::now();
            log_in(http, &asking, until).await?;
            login = Some(began.elapsed());
            match look(http, &asking, until).await? {
                Look::Found(config, base) => (config, base),
                Look::LoginRequired(_) => {
                    let prose = "the login was accepted, but the app still requires one";
                    return Err(HttpError::new(Failure::Auth, prose));
                }
            }
        }
    };
    if config.version.starts_with("3.0.") || config.version == "3.0" {
        return Err(HttpError::new(Failure::Unsupported, "Gradio 3.0 is not supported"));
    }
    Ok(App { config: *config, base, login })
}

/// Looks for a multi-page app one segment above the address, which is then that of a page. Needed for
/// pages that are rendered on the server, which do not embed the description.
async fn look_above(http: &mut Http, given: &Url, until: Instant) -> Option<Look> {
    let (path, page) = given.path().trim_end_matches('/').rsplit_once('/')?;
    let (path, page) = (path.to_owned(), page.to_owned());
    let mut above = given.clone();
    above.set_path(&path);
    let url = http.with_page_query(join(&above, "/config"));
    let request = http.request(Method::GET, url).header(ACCEPT, "application/json");
    let response = http.send(request, until).await.ok()?;
    if page.is_empty() || response.status() != StatusCode::OK {
        return None;
    }
    match read(http, response, &above, "/config", until).await {
        Ok(Look::Found(mut config, base)) if config.pages.contains_key(&page) => {
            config.current_page = page;
            Some(Look::Found(config, base))
        }
        _ => None,
    }
}

async fn look(http: &mut Http, base: &Url, until: Instant) -> Result<Look, HttpError> {
    let request = http
        .request(Method::GET, http.with_page_query(join(base, "/config")))
        .header(ACCEPT, "application/json");
    let response = http.send(request, until).await?;
    match response.status() {
        StatusCode::OK => match read(http, response, base, "/config", until).await {
            // Another service may have this route, while its page leads to the app.
            Err(HttpError::Fault(fault)) if fault.failure == Failure::NotGradio => {
                page(http, base, until).await.or(Err(fault.into()))
            }
            look => look,
        },
        StatusCode::UNAUTHORIZED if may_log_in(http, &response) => {
            Ok(Look::LoginRequired(reached(&response, base, "/config")))
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => page(http, base, until).await,
        _ => {
            let refusal = http.refusal(response, until).await;
            // Browsers do not request the description if the page embeds it.
            match page(http, base, until).await {
                Ok(found @ Look::Found(..)) => Ok(found),
                _ => Err(refusal.into()),
            }
        }
    }
}

/// The page embeds the description; some proxies pass only the page.
async fn page(http: &mut Http, base: &Url, until: Instant) -> Result<Look, HttpError> {
    // As the user wrote it: some apps have no page with a trailing slash.
    let given = *base == http.settings.base;
    let url = if given { http.settings.page_url.clone() } else { join(base, "/") };
    let request = http.request(Method::GET, url);
    let response = http.send(request, until).await?;
    match response.status() {
        StatusCode::OK => read(http, response, base, "/", until).await,
        StatusCode::UNAUTHORIZED if may_log_in(http, &response) => {
            Ok(Look::LoginRequired(reached(&response, base, "/")))
        }
        _ => Err(http.refusal(response, until).await.into()),
    }
}

async fn read(
    http: &Http,
    response: Response,
    base: &Url,
    route: &str,
    until: Instant,
) -> Result<Look, HttpError> {
    let path = response_path(&response);
    let mut base = reached(&response, base, route);
    let body = http.body(response, http.settings.limits.config_bytes, until).await?;
    let config = AppConfig::parse(&body).or_else(|| AppConfig::parse(config::embedded(&body)?));
    let Some(config) = config else {
        let state = space::state(&http.settings.base, &body);
        let state = state.map(|state| format!("; {state}")).unwrap_or_default();
        let prose = format!(
            "`{path}` returned {}{state}; expected the description of a Gradio app",
            redact::excerpt(&body)
        );
        return Err(HttpError::new(Failure::NotGradio, prose));
    };
    // The page of a multi-page app is below the app.
    if let Some(path) = base
        .path()
        .strip_suffix(&config.current_page)
        .filter(|path| !config.current_page.is_empty() && path.ends_with('/'))
    {
        let path = path.trim_end_matches('/').to_owned();
        base.set_path(&path);
    }
    if config.auth_required {
        if http.settings.login.is_none() {
            return Err(HttpError::new(
                Failure::Auth,
                "the app requires a login and none is configured",
            ));
        }
        return Ok(Look::LoginRequired(base));
    }
    Ok(Look::Found(Box::new(config), base))
}

/// Whether a login is configured. If the response asks for HTTP basic authentication, the
/// credentials are added to every request from now on.
fn may_log_in(http: &mut Http, response: &Response) -> bool {
    let Some((user, password)) = &http.settings.login else { return false };
    let basic = response.headers().get_all(WWW_AUTHENTICATE).iter().any(|scheme| {
        scheme.to_str().is_ok_and(|scheme| scheme.to_ascii_lowercase().starts_with("basic"))
    });
    if basic && !http.headers.contains_key(AUTHORIZATION) {
        let pair = format!("{user}:{}", password.expose_secret());
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair))) {
            value.set_sensitive(true);
            http.headers.insert(AUTHORIZATION, value);
            http.basic = true;
        }
    }
    true
}

/// Logs in on the app's login page; the cookies are kept for the conversation.
async fn log_in(http: &mut Http, base: &Url, until: Instant) -> Result<(), HttpError> {
    if http.basic {
        return Ok(());
    }
    let Some((user, password)) = &http.settings.login else { return Ok(()) };
    let form = [("username", user.as_str()), ("password", password.expose_secret())];
    let request = http.request(Method::POST, join(base, "/login")).form(&form);
    let response = http.send(request, until).await?;
    match response.status() {
        StatusCode::OK => {
            http.body(response, http.settings.limits.decompressed_bytes, until).await.map(|_| ())
        }
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let refusal = http.refusal(response, until).await;
            Err(HttpError::new(Failure::Auth, format!("the login was rejected: {}", refusal.prose)))
        }
        _ => Err(http.refusal(response, until).await.into()),
    }
}

/// Address of the app after redirects.
fn reached(response: &Response, base: &Url, route: &str) -> Url {
    base_of(response.url(), route).unwrap_or_else(|| base.clone())
}

/// Times of connecting to a described app.
pub(crate) fn phases_of(http: &Http, app: &App, began: Instant) -> Phases {
    let ready = http.tracker.ready_at().map_or(began, Instant::from_std);
    let describe = ready.elapsed().saturating_sub(app.login.unwrap_or_default());
    Phases { describe: Some(describe), login: app.login, ..http.tracker.phases() }
}

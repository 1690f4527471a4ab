//! Gets an app's description, logging in where that is asked for.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::Url;

use crate::config::{self, AppConfig};
use crate::failure::{Failure, Fault};
use crate::http::{Http, Trouble, response_path};
use crate::redact;
use crate::space;

/// An app that was found.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: AppConfig,
    /// Where it really is, after redirects; without trailing slash.
    base: Url,
    /// Time that the log-in took.
    pub(crate) login: Option<Duration>,
}

impl App {
    /// Address of a route of the app's API, such as `queue/join`. Made from the address that was
    /// reached, not from the `root` of the description: that one is wrong behind many proxies.
    pub(crate) fn api(&self, route: &str) -> Url {
        join(&self.base, &format!("{}/{route}", self.config.api_prefix))
    }
}

/// What the first look at an app brought.
enum Look {
    Found(Box<AppConfig>, Url),
    /// With the address that asks for it.
    LoginWanted(Url),
}

/// Reads the description of the app, until `until`.
pub(crate) async fn describe(http: &mut Http, until: Instant) -> Result<App, Fault> {
    attempt(http, until).await.map_err(|trouble| match trouble {
        Trouble::Fault(fault) => fault,
        Trouble::Late => Fault::new(
            Failure::Timeout,
            "the app did not describe itself before the conversation's time ran out",
        ),
    })
}

async fn attempt(http: &mut Http, until: Instant) -> Result<App, Trouble> {
    let mut login = None;
    let given = http.settings.base.clone();
    let (config, base) = match look(http, &given, until).await? {
        Look::Found(config, base) => (config, base),
        Look::LoginWanted(asking) => {
            let began = Instant::now();
            log_in(http, &asking, until).await?;
            login = Some(began.elapsed());
            match look(http, &asking, until).await? {
                Look::Found(config, base) => (config, base),
                Look::LoginWanted(_) => {
                    let prose = "the log-in was accepted, but the app goes on asking for one";
                    return Err(Trouble::new(Failure::Auth, prose));
                }
            }
        }
    };
    if config.version.starts_with("3.0.") || config.version == "3.0" {
        return Err(Trouble::new(Failure::Unsupported, "Gradio 3.0 is not supported"));
    }
    Ok(App { config: *config, base, login })
}

async fn look(http: &mut Http, base: &Url, until: Instant) -> Result<Look, Trouble> {
    let request =
        http.request(Method::GET, join(base, "/config")).header(ACCEPT, "application/json");
    let response = http.send(request, until).await?;
    match response.status() {
        StatusCode::OK => read(http, response, base, "/config", until).await,
        StatusCode::UNAUTHORIZED if may_log_in(http, &response) => {
            Ok(Look::LoginWanted(reached(&response, base, "/config")))
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => page(http, base, until).await,
        _ => Err(http.refusal(response, until).await.into()),
    }
}

/// The page itself holds the description too; some proxies let only that through.
async fn page(http: &mut Http, base: &Url, until: Instant) -> Result<Look, Trouble> {
    let request = http.request(Method::GET, join(base, "/"));
    let response = http.send(request, until).await?;
    match response.status() {
        StatusCode::OK => read(http, response, base, "/", until).await,
        StatusCode::UNAUTHORIZED if may_log_in(http, &response) => {
            Ok(Look::LoginWanted(reached(&response, base, "/")))
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
) -> Result<Look, Trouble> {
    let path = response_path(&response);
    let base = reached(&response, base, route);
    let body = http.body(response, http.settings.limits.config_bytes, until).await?;
    let config = AppConfig::parse(&body).or_else(|| AppConfig::parse(config::embedded(&body)?));
    let Some(config) = config else {
        let state = space::state(&http.settings.base, &body);
        let state = state.map(|state| format!("; {state}")).unwrap_or_default();
        let prose = format!(
            "`{path}` is no description of a Gradio app but {}{state}",
            redact::excerpt(&body)
        );
        return Err(Trouble::new(Failure::NotGradio, prose));
    };
    if config.auth_required {
        if http.settings.login.is_none() {
            return Err(Trouble::new(Failure::Auth, "the app asks for a log-in and none is set"));
        }
        return Ok(Look::LoginWanted(base));
    }
    Ok(Look::Found(Box::new(config), base))
}

/// Whether a 401 can be answered with the user's name and password. For HTTP basic
/// authentication they then go along with every request.
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

/// The app's own log-in; its cookies stay in the conversation's jar.
async fn log_in(http: &mut Http, base: &Url, until: Instant) -> Result<(), Trouble> {
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
            Err(Trouble::new(Failure::Auth, format!("the log-in was refused: {}", refusal.prose)))
        }
        _ => Err(http.refusal(response, until).await.into()),
    }
}

/// The address with a route behind it, keeping the path it has.
fn join(base: &Url, route: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{route}", base.path().trim_end_matches('/')));
    url
}

/// Where an app is whose route was asked for: redirects may have led elsewhere.
fn reached(response: &Response, base: &Url, route: &str) -> Url {
    base_of(response.url(), route).unwrap_or_else(|| base.clone())
}

/// What an address that was reached begins with, if it ends in the route that was asked for.
fn base_of(reached: &Url, route: &str) -> Option<Url> {
    let mut base = reached.clone();
    base.set_path(reached.path().strip_suffix(route)?);
    base.set_query(None);
    base.set_fragment(None);
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_go_behind_the_path_and_come_off_again() {
        for (base, joined) in [
            ("http://h/", "http://h/config"),
            ("http://h/my/bot", "http://h/my/bot/config"),
            ("http://h/my/bot/", "http://h/my/bot/config"),
        ] {
            let base = Url::parse(base).unwrap();
            let reached = join(&base, "/config");
            assert_eq!(reached.as_str(), joined);
            let back = base_of(&reached, "/config").unwrap();
            assert_eq!(join(&back, "/config"), reached);
        }
        assert_eq!(base_of(&Url::parse("http://h/login").unwrap(), "/config"), None);
    }
}

//! Requests a target's metrics page and removes the target's secrets from it.

use std::borrow::Cow;

use conversation::FilledTarget;
use conversation::target::{FilledLogin, FilledScrape};
use domain::run_request::ScrapeRequest;
use domain::scrape::{ScrapeOptions, TextFormat};
use exposition::Format;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use scrape::{FetchError, Histograms, Limits, Page, Request};

/// Why no request could be made. The texts have no URL, which may hold credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    #[error("the path `{path}` of probe `{probe}` is not valid in the target's URL")]
    Path { probe: String, path: String },
    #[error("`{name}` is not a valid header name")]
    HeaderName { name: String },
    #[error("the value of the header `{name}` has characters that are not allowed")]
    HeaderValue { name: String },
}

/// The request for the metrics page.
pub(crate) fn request(
    scrape: &ScrapeRequest,
    target: &FilledTarget,
    http: &FilledScrape,
) -> Result<Request, RequestError> {
    let invalid =
        |_| RequestError::Path { probe: scrape.probe.to_string(), path: scrape.path.clone() };
    let mut url = target.url().as_url().join(&scrape.path).map_err(invalid)?;
    let mut headers = HeaderMap::new();
    // Gradio's login protects the app, but not the metrics page.
    let auth = target.auth();
    for (name, value) in &auth.headers {
        insert(&mut headers, name, expose(value))?;
    }
    if let Some(token) = &auth.bearer {
        insert(&mut headers, AUTHORIZATION.as_str(), &format!("Bearer {}", expose(token)))?;
    }
    if let Some(value) = &http.authorization {
        insert(&mut headers, AUTHORIZATION.as_str(), expose(value))?;
    }
    url.set_fragment(None);
    for (name, values) in &scrape.options.params {
        url.query_pairs_mut().extend_pairs(values.iter().map(|value| (name, value)));
    }
    let fallback = scrape.options.fallback_scrape_protocol.map(|format| match format {
        TextFormat::Prometheus => Format::Prometheus,
        TextFormat::OpenMetrics => Format::OpenMetrics,
    });
    let server_name = http.tls.as_ref().and_then(|tls| tls.server_name.clone());
    let (timeout, limits) = (scrape.timeout, Limits::default());
    let histograms = histograms(&scrape.options);
    Ok(Request { url, headers, timeout, limits, server_name, fallback, histograms })
}

fn histograms(options: &ScrapeOptions) -> Histograms {
    match (options.scrape_native_histograms, options.always_scrape_classic_histograms) {
        (false, _) => Histograms::Classic,
        (true, false) => Histograms::Native,
        (true, true) => Histograms::Both,
    }
}

/// Fetches the page and removes the secrets of the target.
///
/// After a 401 response the login is sent as HTTP basic authentication, which may protect the whole host.
/// Credentials of the scrape replace the login.
pub(crate) async fn fetch(
    client: &reqwest::Client,
    request: &Request,
    target: &FilledTarget,
    http: &FilledScrape,
) -> Result<Page, FetchError> {
    let login = target.auth().login.as_ref().filter(|_| http.authorization.is_none());
    let page = match (scrape::fetch(client, request).await, login) {
        (
            Err(FetchError::Status { status: StatusCode::UNAUTHORIZED }),
            Some(FilledLogin { username, password }),
        ) => {
            let mut request = request.clone();
            let basic = conversation::target::basic(username, expose(password));
            if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", expose(&basic))) {
                value.set_sensitive(true);
                request.headers.insert(AUTHORIZATION, value);
            }
            scrape::fetch(client, &request).await?
        }
        (page, _) => page?,
    };
    Ok(without_secrets(page, target))
}

fn expose(secret: &secrecy::SecretString) -> &str {
    secrecy::ExposeSecret::expose_secret(secret)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), RequestError> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| RequestError::HeaderName { name: name.to_owned() })?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| RequestError::HeaderValue { name: name.to_owned() })?;
    value.set_sensitive(true);
    headers.insert(parsed, value);
    Ok(())
}

/// An app may repeat a secret in a label. A page that is not UTF-8 is returned as it is.
fn without_secrets(mut page: Page, target: &FilledTarget) -> Page {
    if let Ok(text) = str::from_utf8(&page.body)
        && let Cow::Owned(clean) = rewritten(text, |part| target.redact(part))
    {
        page.body = clean.into_bytes();
    }
    page
}

/// The page with `clean` applied to the values of labels and to help texts. Names and numbers stay, since
/// a short secret may be a part of them.
fn rewritten(page: &str, clean: impl Fn(&str) -> String) -> Cow<'_, str> {
    let mut written = String::new();
    let mut kept = 0;
    for (from, to) in texts(page) {
        let text = &page[from..to];
        let cleaned = clean(text);
        if cleaned != text {
            written.push_str(&page[kept..from]);
            written.push_str(&cleaned);
            kept = to;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(page);
    }
    written.push_str(&page[kept..]);
    Cow::Owned(written)
}

/// Ranges of the texts of a page: quoted values, and what follows `# HELP NAME`.
fn texts(page: &str) -> Vec<(usize, usize)> {
    let mut texts = Vec::new();
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        let end = at + line.len();
        if let Some(help) = line.strip_prefix("# HELP ") {
            if let Some((_, text)) = help.split_once(' ') {
                texts.push((end - text.len(), end));
            }
        } else if !line.starts_with('#') {
            texts.extend(quoted(line).into_iter().map(|(from, to)| (at + from, at + to)));
        }
        at = end;
    }
    texts
}

/// Ranges between the quotes of a line. A backslash escapes the next character.
fn quoted(line: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut open, mut escaped) = (None, false);
    for (at, byte) in line.bytes().enumerate() {
        match (open, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (None, b'"') => open = Some(at + 1),
            (Some(from), b'"') => {
                found.push((from, at));
                open = None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use conversation::target::FilledTls;
    use std::collections::HashMap;

    fn scrape_request(path: &str, target: &serde_json::Value) -> ScrapeRequest {
        serde_json::from_value(serde_json::json!({
            "probe": "bot", "target": target, "path": path,
            "job": "gradio_chatbot", "every_seconds": 15, "timeout_seconds": 10, "labels": { "team": "chat" },
        }))
        .unwrap()
    }

    fn with_token(path: &str, url: &str) -> ScrapeRequest {
        scrape_request(
            path,
            &serde_json::json!({ "url": url, "auth": { "bearer": "token-canary" } }),
        )
    }

    fn target(request: &ScrapeRequest) -> FilledTarget {
        FilledTarget::new(&request.target, &HashMap::new(), &HashMap::new()).unwrap()
    }

    #[test]
    fn path_is_resolved_against_the_host() {
        let scrape = with_token("/metrics", "https://chat.example.com/my/bot?x#y");
        let request = request(&scrape, &target(&scrape), &FilledScrape::default()).unwrap();
        assert_eq!(request.url.as_str(), "https://chat.example.com/metrics");
        assert!(request.headers["authorization"].is_sensitive());
    }

    #[test]
    fn credentials_of_the_scrape_replace_those_of_the_target() {
        let scrape = with_token("/metrics", "https://chat.example.com");
        let http = FilledScrape {
            authorization: Some("Basic eDp5".into()),
            tls: Some(FilledTls { server_name: Some("bot".to_owned()), ..FilledTls::default() }),
        };
        let request = request(&scrape, &target(&scrape), &http).unwrap();
        assert_eq!(request.headers["authorization"], "Basic eDp5");
        assert_eq!(request.server_name.as_deref(), Some("bot"));
    }

    #[test]
    fn error_of_an_invalid_path_does_not_show_the_url() {
        let scrape = with_token("//[", "https://canary.example.com");
        let error = request(&scrape, &target(&scrape), &FilledScrape::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the path `//[` of probe `bot` is not valid in the target's URL"
        );
    }

    #[test]
    fn secrets_are_removed_from_texts_but_not_from_names() {
        let page = "# HELP chat_total Messages of chat.\n# TYPE chat_total counter\n\
                    chat_total{user=\"chat\",said=\"a \\\" chat\"} 3 # {trace=\"chat\"} 1\n\
                    # a comment of chat\nchat_up 1";
        let clean = rewritten(page, |text| text.replace("chat", "[secret]"));
        assert_eq!(
            clean,
            "# HELP chat_total Messages of [secret].\n# TYPE chat_total counter\n\
             chat_total{user=\"[secret]\",said=\"a \\\" [secret]\"} 3 # {trace=\"[secret]\"} 1\n\
             # a comment of chat\nchat_up 1"
        );
        assert!(matches!(rewritten(page, str::to_owned), Cow::Borrowed(_)));
    }

    #[tokio::test]
    async fn login_is_sent_as_basic_authentication_after_401() {
        let answer = async |headers: axum::http::HeaderMap| match headers.get("authorization") {
            Some(sent) if sent == "Basic cHJvYmU6aHVzaC1odXNo" => Ok("up_to_now 1\n"),
            _ => Err(axum::http::StatusCode::UNAUTHORIZED),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().route("/metrics", get(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });

        let login = serde_json::json!({ "username": "probe", "password": "hush-hush" });
        let auth = serde_json::json!({ "url": url, "auth": { "login": login } });
        let scrape = scrape_request("/metrics", &auth);
        let target = target(&scrape);
        let client = scrape::client("test").unwrap();
        let fetched = async |http: FilledScrape| {
            fetch(&client, &request(&scrape, &target, &http).unwrap(), &target, &http).await
        };
        let page = fetched(FilledScrape::default()).await.unwrap();
        assert_eq!(page.body, b"up_to_now 1\n");
        let other = FilledScrape { authorization: Some("Bearer x".into()), tls: None };
        let error = fetched(other).await.unwrap_err();
        assert!(matches!(error, FetchError::Status { status: StatusCode::UNAUTHORIZED }));
    }
}

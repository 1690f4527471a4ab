//! A request with a body by template, signed if the receiver has a key.

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::HttpRequest;
use crate::config;
use crate::event::Event;
use crate::receiver::{Secret, Webhook};
use crate::sign::signature;
use crate::template::{TemplateError, render};

/// The headers of Standard Webhooks.
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

pub(super) fn request(
    webhook: &Webhook,
    event: &Event,
    now: Timestamp,
) -> Result<HttpRequest, TemplateError> {
    let rendered = render(&webhook.body, event)?;
    let mut headers = webhook.headers.clone();
    let mut add = |name, value: &str| {
        let value = HeaderValue::from_str(value).expect("hexadecimal, digits and Base64 are ASCII");
        headers.push((name, value));
    };
    add(ID, &event.id);
    add(TIMESTAMP, &now.as_second().to_string());
    if let Some(key) = &webhook.signing_key {
        add(SIGNATURE, &signature(key, &event.id, now, rendered.body.as_bytes()));
    }
    Ok(HttpRequest {
        method: match webhook.method {
            config::Method::Post => Method::POST,
            config::Method::Put => Method::PUT,
            config::Method::Patch => Method::PATCH,
        },
        url: Secret(extended(&webhook.url.0, &rendered.suffix)),
        headers,
        content_type: rendered.content_type,
        body: Secret(rendered.body),
    })
}

/// The URL with a path and a query added. `suffix` is percent-encoded.
fn extended(url: &Url, suffix: &str) -> Url {
    let (path, query) = suffix.split_once('?').unwrap_or((suffix, ""));
    let mut url = url.clone();
    if !path.is_empty() {
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
    }
    if !query.is_empty() {
        let joined = match url.query() {
            Some(own) if !own.is_empty() => format!("{own}&{query}"),
            _ => query.to_owned(),
        };
        url.set_query(Some(&joined));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffix_extends_path_and_query() {
        let cases = [
            ("https://a.example/v2/alerts", "", "https://a.example/v2/alerts"),
            (
                "https://a.example/v2/",
                "/k%2F1/close?by=alias",
                "https://a.example/v2/k%2F1/close?by=alias",
            ),
            ("https://a.example/x?key=1", "?thread=2", "https://a.example/x?key=1&thread=2"),
        ];
        for (url, suffix, expected) in cases {
            assert_eq!(extended(&url.parse().unwrap(), suffix).as_str(), expected);
        }
    }
}

//! Reads answers and the errors in them.

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::error::{CallError, MAX_ANSWER_BYTES};

/// Codes of client errors that a later attempt can avoid.
const THROTTLING: [&str; 4] =
    ["ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"];

/// A successful answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub(crate) async fn read(
    mut response: Response,
    service: &str,
    operation: &str,
) -> Result<Answer, CallError> {
    let failed = |source| CallError::Http { service: service.to_owned(), source };
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if MAX_ANSWER_BYTES < body.len() + chunk.len() {
            return Err(CallError::TooLarge { service: service.to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(Answer { headers, body });
    }
    let (code, message) = error(&headers, &body);
    let operation = operation.to_owned();
    Err(CallError::Refused { operation, status: status.as_u16(), code, message })
}

pub(crate) fn is_transient(error: &CallError) -> bool {
    match error {
        CallError::Http { .. } => true,
        CallError::Refused { status, code, .. } => {
            *status >= StatusCode::INTERNAL_SERVER_ERROR.as_u16()
                || *status == StatusCode::TOO_MANY_REQUESTS.as_u16()
                || THROTTLING.contains(&code.as_str())
        }
        _ => false,
    }
}

/// Code and message. Services write the code to a header, `__type` or `code`, with a namespace before
/// it or a URL behind it.
fn error(headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    if let Some(code) = xml_texts(&text, "Code").into_iter().next() {
        let message = xml_texts(&text, "Message").into_iter().next();
        return (code, message.unwrap_or_else(|| "no message".to_owned()));
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let header = header.filter(|value| !value.is_empty());
    let code = header.or(body["__type"].as_str()).or(body["code"].as_str()).unwrap_or("Unknown");
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.split(':').next().unwrap_or(code);
    let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or("no message");
    (code.to_owned(), message.to_owned())
}

/// The texts of all elements `tag` that have neither attributes nor children, in their order.
#[must_use]
pub fn xml_texts(xml: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let elements = xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0));
    elements
        .map(|text| {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            text.replace("&apos;", "'").replace("&amp;", "&")
        })
        .collect()
}

//! Functions that are not queued: one request, one answer.

use http::StatusCode;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::Call;
use crate::failure::Failure;
use crate::http::{Http, Trouble};
use crate::message::{Body, Message, Output};
use crate::redact;
use crate::turn::{Flow, Turn};

pub(super) async fn make(
    http: &Http,
    call: &Call<'_>,
    turn: &mut Turn<'_>,
) -> Result<Vec<Value>, Trouble> {
    let request = http.request(Method::POST, call.app.api("run/predict")).json(&call.body());
    let response = http.send(request, turn.patience.until()).await?;
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        return Err(app_error(http, response, turn).await);
    }
    if response.status() != StatusCode::OK {
        return Err(http.refusal(response, turn.patience.until()).await.into());
    }
    let limit = http.settings.limits.decompressed_bytes;
    let body = http.body(response, limit, turn.patience.until()).await?;
    let output = Output::parse(&body).ok_or_else(|| {
        let prose = format!("`run/predict` answered no JSON object but {}", redact::excerpt(&body));
        Trouble::new(Failure::StreamBroken, prose)
    })?;
    let message = Message { event_id: None, body: Body::Completed(output) };
    match turn.take(message, body.len(), Instant::now())? {
        Flow::Done(values) => Ok(values),
        _ => unreachable!("a completed call is done or an error"),
    }
}

/// An exception in a function that is not queued comes as a 500 with `{"error": …}`; a 500 with
/// anything else is the server's own.
async fn app_error(http: &Http, response: reqwest::Response, turn: &mut Turn<'_>) -> Trouble {
    let status = response.status();
    let until = turn.patience.until();
    let body = match http.body(response, http.settings.limits.decompressed_bytes, until).await {
        Ok(body) => body,
        Err(trouble) => return trouble,
    };
    let is_error =
        serde_json::from_slice::<Value>(&body).is_ok_and(|value| value.get("error").is_some());
    let Some(output) = Output::parse(&body).filter(|_| is_error) else {
        let prose = format!("`run/predict` answered {status}, {}", redact::excerpt(&body));
        return Trouble::new(Failure::HttpStatus, prose);
    };
    let failed = Body::Completed(Output { success: false, ..output });
    match turn.take(Message { event_id: None, body: failed }, body.len(), Instant::now()) {
        Err(fault) => fault.into(),
        Ok(_) => unreachable!("a failed call is an error"),
    }
}

//! Functions that do not use the queue: one request, one response.

use http::StatusCode;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::call::Call;
use crate::failure::Failure;
use crate::http::{Http, HttpError};
use crate::message::{Body, Message, Output};
use crate::redact;
use crate::step::{Flow, Outcome, Step};

pub(super) async fn make(
    http: &Http,
    call: &Call<'_>,
    step: &mut Step<'_, '_>,
) -> Result<Outcome, HttpError> {
    let request = http
        .request(Method::POST, http.with_page_query(call.app.api("run/predict")))
        .json(&call.body());
    let response = http.send(request, step.deadlines.until()).await?;
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        return Err(app_error(http, response, step).await);
    }
    if response.status() != StatusCode::OK {
        return Err(http.refusal(response, step.deadlines.until()).await.into());
    }
    let limit = http.settings.limits.decompressed_bytes;
    let body = http.body(response, limit, step.deadlines.until()).await?;
    let mut output = Output::parse(&body).ok_or_else(|| {
        let prose =
            format!("`run/predict` returned {}; expected a JSON object", redact::excerpt(&body));
        HttpError::new(Failure::StreamBroken, prose)
    })?;
    // The page ignores which states an unqueued function has changed (measured with 5.50 and 6.31).
    output.changed_states.clear();
    let message = Message { event_id: None, body: Body::Completed(output) };
    match step.receive(message, body.len(), Instant::now())? {
        Flow::Done(outcome) => Ok(outcome),
        _ => unreachable!("a completed call is finished or an error"),
    }
}

/// An exception in an unqueued function is a 500 with `{"error": …}`. Any other 500 is an error of
/// the server.
async fn app_error(http: &Http, response: reqwest::Response, step: &mut Step<'_, '_>) -> HttpError {
    let status = response.status();
    let until = step.deadlines.until();
    let body = match http.body(response, http.settings.limits.decompressed_bytes, until).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    let is_error =
        serde_json::from_slice::<Value>(&body).is_ok_and(|value| value.get("error").is_some());
    let Some(output) = Output::parse(&body).filter(|_| is_error) else {
        let prose = format!("`run/predict` returned {status}, {}", redact::excerpt(&body));
        return HttpError::new(Failure::HttpStatus, prose);
    };
    let failed = Body::Completed(Output { success: false, ..output });
    match step.receive(Message { event_id: None, body: failed }, body.len(), Instant::now()) {
        Err(fault) => fault.into(),
        Ok(_) => unreachable!("a failed call is an error"),
    }
}

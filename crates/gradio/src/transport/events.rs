//! Gradio 4 and later: messages arrive as server-sent events.

use http::StatusCode;
use reqwest::Method;
use serde_json::Value;

use super::event_reader::Events;
use super::streams::Streams;
use crate::call::Call;
use crate::cancel::CancelGuard;
use crate::failure::Failure;
use crate::http::{Http, HttpError};
use crate::message::{Body, Message};
use crate::redact;
use crate::step::{Flow, Outcome, Step};

/// 4.9 and later: the event joins the queue, then its messages arrive on the stream of the session.
pub(super) async fn join_and_follow(
    http: &Http,
    streams: &Streams,
    call: &Call<'_>,
    step: &mut Step<'_, '_>,
    guard: &mut CancelGuard,
) -> Result<Outcome, HttpError> {
    let joining = streams.join();
    let url = http.with_page_query(call.app.api("queue/join"));
    let request = http.request(Method::POST, url).json(&call.body());
    let response = http.send(request, step.deadlines.until()).await?;
    if response.status() != StatusCode::OK {
        return Err(http.refusal(response, step.deadlines.until()).await.into());
    }
    let limit = http.settings.limits.decompressed_bytes;
    let body = http.body(response, limit, step.deadlines.until()).await?;
    let joined: Option<Value> = serde_json::from_slice(&body).ok();
    let event_id = joined.as_ref().and_then(|joined| joined.get("event_id")?.as_str());
    let event_id = event_id.ok_or_else(|| {
        let prose =
            format!("`queue/join` returned {}; expected an `event_id`", redact::excerpt(&body));
        HttpError::new(Failure::StreamBroken, prose)
    })?;
    guard.event(call, event_id);
    let messages = joining.register(event_id);

    let mut url = call.app.api("queue/data");
    url.query_pairs_mut().append_pair("session_hash", call.session);
    loop {
        let (message, bytes, at) = messages.next(http, &url, step.deadlines.until()).await?;
        if is_last(&message) {
            guard.finished();
        }
        if let Flow::Done(outcome) = step.receive(message, bytes, at)? {
            messages.finish().await;
            return Ok(outcome);
        }
    }
}

/// 4.0 to 4.8: each event has a stream, and the data is posted when the server asks for it.
pub(super) async fn one_stream_per_event(
    http: &Http,
    call: &Call<'_>,
    step: &mut Step<'_, '_>,
    guard: &mut CancelGuard,
) -> Result<Outcome, HttpError> {
    let mut url = http.with_page_query(call.app.api("queue/join"));
    url.query_pairs_mut()
        .append_pair("fn_index", &call.function.id().to_string())
        .append_pair("session_hash", call.session);
    let mut events = Events::open(http, url, step.deadlines.until()).await?;
    loop {
        let (message, bytes, at) = events.next(http, step.deadlines.until()).await?;
        if is_last(&message) {
            guard.finished();
        }
        match step.receive(message, bytes, at)? {
            Flow::SendData(event_id) => {
                if let Some(event_id) = &event_id {
                    guard.event(call, event_id);
                }
                let mut body = call.body();
                body["event_id"] = Value::from(event_id);
                let request = http.request(Method::POST, call.app.api("queue/data")).json(&body);
                let response = http.send(request, step.deadlines.until()).await?;
                if response.status() != StatusCode::OK {
                    return Err(http.refusal(response, step.deadlines.until()).await.into());
                }
            }
            Flow::Done(outcome) => {
                events.drain().await;
                return Ok(outcome);
            }
            Flow::Wait | Flow::SendHash => {}
        }
    }
}

/// Whether the server is finished with the event after this message.
fn is_last(message: &Message) -> bool {
    matches!(
        message.body,
        Body::Completed(_) | Body::QueueFull | Body::UnexpectedError { .. } | Body::CloseStream
    )
}

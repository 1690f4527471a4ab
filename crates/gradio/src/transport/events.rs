//! Gradio 4 and later: messages arrive as server-sent events.

use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::streams::{Received, Streams, ended};
use crate::call::Call;
use crate::cancel::CancelGuard;
use crate::event_stream::EventStream;
use crate::failure::{Failure, Fault};
use crate::http::{Http, HttpError};
use crate::message::{Body, Message};
use crate::redact;
use crate::step::{Flow, Outcome, Step};
use crate::value_limit::has_too_many_values;

/// Time for a stream to end after the reply is complete. The connection of an ended stream can be
/// reused for the next turn; after this time a new connection is cheaper.
const DRAIN: Duration = Duration::from_millis(250);

/// 4.9 and later: the event joins the queue, then its messages arrive on the stream of the session.
pub(super) async fn join_and_follow(
    http: &Http,
    streams: &Streams,
    call: &Call<'_>,
    step: &mut Step<'_, '_>,
    guard: &mut CancelGuard,
) -> Result<Outcome, HttpError> {
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
    streams.register(event_id).await;

    let mut url = call.app.api("queue/data");
    url.query_pairs_mut().append_pair("session_hash", call.session);
    loop {
        let (message, bytes, at) =
            streams.next(http, &url, event_id, step.deadlines.until()).await?;
        if is_last(&message) {
            guard.finished();
        }
        if let Flow::Done(outcome) = step.receive(message, bytes, at)? {
            streams.finish(event_id).await;
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

/// An open stream.
pub(super) struct Events {
    response: Response,
    stream: EventStream,
    /// When the last bytes arrived.
    at: Instant,
}

impl Events {
    pub(super) async fn open(
        http: &Http,
        url: url::Url,
        until: Instant,
    ) -> Result<Self, HttpError> {
        let response = http.send(http.event_request(url), until).await?;
        if response.status() != StatusCode::OK {
            return Err(http.refusal(response, until).await.into());
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if let Some(other) = kind.filter(|kind| !kind.starts_with("text/event-stream")) {
            let prose = format!(
                "the event stream is `{}`; expected `text/event-stream`",
                redact::line(other)
            );
            return Err(HttpError::new(Failure::StreamBroken, prose));
        }
        let stream = EventStream::new(http.settings.limits.event_bytes);
        Ok(Self { response, stream, at: Instant::now() })
    }

    /// The next message, its length, and when it arrived.
    pub(super) async fn next(
        &mut self,
        http: &Http,
        until: Instant,
    ) -> Result<Received, HttpError> {
        loop {
            if let Some(event) = self.stream.next_event() {
                if has_too_many_values(&event) {
                    return Err(HttpError::new(Failure::TooLarge, "an event has too many values"));
                }
                let message = Message::parse(&event).ok_or_else(|| {
                    let prose =
                        format!("an event holds {}; expected a message", redact::excerpt(&event));
                    HttpError::new(Failure::StreamBroken, prose)
                })?;
                return Ok((message, event.len(), self.at));
            }
            let chunk = match timeout_at(until, self.response.chunk()).await {
                Err(_) => return Err(HttpError::TimedOut),
                Ok(chunk) => chunk.map_err(|error| broken(http, &error))?,
            };
            self.at = Instant::now();
            // A stream that is always ready never lets the timeout fire.
            if self.at >= until {
                return Err(HttpError::TimedOut);
            }
            let Some(chunk) = chunk else { return Err(ended()) };
            self.stream.feed(&chunk).map_err(|_| {
                let limit = http.settings.limits.event_bytes;
                HttpError::new(Failure::TooLarge, format!("an event has more than {limit} bytes"))
            })?;
        }
    }

    pub(super) async fn drain(mut self) {
        let until = Instant::now() + DRAIN;
        while Instant::now() < until
            && let Ok(Ok(Some(_))) = timeout_at(until, self.response.chunk()).await
        {}
    }
}

fn broken(http: &Http, error: &reqwest::Error) -> Fault {
    let fault = http.fault(error);
    let prose = format!("the stream broke before the reply was complete: {}", fault.prose);
    Fault::new(Failure::StreamBroken, prose)
}

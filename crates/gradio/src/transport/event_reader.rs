//! Reads the messages of one open event stream.

use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::event_stream::EventStream;
use crate::failure::{Failure, Fault};
use crate::http::{Http, HttpError};
use crate::message::Message;
use crate::redact;
use crate::value_limit::has_too_many_values;

/// Time for a stream to end after the reply is complete. The connection of an ended stream can be
/// reused for the next turn; after this time a new connection is cheaper.
const DRAIN: Duration = Duration::from_millis(250);

/// A message, its length, and when it arrived.
pub(super) type Received = (Message, usize, Instant);

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

/// The failure of a stream that ended too early.
fn ended() -> HttpError {
    let prose = "the stream ended before the reply was complete";
    HttpError::EndOfStream(Fault::new(Failure::StreamBroken, prose))
}

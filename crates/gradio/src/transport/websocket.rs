//! Gradio 3: one WebSocket for each event.
//!
//! It is an upgraded request of the same HTTP client, so that TLS, proxy, cookies and phases are the
//! same as for other requests.

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role, WebSocketConfig};

use crate::call::Call;
use crate::cancel::{CancelGuard, Socket};
use crate::failure::Failure;
use crate::http::{Http, HttpError};
use crate::message::Message;
use crate::redact;
use crate::step::{Flow, Outcome, Step};
use crate::value_limit::has_too_many_values;

pub(super) async fn make(
    http: &Http,
    call: &Call<'_>,
    step: &mut Step<'_, '_>,
    guard: &mut CancelGuard,
) -> Result<Outcome, HttpError> {
    let socket = guard.socket(open(http, call, step.deadlines.until()).await?);
    loop {
        let until = step.deadlines.until();
        let frame = timeout_at(until, socket.next()).await.map_err(|_| HttpError::TimedOut)?;
        let at = Instant::now();
        // Frames that are always ready never let the timeout fire.
        if at >= until {
            return Err(HttpError::TimedOut);
        }
        let text = match frame {
            Some(Ok(Frame::Text(text))) => text,
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => continue,
            Some(Ok(Frame::Binary(_))) => {
                return Err(broken("the server sent binary data over the WebSocket"));
            }
            Some(Ok(Frame::Close(frame))) => return Err(closed(frame)),
            Some(Err(error)) => return Err(failed(http, &error)),
            None => return Err(closed(None)),
        };
        if has_too_many_values(text.as_bytes()) {
            return Err(HttpError::new(Failure::TooLarge, "a message has too many values"));
        }
        let message = Message::parse(text.as_bytes()).ok_or_else(|| {
            broken(format!(
                "a frame holds {}; expected a message",
                redact::excerpt(text.as_bytes())
            ))
        })?;
        let answer = match step.receive(message, text.len(), at)? {
            Flow::Wait => continue,
            Flow::SendHash => {
                json!({ "fn_index": call.function.id(), "session_hash": call.session })
            }
            Flow::SendData(_) => call.body(),
            Flow::Done(outcome) => return Ok(outcome),
        };
        let sent = socket.send(Frame::text(answer.to_string()));
        let sent =
            timeout_at(step.deadlines.until(), sent).await.map_err(|_| HttpError::TimedOut)?;
        sent.map_err(|error| failed(http, &error))?;
    }
}

async fn open(http: &Http, call: &Call<'_>, until: Instant) -> Result<Socket, HttpError> {
    let key = generate_key();
    let request = http
        .upgrade_request(http.with_page_query(call.app.api("queue/join")))?
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key);
    let response = http.send(request, until).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(http.refusal(response, until).await.into());
    }
    let accepted =
        response.headers().get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes().to_vec());
    if accepted.as_deref() != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(broken("the server returned an invalid `Sec-WebSocket-Accept`"));
    }
    let upgraded = timeout_at(until, response.upgrade()).await.map_err(|_| HttpError::TimedOut)?;
    let upgraded = upgraded.map_err(|error| http.fault(&error))?;
    let limit = Some(http.settings.limits.event_bytes);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}

fn broken(prose: impl Into<String>) -> HttpError {
    HttpError::new(Failure::StreamBroken, prose)
}

fn closed(frame: Option<CloseFrame>) -> HttpError {
    let why = match frame {
        None => String::new(),
        Some(frame) if frame.reason.is_empty() => format!(" with code {}", frame.code),
        Some(frame) => format!(" with code {}, `{}`", frame.code, redact::line(&frame.reason)),
    };
    broken(format!("the server closed the WebSocket{why} before the reply was complete"))
}

fn failed(http: &Http, error: &SocketError) -> HttpError {
    match error {
        SocketError::Capacity(_) => {
            let limit = http.settings.limits.event_bytes;
            HttpError::new(Failure::TooLarge, format!("a message has more than {limit} bytes"))
        }
        SocketError::ConnectionClosed | SocketError::AlreadyClosed => closed(None),
        other => broken(format!("the WebSocket broke: {}", redact::line(&other.to_string()))),
    }
}

//! Cancels unfinished events, so that the server does not keep generating for a client that left.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use url::Url;

use crate::call::Call;
use crate::http::Http;

pub(crate) type Socket = WebSocketStream<reqwest::Upgraded>;

/// Holds what a call has open on the server. If it is dropped before the call is finished, it
/// cancels the event in the background.
pub(crate) struct CancelGuard {
    http: Arc<Http>,
    open: Option<Open>,
}

enum Open {
    Event { url: Url, body: Value },
    Socket(Box<Socket>),
}

impl CancelGuard {
    pub(crate) fn new(http: Arc<Http>) -> Self {
        Self { http, open: None }
    }

    /// Registers an event that the queue accepted. Gradio 4.36 added `/cancel`; older versions have
    /// only `/reset`.
    pub(crate) fn event(&mut self, call: &Call<'_>, event_id: &str) {
        let route = if call.app.config.release() >= (4, 36) { "cancel" } else { "reset" };
        let body = json!({
            "event_id": event_id, "session_hash": call.session, "fn_index": call.function.id(),
        });
        self.open = Some(Open::Event { url: call.app.api(route), body });
    }

    /// Registers an open WebSocket, so that it is closed in every case.
    pub(crate) fn socket(&mut self, socket: Socket) -> &mut Socket {
        match self.open.insert(Open::Socket(Box::new(socket))) {
            Open::Socket(socket) => socket,
            Open::Event { .. } => unreachable!("the socket was inserted in the line before"),
        }
    }

    /// Marks the call as finished on the server.
    pub(crate) fn finished(&mut self) {
        self.open = None;
    }

    /// Cancels what is open, within [`Limits::cancel`](crate::Limits::cancel).
    pub(crate) async fn cancel(&mut self) {
        if let Some(open) = self.open.take() {
            let limit = self.http.settings.limits.cancel;
            // The call has failed already; a failed cancellation changes nothing.
            let _ = timeout(limit, close(&self.http, open)).await;
        }
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        let (Some(open), Ok(runtime)) = (self.open.take(), Handle::try_current()) else { return };
        let http = self.http.clone();
        runtime
            .spawn(async move { timeout(http.settings.limits.cancel, close(&http, open)).await });
    }
}

async fn close(http: &Http, open: Open) {
    match open {
        Open::Event { url, body } => {
            if let Err(error) = http.request(Method::POST, url).json(&body).send().await {
                tracing::debug!(error = %error.without_url(), "Cancelling the event failed");
            }
        }
        Open::Socket(mut socket) => {
            if let Err(error) = socket.close(None).await {
                tracing::debug!(%error, "Closing the WebSocket failed");
            }
        }
    }
}

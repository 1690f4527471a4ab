//! Tells the server when we stop early, so that no work goes on there for nobody.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;
use url::Url;

use crate::http::Http;
use crate::transport::Call;
use crate::transport::websocket::Socket;

/// What of ours is under way on the server. Dropped with something under way, as when the caller
/// gives up, it says goodbye in the background.
pub(crate) struct Farewell {
    http: Arc<Http>,
    open: Option<Open>,
}

enum Open {
    Event { url: Url, body: Value },
    Socket(Box<Socket>),
}

impl Farewell {
    pub(crate) fn new(http: Arc<Http>) -> Self {
        Self { http, open: None }
    }

    /// An event was taken into the queue. From 4.36 on it can be cancelled, before only reset.
    pub(crate) fn event(&mut self, call: &Call<'_>, event_id: &str) {
        let route = if call.app.config.release() >= (4, 36) { "cancel" } else { "reset" };
        let body = json!({
            "event_id": event_id, "session_hash": call.session, "fn_index": call.function.id(),
        });
        self.open = Some(Open::Event { url: call.app.api(route), body });
    }

    /// A WebSocket was opened; it stays here, so that it can be closed whatever happens.
    pub(crate) fn socket(&mut self, socket: Socket) -> &mut Socket {
        match self.open.insert(Open::Socket(Box::new(socket))) {
            Open::Socket(socket) => socket,
            Open::Event { .. } => unreachable!("a socket was put in the line before"),
        }
    }

    /// The server is done by itself.
    pub(crate) fn nothing_left(&mut self) {
        self.open = None;
    }

    /// Says goodbye, for as long as the limit allows.
    pub(crate) async fn bid(&mut self) {
        if let Some(open) = self.open.take() {
            let limit = self.http.settings.limits.farewell;
            // What becomes of it changes nothing for us.
            let _ = timeout(limit, say(&self.http, open)).await;
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let (Some(open), Ok(runtime)) = (self.open.take(), Handle::try_current()) else { return };
        let http = self.http.clone();
        runtime
            .spawn(async move { timeout(http.settings.limits.farewell, say(&http, open)).await });
    }
}

async fn say(http: &Http, open: Open) {
    match open {
        Open::Event { url, body } => {
            if let Err(error) = http.request(Method::POST, url).json(&body).send().await {
                tracing::debug!(error = %error.without_url(), "could not cancel");
            }
        }
        Open::Socket(mut socket) => {
            if let Err(error) = socket.close(None).await {
                tracing::debug!(%error, "could not close the WebSocket");
            }
        }
    }
}

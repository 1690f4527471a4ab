//! The heartbeat of a session: an open request by which the server notices that a client left, so
//! that it runs the app's `unload` functions and frees the session.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::app::App;
use crate::http::Http;

/// An open heartbeat request. Dropping it closes the connection.
pub(crate) struct Heartbeat {
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Opens the request in the background, if the app uses heartbeats.
    pub(crate) fn start(http: &Arc<Http>, app: &App, session: &str) -> Option<Self> {
        if !app.config.connect_heartbeat {
            return None;
        }
        let url = app.api(&format!("heartbeat/{session}"));
        // A separate connection, because it is open during the whole conversation.
        let request = http.separate_request(url)?;
        let task = tokio::spawn(async move {
            match request.send().await {
                // The bytes only show that the server still runs.
                Ok(mut response) => while let Ok(Some(_)) = response.chunk().await {},
                Err(error) => tracing::debug!(error = %error.without_url(), "Heartbeat failed"),
            }
        });
        Some(Self { task })
    }

    /// Closes the connection and waits until that is done.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // The task ends by cancellation; its result is not used.
        let _ = (&mut self.task).await;
        // The connection is closed by a task of the HTTP client, which runs now.
        tokio::task::yield_now().await;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

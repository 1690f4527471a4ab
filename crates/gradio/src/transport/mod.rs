//! Makes one call over the protocol of the app's Gradio version.

mod events;
mod predict;
mod websocket;

use std::sync::Arc;

use serde_json::Value;

use crate::call::Call;
use crate::cancel::CancelGuard;
use crate::config::Protocol;
use crate::failure::Fault;
use crate::http::{Http, HttpError};
use crate::turn::Turn;

/// Makes the call and returns the function's output values.
pub(crate) async fn make(
    http: &Arc<Http>,
    call: &Call<'_>,
    turn: &mut Turn<'_>,
) -> Result<Vec<Value>, Fault> {
    let mut guard = CancelGuard::new(http.clone());
    let outcome = match call.app.config.protocol {
        _ if !call.app.config.is_queued(call.function) => predict::make(http, call, turn).await,
        Protocol::Ws => websocket::make(http, call, turn, &mut guard).await,
        Protocol::Sse => events::ask_and_answer(http, call, turn, &mut guard).await,
        _ => events::join_and_follow(http, call, turn, &mut guard).await,
    };
    if outcome.is_err() {
        guard.cancel().await;
    }
    guard.finished();
    outcome.map_err(|error| match error {
        HttpError::Fault(fault) => fault,
        HttpError::TimedOut => turn.deadlines.exceeded(),
    })
}

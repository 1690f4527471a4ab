//! Makes one call over the protocol of the app's Gradio version.

mod event_reader;
mod events;
mod predict;
mod streams;
mod websocket;

use std::sync::Arc;

use crate::call::Call;
use crate::cancel::CancelGuard;
use crate::config::Protocol;
use crate::failure::Fault;
use crate::http::{Http, HttpError};
use crate::step::{Outcome, Step};

pub(crate) use streams::Streams;

/// Makes the call and returns the function's output.
pub(crate) async fn make(
    http: &Arc<Http>,
    streams: &Streams,
    call: &Call<'_>,
    step: &mut Step<'_, '_>,
) -> Result<Outcome, Fault> {
    let mut guard = CancelGuard::new(http.clone());
    let outcome = match call.app.config.protocol {
        _ if !call.app.config.is_queued(call.function) => predict::make(http, call, step).await,
        Protocol::Ws => websocket::make(http, call, step, &mut guard).await,
        Protocol::Sse => events::one_stream_per_event(http, call, step, &mut guard).await,
        _ => events::join_and_follow(http, streams, call, step, &mut guard).await,
    };
    if outcome.is_err() || step.is_endless {
        guard.cancel().await;
    }
    guard.finished();
    outcome.map_err(|error| match error {
        HttpError::Fault(fault) | HttpError::EndOfStream(fault) => fault,
        HttpError::TimedOut => step.deadlines.exceeded(),
    })
}

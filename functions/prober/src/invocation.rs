//! Runs that a person starts by invoking the function, as `vigie smoke` does after a deploy.
//!
//! The results are published like any other, so that a missing permission shows. The response holds the
//! reports.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::report::Report;
use lambda_runtime::Diagnostic;
use request_signing::SignedRequest;
use run_executor::{DirectResult, RejectedRequest};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Prober, RESERVE, Unpublished};

/// The event that invokes the function.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// From the queue of runs.
    Queue(SqsEvent),
    /// From a person.
    Direct(SignedRequest),
}

/// The response to an [`Event`].
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    Queue(SqsBatchResponse),
    Direct(Vec<Report>),
}

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationError {
    #[error(transparent)]
    Unpublished(#[from] Unpublished),
    #[error("the run request was rejected")]
    Rejected(#[from] RejectedRequest),
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        let rejected = match error {
            InvocationError::Unpublished(error) => return error.into(),
            InvocationError::Rejected(error) => error,
        };
        Self { error_type: "Rejected".into(), error_message: lambda_kit::chain(&rejected) }
    }
}

impl Prober {
    /// Handles an event.
    ///
    /// # Errors
    /// When a result was not published, or a direct request is not signed by the dispatcher.
    pub async fn handle(
        &self,
        event: Event,
        time_left: Duration,
    ) -> Result<Response, InvocationError> {
        // Boxed: the nested futures are too deep for the compiler's limit.
        match event {
            Event::Queue(event) => {
                Ok(Response::Queue(Box::pin(self.handle_queue(event, time_left)).await?))
            }
            Event::Direct(signed) => {
                Box::pin(self.handle_direct(&signed, time_left)).await.map(Response::Direct)
            }
        }
    }

    /// Makes the runs without a claim, since Lambda delivers a direct invocation once.
    async fn handle_direct(
        &self,
        signed: &SignedRequest,
        time_left: Duration,
    ) -> Result<Vec<Report>, InvocationError> {
        let deadline = Instant::now() + time_left.saturating_sub(RESERVE);
        let result = self.executor.execute_directly(signed, deadline).await?;
        let DirectResult { reports, errors } = result;
        if errors.is_empty() { Ok(reports) } else { Err(Unpublished { errors }.into()) }
    }
}

//! Reads run requests and checks that the dispatcher has signed them.

use domain::run_request::RunRequest;
use lambda_runtime::Diagnostic;
use request_signing::{SignedRequest, Verifier, VerifyError};

use crate::Unpublished;

/// Why a request is not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RejectedRequest {
    #[error(transparent)]
    Message(#[from] request_signing::ReadError),
    #[error(transparent)]
    Request(#[from] domain::run_request::ReadError),
    #[error(transparent)]
    Signature(#[from] VerifyError),
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

/// Reads a message of the queue.
pub(crate) async fn read(verifier: &Verifier, body: &str) -> Result<RunRequest, RejectedRequest> {
    open(verifier, &SignedRequest::read(body)?).await
}

/// The request in a message. Without runs and scrapes it needs no signature: it names no target.
pub(crate) async fn open(
    verifier: &Verifier,
    signed: &SignedRequest,
) -> Result<RunRequest, RejectedRequest> {
    let request = RunRequest::read(&signed.request)?;
    if !request.runs.is_empty() || !request.scrapes.is_empty() {
        verifier.verify(signed).await?;
    }
    Ok(request)
}

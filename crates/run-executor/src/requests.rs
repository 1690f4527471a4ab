//! Reads run requests and checks that the dispatcher has signed them.

use domain::run_request::RunRequest;
use request_signing::{SignedRequest, Verifier, VerifyError};

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

//! Errors of a call.

use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::SigningError;

/// The largest answer that is read: Lambda's limit for a response is 6 MB.
pub(crate) const MAX_ANSWER_BYTES: usize = 8 << 20;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    #[error("no AWS region is configured\nhint: set `AWS_REGION`")]
    Region,
    #[error(
        "no AWS credentials are configured\nhint: set `AWS_PROFILE` or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`"
    )]
    NoCredentials,
    #[error("AWS credentials could not be loaded")]
    Credentials(#[from] CredentialsError),
    #[error("the request could not be signed")]
    Signing(#[from] SigningError),
    #[error("the request to `{service}` failed")]
    Http { service: String, source: reqwest::Error },
    #[error("`{operation}` failed with {code} (HTTP {status}): {message}")]
    Refused { operation: String, status: u16, code: String, message: String },
    #[error("the answer of `{service}` has more than {MAX_ANSWER_BYTES} bytes")]
    TooLarge { service: String },
    #[error("the answer of `{service}` is not JSON")]
    Json { service: String, source: serde_json::Error },
}

impl CallError {
    /// The error code of the service, such as `ParameterNotFound`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

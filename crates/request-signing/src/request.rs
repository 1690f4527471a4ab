//! The message in the queue of runs, and the event of a direct invocation.

use serde::{Deserialize, Serialize};

/// The version of [`SignedRequest`] that this program reads and writes.
pub const VERSION: u32 = 2;

/// A run request in JSON, as text, with the signature of this text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRequest {
    pub version: u32,
    /// JSON in a text: the signature covers its bytes, and no program serializes it a second time.
    pub request: String,
    /// `None` for a request without runs and scrapes, such as a test after a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// Who signed a request: the key, and the code that only its owner can compute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The object `signing/KEY`.
    pub key: String,
    /// HMAC-SHA256 in hexadecimal digits.
    pub mac: String,
}

/// Why a message is not a signed request. A retry would fail in the same way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    #[error("the message is not a signed run request in JSON")]
    Malformed(#[from] serde_json::Error),
    #[error("the message has version `{found}`; this program reads version {VERSION}")]
    Version { found: u32 },
}

impl SignedRequest {
    #[must_use]
    pub fn new(request: String, signature: Option<Signature>) -> Self {
        Self { version: VERSION, request, signature }
    }

    /// Reads a message. The signature is not checked.
    ///
    /// # Errors
    /// When the message is malformed or has an unknown version.
    pub fn read(body: &str) -> Result<Self, ReadError> {
        /// Read first, since another version may have other fields.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_str(body)?;
        if version == VERSION {
            Ok(serde_json::from_str(body)?)
        } else {
            Err(ReadError::Version { found: version })
        }
    }
}

//! The prober's side: fetches the key that a request names, and checks the signature.

use std::collections::VecDeque;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use tokio::sync::Mutex;

use crate::key::{KEY_BYTES, KeyError, SigningKey, is_id};
use crate::{FOLDER, SignedRequest};

/// Keys that an execution environment remembers. The dispatcher has a new one some times a day.
const REMEMBERED: usize = 8;

/// Why a run request is not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    #[error("the run request is not signed; only the dispatcher may request runs")]
    Unsigned,
    #[error("the key of the signature is `{id}`; expected 16 hexadecimal digits")]
    Identifier { id: String },
    #[error("the signature of the run request does not match its text")]
    Mismatch,
    #[error("could not read the signing key `{id}`")]
    Fetch { id: String, source: Box<SdkError<GetObjectError>> },
    #[error("could not read the signing key `{id}`")]
    Body { id: String, source: ByteStreamError },
    #[error("the signing key `{id}` is not valid")]
    Key { id: String, source: KeyError },
}

/// Checks signatures of run requests.
pub struct Verifier {
    s3: Client,
    bucket: String,
    keys: Mutex<VecDeque<Arc<SigningKey>>>,
}

impl Verifier {
    #[must_use]
    pub fn new(s3: Client, bucket: String) -> Self {
        Self { s3, bucket, keys: Mutex::default() }
    }

    /// # Errors
    /// When the request is not signed by the dispatcher, or its key could not be read.
    pub async fn verify(&self, request: &SignedRequest) -> Result<(), VerifyError> {
        let signature = request.signature.as_ref().ok_or(VerifyError::Unsigned)?;
        let key = self.key(&signature.key).await?;
        if key.matches(&request.request, &signature.mac) {
            Ok(())
        } else {
            Err(VerifyError::Mismatch)
        }
    }

    async fn key(&self, id: &str) -> Result<Arc<SigningKey>, VerifyError> {
        if !is_id(id) {
            return Err(VerifyError::Identifier { id: id.chars().take(40).collect() });
        }
        let mut keys = self.keys.lock().await;
        if let Some(known) = keys.iter().find(|key| key.id() == id) {
            return Ok(Arc::clone(known));
        }
        let key = Arc::new(self.fetch(id).await?);
        keys.truncate(REMEMBERED - 1);
        keys.push_front(Arc::clone(&key));
        Ok(key)
    }

    async fn fetch(&self, id: &str) -> Result<SigningKey, VerifyError> {
        let get = self.s3.get_object().bucket(&self.bucket).key(format!("{FOLDER}{id}"));
        let object = get
            .send()
            .await
            .map_err(|source| VerifyError::Fetch { id: id.to_owned(), source: Box::new(source) })?;
        let bytes = limited(object.body).await;
        let bytes = bytes.map_err(|source| VerifyError::Body { id: id.to_owned(), source })?;
        SigningKey::new(id, &bytes).map_err(|source| VerifyError::Key { id: id.to_owned(), source })
    }
}

/// The body, up to the first bytes beyond the length of a key.
async fn limited(mut body: ByteStream) -> Result<Vec<u8>, ByteStreamError> {
    let mut bytes = Vec::new();
    while bytes.len() <= KEY_BYTES {
        match body.try_next().await? {
            Some(piece) => bytes.extend_from_slice(&piece[..piece.len().min(KEY_BYTES + 1)]),
            None => break,
        }
    }
    Ok(bytes)
}

//! The dispatcher's side: a key per execution environment.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use tokio::sync::OnceCell;

use crate::key::{KeyError, SigningKey};
use crate::{FOLDER, Signature, SignedRequest};

/// Why a run request could not be signed. A retry is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    #[error("could not create a signing key")]
    Key(#[from] KeyError),
    #[error("could not store the signing key in the bucket `{bucket}`")]
    Store { bucket: String, source: Box<SdkError<PutObjectError>> },
}

/// Signs run requests with the key of this execution environment.
pub struct Signer {
    s3: Client,
    bucket: String,
    key: OnceCell<SigningKey>,
}

impl Signer {
    #[must_use]
    pub fn new(s3: Client, bucket: String) -> Self {
        Self { s3, bucket, key: OnceCell::new() }
    }

    /// The key. The first call creates and stores it.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn key(&self) -> Result<&SigningKey, SignError> {
        self.key.get_or_try_init(|| self.create()).await
    }

    async fn create(&self) -> Result<SigningKey, SignError> {
        let key = SigningKey::random()?;
        let put = self.s3.put_object().bucket(&self.bucket).key(format!("{FOLDER}{}", key.id()));
        let stored = put.body(ByteStream::from(key.bytes().to_vec())).send().await;
        let failed =
            |source| SignError::Store { bucket: self.bucket.clone(), source: Box::new(source) };
        stored.map_err(failed)?;
        Ok(key)
    }
}

impl SigningKey {
    /// A run request with the signature of its text.
    #[must_use]
    pub fn signed(&self, request: String) -> SignedRequest {
        let signature = Signature { key: self.id().to_owned(), mac: self.sign(&request) };
        SignedRequest::new(request, Some(signature))
    }
}

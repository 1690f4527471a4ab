//! The dispatcher's side: a key per execution environment, replaced every day.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use tokio::sync::Mutex;

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

/// A key is replaced after this time, so that one that leaked is of use for a day. The object of the old one remains
/// until the lifecycle rule of the bucket deletes it: messages that it signed are still valid.
const RENEWED_AFTER: Duration = Duration::from_secs(86_400);

/// Signs run requests with the key of this execution environment.
pub struct Signer {
    s3: Client,
    bucket: String,
    current: Mutex<Option<Current>>,
}

struct Current {
    key: Arc<SigningKey>,
    stored_at: SystemTime,
}

/// The key to sign with.
#[derive(Debug)]
pub struct Signing {
    pub key: Arc<SigningKey>,
    /// Why the key was not replaced, although it is older than a day. The next call tries it again.
    pub not_renewed: Option<SignError>,
}

impl Signer {
    #[must_use]
    pub fn new(s3: Client, bucket: String) -> Self {
        Self { s3, bucket, current: Mutex::default() }
    }

    /// The key. The first call creates and stores it, and one call a day replaces it.
    ///
    /// # Errors
    /// When there is no key yet and none could be stored.
    pub async fn key(&self, now: SystemTime) -> Result<Signing, SignError> {
        let mut current = self.current.lock().await;
        let known = current.as_ref().filter(|current| current.is_fresh(now));
        if let Some(known) = known {
            return Ok(Signing { key: Arc::clone(&known.key), not_renewed: None });
        }
        match (self.create().await, current.as_ref()) {
            (Ok(key), _) => {
                let key = Arc::new(key);
                *current = Some(Current { key: Arc::clone(&key), stored_at: now });
                Ok(Signing { key, not_renewed: None })
            }
            (Err(error), Some(old)) => {
                Ok(Signing { key: Arc::clone(&old.key), not_renewed: Some(error) })
            }
            (Err(error), None) => Err(error),
        }
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

impl Current {
    /// A clock that was set back makes the key old.
    fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.stored_at).is_ok_and(|age| age < RENEWED_AFTER)
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

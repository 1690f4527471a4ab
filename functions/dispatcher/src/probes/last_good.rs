//! The probes that run, in the bucket of reports, for an execution environment that starts while a file has an error.
//!
//! One object has the probes of all files. It is written when they change. A probe whose file was removed is not in
//! it, so it does not return.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use domain::Probe;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::chain;
use serde::{Deserialize, Serialize};
use tracing::warn;

/// A line of JSON for the version, and one for each probe file.
const KEY: &str = "probes/last-good.jsonl";
const VERSION: u32 = 1;

/// The function has 128 MB. At some 1,000 bytes for a probe this is far beyond the 3,000 probes of an environment.
const MAX_BYTES: usize = 16_000_000;

/// The lifecycle rule of the bucket deletes objects, after a day at the earliest.
const REWRITTEN_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// Why the probes were not read or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("could not read the last good probes from `s3://{bucket}/{KEY}`")]
    Read { bucket: String, source: Box<SdkError<GetObjectError>> },
    #[error("could not read the last good probes from `s3://{bucket}/{KEY}` to their end")]
    Body { bucket: String, source: ByteStreamError },
    #[error("could not store the last good probes as `s3://{bucket}/{KEY}`")]
    Write { bucket: String, source: Box<SdkError<PutObjectError>> },
    #[error("could not serialize the last good probes")]
    Serialize(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
}

/// What is known about the object.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    hash: u64,
    written_at: Timestamp,
}

impl Stored {
    /// The object is missing or not readable, so it is written at once.
    const NOTHING: Self = Self { hash: 0, written_at: Timestamp::UNIX_EPOCH };

    fn new(text: &str, written_at: Timestamp) -> Self {
        Self { hash: hash(text), written_at }
    }

    pub(super) fn differs(self, text: &str) -> bool {
        self.hash != hash(text)
    }

    pub(super) fn is_old(self, now: Timestamp) -> bool {
        REWRITTEN_AFTER <= now.duration_since(self.written_at)
    }
}

/// The object in S3.
pub(super) struct LastGood {
    s3: S3,
    bucket: String,
}

impl LastGood {
    pub(super) fn new(s3: S3, bucket: String) -> Self {
        Self { s3, bucket }
    }

    /// The stored probes by file; none if there is no object or another version of Vigie wrote it.
    pub(super) async fn read(&self) -> Result<(Vec<(String, Probe)>, Stored), StoreError> {
        let bucket = || self.bucket.clone();
        let object = match self.s3.get_object().bucket(bucket()).key(KEY).send().await {
            Ok(object) => object,
            Err(error) if is_absent(&error) => return Ok((Vec::new(), Stored::NOTHING)),
            Err(source) => {
                return Err(StoreError::Read { bucket: bucket(), source: Box::new(source) });
            }
        };
        let written_at = object.last_modified.map(|at| at.secs());
        let written_at = written_at.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let (mut body, mut bytes) = (object.body, Vec::new());
        while bytes.len() <= MAX_BYTES {
            let piece = body.try_next().await;
            match piece.map_err(|source| StoreError::Body { bucket: bucket(), source })? {
                Some(piece) => bytes.extend_from_slice(&piece),
                None => break,
            }
        }
        let Some((probes, text)) = String::from_utf8(bytes).ok().and_then(parse) else {
            warn!("Stored probes are not readable and are replaced");
            return Ok((Vec::new(), Stored::NOTHING));
        };
        let written_at = written_at.unwrap_or(Timestamp::UNIX_EPOCH);
        Ok((probes, Stored::new(&text, written_at)))
    }

    /// Stores a text of [`text`], or one without probes if it is too large.
    pub(super) async fn write(&self, text: String, now: Timestamp) -> Result<Stored, StoreError> {
        let stored = Stored::new(&text, now);
        let text = if text.len() <= MAX_BYTES {
            text
        } else {
            let bytes = text.len();
            warn!(bytes, "Probes are too large to be stored; a restart loses last good versions");
            self::text(std::iter::empty())?
        };
        let put = self.s3.put_object().bucket(&self.bucket).key(KEY);
        let put = put.content_type("application/jsonl").body(ByteStream::from(text.into_bytes()));
        let failed =
            |source| StoreError::Write { bucket: self.bucket.clone(), source: Box::new(source) };
        put.send().await.map_err(failed)?;
        Ok(stored)
    }
}

/// Without the permission to list the bucket, S3 answers 403 instead; the role has it.
fn is_absent(error: &SdkError<GetObjectError>) -> bool {
    error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
}

/// The content of the object: probes by file.
pub(super) fn text<'a>(
    probes: impl Iterator<Item = (&'a str, &'a Probe)>,
) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(&Header { version: VERSION })?;
    text.push('\n');
    for line in probes {
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// The probes, without those that this version cannot read, and the text itself. `None` for an unknown version.
fn parse(text: String) -> Option<(Vec<(String, Probe)>, String)> {
    let mut lines = text.lines();
    let Header { version } = serde_json::from_str(lines.next()?).ok()?;
    if version != VERSION || MAX_BYTES < text.len() {
        return None;
    }
    let probe = |line: &str| match serde_json::from_str::<(String, Probe)>(line) {
        Ok(probe) => Some(probe),
        Err(error) => {
            warn!(error = chain(&error), "A stored probe is not readable");
            None
        }
    };
    let probes = lines.filter_map(probe).collect();
    Some((probes, text))
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

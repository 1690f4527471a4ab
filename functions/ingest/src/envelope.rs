//! The HTTP request with the records, and the answer that Firehose expects.
//!
//! For Firehose only 200 is success. After 413 it drops the request without a copy, so that status is never
//! used. In the answer `requestId` must equal that of the request and `timestamp` must be an integer.

use std::io::Read as _;

use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlResponse,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use samples::Timestamp;
use samples::message::TooLarge;
use secrets::SecretError;
use serde::{Deserialize, Serialize};

use crate::point::Unreadable;

/// Bytes of a body after decompression, at most. The template sets a buffer of 1 MiB.
const BODY_BYTES: usize = 16 << 20;

/// Records of a request, at most. Source: specification of the HTTP endpoint.
const RECORDS: usize = 10_000;

/// Characters of the message in an answer, at most. Same source.
const MESSAGE_CHARS: usize = 8192;

/// Why a request was rejected. Firehose retries each of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    #[error("the access key is missing or wrong")]
    AccessKey,
    #[error("could not read the access key")]
    NoKey { source: SecretError },
    #[error("the method is {method}; expected POST")]
    Method { method: String },
    #[error("the protocol version is `{version}`; expected `1.0`")]
    Version { version: String },
    #[error("the content encoding is `{encoding}`; expected `gzip` or none")]
    Encoding { encoding: String },
    #[error("the body is not valid in its encoding")]
    Damaged { source: std::io::Error },
    #[error(
        "the body is larger than {BODY_BYTES} bytes\nhint: set the buffer of the delivery stream to 1 MiB"
    )]
    TooLarge,
    #[error("the body is not a request of Firehose")]
    NotFirehose { source: serde_json::Error },
    #[error("the request has {records} records; expected at most {RECORDS}")]
    TooManyRecords { records: usize },
    #[error("record {index} is not base64")]
    RecordEncoding { index: usize, source: base64::DecodeError },
    #[error("record {index} cannot be read")]
    Record {
        index: usize,
        #[source]
        why: Unreadable,
    },
    #[error("could not encode the samples")]
    Message { source: TooLarge },
    #[error("could not queue the samples")]
    Queue { source: sqs_batch::SendError },
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::AccessKey => StatusCode::UNAUTHORIZED,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version { .. }
            | Self::Encoding { .. }
            | Self::Damaged { .. }
            | Self::TooLarge
            | Self::NotFirehose { .. }
            | Self::TooManyRecords { .. }
            | Self::RecordEncoding { .. }
            | Self::Record { .. }
            | Self::Message { .. } => StatusCode::BAD_REQUEST,
            Self::NoKey { .. } | Self::Queue { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The id and the records of a request.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) request_id: String,
    pub(crate) records: Vec<Vec<u8>>,
}

/// Checks the access key.
pub(crate) fn check_access(
    request: &LambdaFunctionUrlRequest,
    access_key: &str,
) -> Result<(), Refusal> {
    let shown = header(&request.headers, "x-amz-firehose-access-key").unwrap_or_default();
    let open = access_key.is_empty();
    if !open && equal(shown.as_bytes(), access_key.as_bytes()) {
        Ok(())
    } else {
        Err(Refusal::AccessKey)
    }
}

/// Compares in a time that depends on the lengths only, not on the first difference.
fn equal(one: &[u8], other: &[u8]) -> bool {
    let pairs = one.iter().zip(other);
    let difference = pairs.fold(0, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}

/// Reads the id and the records of a request.
pub(crate) fn open(request: &LambdaFunctionUrlRequest) -> Result<Envelope, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        #[serde(default)]
        request_id: String,
        #[serde(borrow)]
        records: Vec<Record<'a>>,
    }
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        data: std::borrow::Cow<'a, str>,
    }

    let method = request.request_context.http.method.as_deref().unwrap_or_default();
    if method != "POST" {
        return Err(Refusal::Method { method: start(method) });
    }
    let version = header(&request.headers, "x-amz-firehose-protocol-version").unwrap_or_default();
    if version != "1.0" {
        return Err(Refusal::Version { version: start(version) });
    }
    let body = body(request)?;
    let wire: Wire<'_> =
        serde_json::from_slice(&body).map_err(|source| Refusal::NotFirehose { source })?;
    if RECORDS < wire.records.len() {
        return Err(Refusal::TooManyRecords { records: wire.records.len() });
    }
    let decode = |(index, record): (usize, &Record<'_>)| {
        BASE64_STANDARD
            .decode(record.data.as_bytes())
            .map_err(|source| Refusal::RecordEncoding { index, source })
    };
    let records = wire.records.iter().enumerate().map(decode).collect::<Result<_, _>>()?;
    Ok(Envelope { request_id: wire.request_id, records })
}

/// The body before the compression by Firehose. Lambda encodes a binary body in base64.
fn body(request: &LambdaFunctionUrlRequest) -> Result<Vec<u8>, Refusal> {
    let text = request.body.as_deref().unwrap_or_default();
    let sent = if request.is_base64_encoded {
        let invalid = |source| Refusal::Damaged { source: std::io::Error::other(source) };
        BASE64_STANDARD.decode(text).map_err(invalid)?
    } else {
        text.as_bytes().to_vec()
    };
    let body = match header(&request.headers, header::CONTENT_ENCODING.as_str()) {
        None | Some("" | "identity") => sent,
        Some("gzip") => {
            let mut body = Vec::new();
            // One byte over the limit shows that there is more.
            MultiGzDecoder::new(sent.as_slice())
                .take(BODY_BYTES as u64 + 1)
                .read_to_end(&mut body)
                .map_err(|source| Refusal::Damaged { source })?;
            body
        }
        Some(encoding) => return Err(Refusal::Encoding { encoding: start(encoding) }),
    };
    if BODY_BYTES < body.len() { Err(Refusal::TooLarge) } else { Ok(body) }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The start of a text from outside, for an error.
fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The answer in the form that Firehose requires.
pub(crate) fn answer(
    status: StatusCode,
    request_id: &str,
    now: Timestamp,
    refusal: Option<&Refusal>,
) -> LambdaFunctionUrlResponse {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        request_id: &'a str,
        /// Milliseconds since 1970.
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_message: Option<String>,
    }
    let error_message = refusal.map(|refusal| {
        let message = match refusal {
            // The cause is internal and not shown to the caller.
            Refusal::NoKey { .. } | Refusal::Queue { .. } => {
                "the metrics cannot be accepted now; try again".to_owned()
            }
            other => lambda_kit::chain(other),
        };
        message.chars().take(MESSAGE_CHARS).collect()
    });
    let answer = Answer { request_id, timestamp: now.as_millis(), error_message };
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = i64::from(status.as_u16());
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = serde_json::to_string(&answer).ok();
    response
}

//! The message in the queue of runs: which probes to run and which targets to scrape.
//!
//! The message carries a `version`. A reader accepts the versions it knows and refuses others with
//! their number, so that such a message reaches the dead-letter queue with a reason.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RunId;
use crate::scrape::ScrapeOptions;
use crate::scrape_http::ScrapeHttp;
use crate::{EnvironmentName, LocationName, Probe, ProbeName, Target, wire};

/// The version of [`RunRequest`] that this program writes.
pub const VERSION: u32 = 1;

/// Runs and scrapes that the dispatcher requests from the prober, all due at the same time.
///
/// `P` is [`Probe`] when the message is read; the dispatcher writes borrowed probes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest<P = Probe, T = Target> {
    pub version: u32,
    pub environment: EnvironmentName,
    /// When the runs are due. This time stamps every result.
    pub due: Timestamp,
    /// Where the runs are made; `None` unless the environment has several locations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationName>,
    /// Whether the runs are added to the run history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run<P>>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub scrapes: Vec<ScrapeRequest<T>>,
    /// Mark of a test after a deployment. The prober records in the table that it received the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

/// One execution of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run<P = Probe> {
    pub id: RunId,
    pub probe: P,
}

/// One scrape of a target's metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrapeRequest<T = Target> {
    pub probe: ProbeName,
    pub target: T,
    pub path: String,
    pub job: String,
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
    /// Time limit of the whole HTTP request.
    #[serde(with = "wire::seconds", rename = "timeout_seconds")]
    pub timeout: Duration,
    #[serde(flatten)]
    pub options: ScrapeOptions,
    #[serde(flatten)]
    pub http: ScrapeHttp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The probe is disabled: the target is not scraped, and its series are marked stale.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switched_off: bool,
}

/// Why a message could not be read. A retry would fail in the same way.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the message is not a run request in JSON")]
    Malformed(#[from] serde_json::Error),
    #[error("the run request has version `{found}`; this program reads version {VERSION}")]
    Version { found: u32 },
}

impl RunRequest {
    /// Reads a message from the queue.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_version_is_rejected_with_its_number() {
        let newer = r#"{"version":7,"anything":"else"}"#;
        let refused = RunRequest::read(newer).unwrap_err().to_string();
        assert_eq!(refused, "the run request has version `7`; this program reads version 1");
        assert!(matches!(RunRequest::read("{}"), Err(ReadError::Malformed(_))));
    }
}

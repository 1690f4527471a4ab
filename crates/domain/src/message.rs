//! What travels through the queues. Every message carries a `version`; readers accept the versions
//! they know and refuse another with its number, so that it is dead-lettered with a reason.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RunId;
use crate::{EnvironmentName, Probe, ProbeName, Target, wire};

/// The version of [`Orders`] that this program writes.
pub const VERSION: u32 = 1;

/// Orders from the dispatcher to the prober, all due at one moment.
///
/// `P` is [`Probe`] when read; the dispatcher writes borrowed probes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orders<P = Probe, T = Target> {
    pub version: u32,
    pub environment: EnvironmentName,
    /// When they are due; it stamps whatever comes of them.
    pub due: Timestamp,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run<P>>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub scrapes: Vec<ScrapeOrder<T>>,
}

/// One conversation to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run<P = Probe> {
    pub id: RunId,
    pub probe: P,
}

/// One target whose own metrics are to be fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrapeOrder<T = Target> {
    pub probe: ProbeName,
    pub target: T,
    pub path: String,
    pub job: String,
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
    /// Time for the whole request.
    #[serde(with = "wire::seconds", rename = "timeout_seconds")]
    pub timeout: Duration,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Nothing is to be fetched: the series that the target had are to end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switched_off: bool,
}

/// Why a message is not read. Another attempt would not mend it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the message is not valid JSON for orders")]
    Malformed(#[from] serde_json::Error),
    #[error("the message has version `{found}`; this program reads version {VERSION}")]
    Version { found: u32 },
}

impl Orders {
    /// Reads a message from the queue.
    ///
    /// # Errors
    /// When it is malformed or of a version that is not known.
    pub fn read(body: &str) -> Result<Self, Unreadable> {
        /// The version is looked at first: another one may have another form.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_str(body)?;
        if version == VERSION {
            Ok(serde_json::from_str(body)?)
        } else {
            Err(Unreadable::Version { found: version })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_another_version_is_refused_with_its_number() {
        let newer = r#"{"version":7,"anything":"else"}"#;
        let refused = Orders::read(newer).unwrap_err().to_string();
        assert_eq!(refused, "the message has version `7`; this program reads version 1");
        assert!(matches!(Orders::read("{}"), Err(Unreadable::Malformed(_))));
    }
}

//! The two versions of remote write.

use std::fmt;
use std::str::FromStr;

/// A version of remote write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Every receiver supports it.
    #[default]
    V1,
    /// About half the bytes. Carries metadata, exemplars, start times and native histograms.
    V2,
}

impl Protocol {
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::V1 => "application/x-protobuf",
            Self::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    /// For the header `X-Prometheus-Remote-Write-Version`.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        })
    }
}

/// Neither `1.0` nor `2.0`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a version of remote write; expected `1.0` or `2.0`")]
pub struct UnknownProtocol(String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1.0" => Ok(Self::V1),
            "2.0" => Ok(Self::V2),
            _ => Err(UnknownProtocol(text.to_owned())),
        }
    }
}

//! The id of a run.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, LocationName, ProbeName};

/// The id of a run: 16 hexadecimal digits, the same for every delivery of the same run request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of the run of `probe` in `environment` that is due at `due`.
    #[must_use]
    pub fn of(environment: &EnvironmentName, probe: &ProbeName, due: Timestamp) -> Self {
        Self::at(environment, probe, due, None)
    }

    /// Likewise, for a run at one of several locations. Without a location it is the same as [`RunId::of`].
    #[must_use]
    pub fn at(
        environment: &EnvironmentName,
        probe: &ProbeName,
        due: Timestamp,
        location: Option<&LocationName>,
    ) -> Self {
        let (environment, probe) = (environment.as_str(), probe.as_str());
        let mut text = String::with_capacity(environment.len() + probe.len() + 55);
        // Writing to a string can't fail.
        let _ = write!(text, "{environment}/{probe}/{}", due.as_millisecond());
        if let Some(location) = location {
            let _ = write!(text, "/{location}");
        }
        let hash = stable_hash(&text);
        text.clear();
        let _ = write!(text, "{hash:016x}");
        text.shrink_to_fit();
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

/// 64-bit FNV-1a with a final mix: the same on every machine and in every release, which std's
/// hasher does not guarantee.
#[must_use]
pub fn stable_hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // The finaliser of MurmurHash3: FNV's low bits alone are poorly spread over small moduli.
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_id_is_stable() {
        let (prod, bot) = ("prod".parse().unwrap(), "bot".parse().unwrap());
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let id = RunId::of(&prod, &bot, due);
        assert_eq!(id, RunId::of(&prod, &bot, due));
        assert_eq!(id, RunId::at(&prod, &bot, due, None));
        assert_ne!(id, RunId::at(&prod, &bot, due, Some(&"eu-west-3".parse().unwrap())));
        assert_ne!(id, RunId::of(&"dev".parse().unwrap(), &bot, due));
        assert_ne!(id, RunId::of(&prod, &bot, Timestamp::from_second(1_795_000_060).unwrap()));
    }
}

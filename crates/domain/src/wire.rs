//! How times are written in messages and reports: seconds as a decimal number.
//!
//! Inside the program a time is a `Duration`; here is the one place where it becomes a number.

use std::time::Duration;

/// The longest duration that is read from outside: ten years, far beyond any run.
const LONGEST_SECONDS: f64 = 10.0 * 366.0 * 86_400.0;

fn from_seconds<E: serde::de::Error>(seconds: f64) -> Result<Duration, E> {
    if (0.0..=LONGEST_SECONDS).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(E::custom(format!("`{seconds}` is not a duration in seconds")))
    }
}

/// Microseconds are what a reader can use; the digits after that are rounding errors of the binary fraction.
fn to_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

/// `#[serde(with = "seconds")]` on a `Duration`.
pub mod seconds {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(super::to_seconds(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::from_seconds(f64::deserialize(from)?)
    }
}

/// `#[serde(with = "optional_seconds")]` on an `Option<Duration>`; `None` is `null` or left out.
pub mod optional_seconds {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => to.serialize_some(&super::to_seconds(*duration)),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Option::<f64>::deserialize(from)?.map(super::from_seconds).transpose()
    }
}

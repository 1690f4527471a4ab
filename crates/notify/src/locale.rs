//! Language and time zone of the notifications.

use jiff::tz::TimeZone;

/// The language of the notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    French,
}

impl std::str::FromStr for Language {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        match code {
            "en" => Ok(Self::English),
            "fr" => Ok(Self::French),
            _ => Err(()),
        }
    }
}

/// The team's time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The IANA name, such as `Europe/Paris`.
    pub name: String,
    pub rules: TimeZone,
}

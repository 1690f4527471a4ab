//! Names that are part of alarms, metrics, queues and object keys, so that all have the same allowed characters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name; expected 1 to {longest} of a-z, 0-9 and -, beginning and ending with a letter or digit"
)]
pub struct InvalidName {
    text: String,
    longest: usize,
}

fn checked(text: &str, longest: usize) -> Result<String, InvalidName> {
    let alphabet = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = (1..=longest).contains(&text.len())
        && text.bytes().all(alphabet)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if valid {
        Ok(text.to_owned())
    } else {
        let shown = text.chars().take(80).collect();
        Err(InvalidName { text: shown, longest })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest name, in characters.
            pub const LONGEST: usize = $longest;

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                checked(text, $longest).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a probe: names its metrics, alarms and reports.
    ///
    /// At most 63 characters, so that `vigie-ENV-PROBE-degraded` stays far below CloudWatch's 255.
    ProbeName,
    63
);
name!(
    /// The name of an environment: `local`, `dev`, `staging`, `prod`, or the operator's own.
    ///
    /// At most 20 characters: it is part of function, topic and queue names, the shortest of which
    /// (64 characters) is Lambda's.
    EnvironmentName,
    20
);
name!(
    /// The name of a location: an AWS region, or a name that the operator chose, such as `office`.
    ///
    /// At most 30 characters, so that `vigie-ENV-PROBE-down-from-LOCATION` stays below CloudWatch's 255.
    LocationName,
    30
);

impl LocationName {
    /// Whether this is the name of an AWS region, such as `eu-west-3` or `us-gov-east-1`.
    #[must_use]
    pub fn is_region(&self) -> bool {
        let words: Vec<&str> = self.0.split('-').collect();
        let [area, middle @ .., number] = &words[..] else { return false };
        let letters =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        area.len() == 2
            && !middle.is_empty()
            && letters(area)
            && middle.iter().all(|word| letters(word))
            && matches!(number.as_bytes(), [b'1'..=b'9'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_only_the_allowed_characters() {
        for good in ["a", "support-bot", "bot2", "0"] {
            assert_eq!(good.parse::<ProbeName>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "a-", "Bot", "a b", "bot_2", "é", &"x".repeat(64)] {
            let refused = bad.parse::<ProbeName>().unwrap_err().to_string();
            assert!(refused.contains("expected 1 to 63 of a-z, 0-9 and -"), "{refused}");
        }
    }

    #[test]
    fn region_differs_from_a_chosen_location() {
        for region in ["eu-west-3", "ap-southeast-2", "us-gov-east-1", "us-iso-west-1"] {
            assert!(region.parse::<LocationName>().unwrap().is_region(), "{region}");
        }
        for chosen in ["office", "paris-2", "eu-west", "eu-west-3a", "lab-a-1", "eu-3"] {
            assert!(!chosen.parse::<LocationName>().unwrap().is_region(), "{chosen}");
        }
    }

    #[test]
    fn deserialized_name_is_validated() {
        assert!(serde_json::from_str::<ProbeName>(r#""ok-1""#).is_ok());
        assert!(serde_json::from_str::<ProbeName>(r#""no/slash""#).is_err());
    }
}

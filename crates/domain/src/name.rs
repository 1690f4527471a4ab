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
    fn deserialized_name_is_validated() {
        assert!(serde_json::from_str::<ProbeName>(r#""ok-1""#).is_ok());
        assert!(serde_json::from_str::<ProbeName>(r#""no/slash""#).is_err());
    }
}

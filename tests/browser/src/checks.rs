//! The checks of a probe, on an answer as it is on the page.
//!
//! Deliberately not the code under test, and only the checks that the probes of this package use.

use regex::Regex;
use serde::Deserialize;

use crate::normalise::{collapse, is_blank};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    Contains(String),
    NotContains(String),
    Equals(String),
    Matches(String),
    NotMatches(String),
    MinLength(usize),
    /// Whether an image is part of the reply: `has: image`.
    Has(String),
}

impl Check {
    /// Why the answer fails the check; `None` when it passes.
    pub(crate) fn failure(&self, answer: &str, images: u64) -> Option<String> {
        let text = collapse(answer);
        let matches = |pattern: &str| Regex::new(pattern).is_ok_and(|regex| regex.is_match(&text));
        let passes = match self {
            Self::Contains(part) => text.contains(&collapse(part)),
            Self::NotContains(part) => !text.contains(&collapse(part)),
            Self::Equals(whole) => text == collapse(whole),
            Self::Matches(pattern) => matches(pattern),
            Self::NotMatches(pattern) => !matches(pattern),
            Self::MinLength(length) => text.chars().count() >= *length && !is_blank(&text),
            Self::Has(kind) => kind == "image" && images > 0,
        };
        (!passes).then(|| format!("{self:?} failed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_pass_and_fail() {
        let passes = |check: Check, answer: &str| check.failure(answer, 0).is_none();
        let rows = [
            (Check::Contains("my name".into()), "It’s my  name", true),
            (Check::Contains("I'm".into()), "I’m", true),
            (Check::NotContains("error".into()), "error", false),
            (Check::Equals("a b".into()), " a\nb ", true),
            (Check::Matches("^a.c$".into()), "abc", true),
            (Check::NotMatches("b".into()), "abc", false),
            (Check::MinLength(1), "\u{200b}", false),
            (Check::MinLength(2), "é", false),
        ];
        for (check, answer, expected) in rows {
            assert_eq!(passes(check.clone(), answer), expected, "{check:?} on {answer:?}");
        }
    }
}

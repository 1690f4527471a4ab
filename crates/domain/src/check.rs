//! What a reply is held to. How a check is carried out is the business of `conversation`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Template;

/// One requirement on a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    #[serde(flatten)]
    pub requirement: Requirement,
    /// Compare without regard to case (Unicode lower case).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_case: bool,
}

/// What a [`Check`] requires. Lengths are Unicode scalar values, text is NFC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    Contains(Template),
    NotContains(Template),
    /// Both sides trimmed.
    Equals(Template),
    /// A regex of the `regex` crate, unanchored; what is filled in is escaped.
    Matches(Template),
    NotMatches(Template),
    MinLength(usize),
    MaxLength(usize),
    /// An ISO 639-1 code, as found by whatlang; a text under 20 letters is undecidable and fails.
    Language(String),
    /// Normalised Levenshtein similarity, 0 to 1; texts over 4,096 characters are refused.
    SimilarTo {
        text: Template,
        at_least: f64,
    },
    /// A path of RFC 9535 into a reply that is JSON; true if any node matches.
    Json {
        path: String,
        #[serde(flatten)]
        test: JsonTest,
    },
}

impl Check {
    /// Whether, having passed on an empty reply, it says that an empty reply is what is expected.
    #[must_use]
    pub fn is_of_silence(&self) -> bool {
        matches!(self.requirement, Requirement::Equals(_) | Requirement::MaxLength(0))
    }
}

/// What a node found by a JSON path must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonTest {
    Equals(serde_json::Value),
    /// A regex on a node that is a string, or on the JSON text of another.
    Matches(String),
    /// Whether any node is there.
    Exists(bool),
}

impl Requirement {
    /// The same requirement with `change` applied to each of its templates.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn map_templates<E>(
        &self,
        mut change: impl FnMut(&Template) -> Result<Template, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::Contains(text) => Self::Contains(change(text)?),
            Self::NotContains(text) => Self::NotContains(change(text)?),
            Self::Equals(text) => Self::Equals(change(text)?),
            Self::Matches(regex) => Self::Matches(change(regex)?),
            Self::NotMatches(regex) => Self::NotMatches(change(regex)?),
            Self::SimilarTo { text, at_least } => {
                Self::SimilarTo { text: change(text)?, at_least: *at_least }
            }
            Self::MinLength(_) | Self::MaxLength(_) | Self::Language(_) | Self::Json { .. } => {
                self.clone()
            }
        })
    }

    /// The key in the probe file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Contains(_) => "contains",
            Self::NotContains(_) => "not_contains",
            Self::Equals(_) => "equals",
            Self::Matches(_) => "matches",
            Self::NotMatches(_) => "not_matches",
            Self::MinLength(_) => "min_length",
            Self::MaxLength(_) => "max_length",
            Self::Language(_) => "language",
            Self::SimilarTo { .. } => "similar_to",
            Self::Json { .. } => "json",
        }
    }
}

/// As a person would write it in one line: `contains "Ada"`.
impl fmt::Display for Check {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.requirement.name();
        match &self.requirement {
            Requirement::Contains(text)
            | Requirement::NotContains(text)
            | Requirement::Equals(text)
            | Requirement::Matches(text)
            | Requirement::NotMatches(text) => write!(to, "{name} \"{text}\"")?,
            Requirement::MinLength(length) | Requirement::MaxLength(length) => {
                write!(to, "{name} {length}")?;
            }
            Requirement::Language(code) => write!(to, "{name} {code}")?,
            Requirement::SimilarTo { text, at_least } => {
                write!(to, "{name} \"{text}\" at least {at_least}")?;
            }
            Requirement::Json { path, test } => match test {
                JsonTest::Equals(value) => write!(to, "{name} {path} equals {value}")?,
                JsonTest::Matches(regex) => write!(to, "{name} {path} matches \"{regex}\"")?,
                JsonTest::Exists(true) => write!(to, "{name} {path} exists")?,
                JsonTest::Exists(false) => write!(to, "{name} {path} does not exist")?,
            },
        }
        if self.ignore_case { to.write_str(" (ignoring case)") } else { Ok(()) }
    }
}

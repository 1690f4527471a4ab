//! What a reply must satisfy. The crate `conversation` carries the checks out.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Template;

/// One requirement on a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    #[serde(flatten)]
    pub requirement: Requirement,
    /// Compare without regard to case (Unicode lower case).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_case: bool,
    /// Compare every character. Otherwise typographic variants of quotes, spaces and dashes are equal,
    /// and invisible characters and Markdown emphasis are ignored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
}

/// What a [`Check`] requires. Lengths are Unicode scalar values. Text is compared in the form NFC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    Contains(Template),
    NotContains(Template),
    /// Both sides trimmed.
    Equals(Template),
    /// A regex of the crate `regex`, unanchored. Values of template variables are escaped.
    Matches(Template),
    NotMatches(Template),
    /// White space at the ends and invisible characters do not count.
    MinLength(usize),
    MaxLength(usize),
    /// An ISO 639-1 code. Fails only if the reply is certainly in another language.
    Language(String),
    /// Normalised Levenshtein similarity, 0 to 1. Fails for a reply of more than 4,096 characters.
    SimilarTo {
        text: Template,
        at_least: f64,
    },
    /// A path of RFC 9535 in the JSON of the reply. Passes if any node passes.
    Json {
        path: Template,
        #[serde(flatten)]
        test: JsonTest,
    },
    /// A JSON Schema for the JSON of the reply; see [`crate::json_schema`].
    JsonSchema(Value),
    /// Passes if one of the checks passes.
    AnyOf(Vec<Check>),
    /// The reply has a tool or thinking block with this title and this text.
    ToolCalled(ToolCalled),
    /// The reply has a part that is not text.
    Has(PartKind),
    /// The app showed no error or warning message (a toast) during the turn.
    NoErrorToast {},
}

/// Which tool or thinking block a reply must have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolCalled {
    /// Text in the title of the block. The case does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Template>,
    /// A regex for the title or the text of the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<Template>,
}

/// A kind of content that is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    Image,
    /// Any file, an image included.
    File,
    Html,
}

impl PartKind {
    pub const ALL: [Self; 3] = [Self::Image, Self::File, Self::Html];

    /// The word in the probe file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::File => "file",
            Self::Html => "html",
        }
    }
}

/// How the text of a template is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateUse {
    Text,
    /// Values of variables must be escaped.
    Regex,
}

impl Check {
    /// Whether the check, after it passed on an empty reply, expects an empty reply.
    #[must_use]
    pub fn expects_silence(&self) -> bool {
        match &self.requirement {
            Requirement::Equals(_) | Requirement::MaxLength(0) => true,
            Requirement::AnyOf(checks) => checks.iter().any(Self::expects_silence),
            _ => false,
        }
    }

    /// The same check with `change` applied to each of its templates.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn map_templates<E>(
        &self,
        change: &mut dyn FnMut(&Template, TemplateUse) -> Result<Template, E>,
    ) -> Result<Self, E> {
        let requirement = self.requirement.map_templates(change)?;
        Ok(Self { requirement, ignore_case: self.ignore_case, exact: self.exact })
    }
}

/// What a node found by a JSON path must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonTest {
    /// Texts in the value are templates.
    Equals(Value),
    /// A regex for a node that is a text, or for the JSON text of another node.
    Matches(Template),
    /// Whether there is any node.
    Exists(bool),
}

impl Requirement {
    fn map_templates<E>(
        &self,
        change: &mut dyn FnMut(&Template, TemplateUse) -> Result<Template, E>,
    ) -> Result<Self, E> {
        let mut text = |template: &Template| change(template, TemplateUse::Text);
        Ok(match self {
            Self::Contains(template) => Self::Contains(text(template)?),
            Self::NotContains(template) => Self::NotContains(text(template)?),
            Self::Equals(template) => Self::Equals(text(template)?),
            Self::Matches(regex) => Self::Matches(change(regex, TemplateUse::Regex)?),
            Self::NotMatches(regex) => Self::NotMatches(change(regex, TemplateUse::Regex)?),
            Self::SimilarTo { text: template, at_least } => {
                Self::SimilarTo { text: text(template)?, at_least: *at_least }
            }
            Self::Json { path, test } => {
                let path = text(path)?;
                let test = match test {
                    JsonTest::Equals(value) => JsonTest::Equals(map_texts(value, &mut text)?),
                    JsonTest::Matches(regex) => {
                        JsonTest::Matches(change(regex, TemplateUse::Regex)?)
                    }
                    JsonTest::Exists(_) => test.clone(),
                };
                Self::Json { path, test }
            }
            Self::AnyOf(checks) => {
                let changed = checks.iter().map(|check| check.map_templates(change));
                Self::AnyOf(changed.collect::<Result<_, _>>()?)
            }
            Self::ToolCalled(ToolCalled { name, matches }) => {
                let name = name.as_ref().map(text).transpose()?;
                let matches =
                    matches.as_ref().map(|regex| change(regex, TemplateUse::Regex)).transpose()?;
                Self::ToolCalled(ToolCalled { name, matches })
            }
            Self::MinLength(_)
            | Self::MaxLength(_)
            | Self::Language(_)
            | Self::JsonSchema(_)
            | Self::Has(_)
            | Self::NoErrorToast {} => self.clone(),
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
            Self::JsonSchema(_) => "json_schema",
            Self::AnyOf(_) => "any_of",
            Self::ToolCalled(_) => "tool_called",
            Self::Has(_) => "has",
            Self::NoErrorToast {} => "no_error_toast",
        }
    }
}

/// The value with every text in it read as a template, changed, and written again.
fn map_texts<E>(
    value: &Value,
    change: &mut dyn FnMut(&Template) -> Result<Template, E>,
) -> Result<Value, E> {
    Ok(match value {
        Value::String(text) => match text.parse::<Template>() {
            Ok(template) => Value::String(change(&template)?.to_string()),
            Err(_) => value.clone(),
        },
        Value::Array(items) => Value::Array(
            items.iter().map(|item| map_texts(item, change)).collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => {
            let field =
                |(name, field): (&String, &Value)| Ok((name.clone(), map_texts(field, change)?));
            Value::Object(fields.iter().map(field).collect::<Result<_, E>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// On one line: `contains "Ada"`.
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
            Requirement::JsonSchema(_) | Requirement::NoErrorToast {} => to.write_str(name)?,
            Requirement::AnyOf(checks) => {
                write!(to, "{name}: ")?;
                for (index, check) in checks.iter().enumerate() {
                    write!(to, "{}{check}", if index == 0 { "" } else { ", or " })?;
                }
            }
            Requirement::ToolCalled(ToolCalled { name: tool, matches }) => {
                to.write_str(name)?;
                if let Some(tool) = tool {
                    write!(to, " \"{tool}\"")?;
                }
                if let Some(regex) = matches {
                    write!(to, " matches \"{regex}\"")?;
                }
            }
            Requirement::Has(kind) => write!(to, "{name} {}", kind.as_str())?,
        }
        match (self.ignore_case, self.exact) {
            (true, true) => to.write_str(" (ignoring case, exact)"),
            (true, false) => to.write_str(" (ignoring case)"),
            (false, true) => to.write_str(" (exact)"),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(check: Value) -> Check {
        serde_json::from_value(check).unwrap()
    }

    #[test]
    fn check_serializes_to_the_json_it_was_read_from() {
        for (check, shown) in [
            (json!({ "contains": "a", "exact": true }), "contains \"a\" (exact)"),
            (json!({ "json": { "path": "$.a", "equals": 1 } }), "json $.a equals 1"),
            (json!({ "json_schema": { "type": "object" } }), "json_schema"),
            (
                json!({ "any_of": [{ "contains": "yes" }, { "contains": "oui", "ignore_case": true }] }),
                "any_of: contains \"yes\", or contains \"oui\" (ignoring case)",
            ),
            (
                json!({ "tool_called": { "name": "search", "matches": "Ada" } }),
                "tool_called \"search\" matches \"Ada\"",
            ),
            (json!({ "has": "image" }), "has image"),
            (json!({ "no_error_toast": {} }), "no_error_toast"),
        ] {
            let read = read(check.clone());
            assert_eq!(read.to_string(), shown);
            assert_eq!(serde_json::to_value(&read).unwrap(), check);
        }
    }

    #[test]
    fn templates_are_filled_at_every_depth() {
        let check = read(json!({ "any_of": [
            { "json": { "path": "$.${key}", "equals": { "name": ["${key}"] } } },
            { "tool_called": { "matches": "${key}" } },
        ]}));
        let mut uses = Vec::new();
        let filled = check.map_templates(&mut |_, used| {
            uses.push(used);
            Ok::<_, std::convert::Infallible>(Template::literal("x"))
        });
        let Ok(filled) = filled;
        assert!(!filled.to_string().contains('$'), "{filled}");
        assert_eq!(uses, [TemplateUse::Text, TemplateUse::Text, TemplateUse::Regex]);
    }
}

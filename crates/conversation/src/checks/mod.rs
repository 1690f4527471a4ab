//! Checks a reply.
//!
//! Text is compared in the form NFC, so that a combining accent is equal to one that is part of its
//! letter. Unless a check is `exact`, typographic variants are equal too. What a
//! check found is kept short: it is shown in notifications.

mod fold;
mod json;
mod language;
mod pattern;

use std::borrow::Cow;

use domain::check::{Check, JsonTest, PartKind, Requirement, ToolCalled};
use domain::report::CheckReport;
use domain::{Template, json_schema};
use gradio::{Part, Thought, Toast, visible_text};
use redact::is_invisible;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json_path::JsonPath;
use unicode_normalization::UnicodeNormalization;

use fold::{difference, fold};
use json::{NoJson, find_json};
use language::{Decision, decide};
use pattern::fold_pattern;

/// Texts longer than this are not compared for similarity: the time grows with the product of both.
pub const LONGEST_SIMILAR: usize = 4_096;

/// Most characters of a reply that a finding shows.
const SHOWN: usize = 200;

/// A check that cannot be carried out: a fault of the probe, not of the target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenCheck {
    #[error("`{place}` in a check has no value")]
    Unfilled { place: String },
    #[error("the regex `{regex}` is not valid: {reason}")]
    Regex { regex: String, reason: String },
    #[error("the JSON path `{path}` is not valid: {reason}")]
    Path { path: String, reason: String },
    #[error("the content of the file `{name}` is not valid Base64")]
    File { name: String, source: base64::DecodeError },
}

/// A reply as checks see it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    pub text: &'a str,
    pub tools: &'a [Thought],
    pub parts: &'a [Part],
    pub toasts: &'a [Toast],
    /// Values of template variables, which say nothing about the language of the reply.
    pub variables: &'a [&'a str],
}

/// Carries out one check. Its templates must be filled in.
///
/// # Errors
/// If the check is broken. A reply that does not pass is a report, not an error.
pub fn carry_out(check: &Check, answer: &Answer<'_>) -> Result<CheckReport, BrokenCheck> {
    let text: String = answer.text.nfc().collect();
    let finding = Comparison { check, answer, reply: &text }.finding()?;
    Ok(CheckReport {
        expected: check.to_string(),
        passed: !matches!(finding, Finding::Failed(_)),
        found: match finding {
            Finding::Passed => String::new(),
            Finding::Undecided(found) | Finding::Failed(found) => found,
        },
    })
}

/// The result of a check.
enum Finding {
    Passed,
    /// The check does not fail, and the report shows why it could not decide.
    Undecided(String),
    Failed(String),
}

impl Finding {
    fn passed_if(passed: bool, found: impl FnOnce() -> String) -> Self {
        if passed { Self::Passed } else { Self::Failed(found()) }
    }

    fn failed_if(found: Option<String>) -> Self {
        found.map_or(Self::Passed, Self::Failed)
    }
}

struct Comparison<'a> {
    check: &'a Check,
    answer: &'a Answer<'a>,
    /// In the form NFC.
    reply: &'a str,
}

impl Comparison<'_> {
    fn finding(&self) -> Result<Finding, BrokenCheck> {
        let reply = self.reply;
        Ok(match &self.check.requirement {
            Requirement::Contains(text) => {
                let text = filled(text)?;
                let found = self.forms(reply, &text).any(|(reply, text)| reply.contains(&*text));
                Finding::passed_if(found, || self.mismatch(&text))
            }
            Requirement::NotContains(text) => {
                let text = filled(text)?;
                let found = self.forms(reply, &text).any(|(reply, text)| reply.contains(&*text));
                Finding::passed_if(!found, || format!("it contains \"{}\"", cut(&text)))
            }
            Requirement::Equals(text) => {
                let text = filled(text)?;
                let equal =
                    self.forms(reply, &text).any(|(reply, text)| reply.trim() == text.trim());
                Finding::passed_if(equal, || self.mismatch(&text))
            }
            Requirement::Matches(pattern) => {
                let found = self.search(reply, &filled_regex(pattern)?)?;
                Finding::passed_if(found.is_some(), || shown(reply))
            }
            Requirement::NotMatches(pattern) => {
                let found = self.search(reply, &filled_regex(pattern)?)?;
                Finding::failed_if(found.map(|found| format!("it matches at \"{}\"", cut(&found))))
            }
            Requirement::MinLength(least) => length(reply, |length| *least <= length),
            Requirement::MaxLength(most) => length(reply, |length| length <= *most),
            Requirement::Language(code) => self.language(code),
            Requirement::SimilarTo { text, at_least } => self.similar(&filled(text)?, *at_least),
            Requirement::Json { path, test } => self.json(path, test)?,
            Requirement::JsonSchema(schema) => match find_json(reply) {
                Ok(value) => Finding::failed_if(
                    json_schema::mismatch(schema, &value).map(|found| cut(&found).into_owned()),
                ),
                Err(missing) => no_json(missing, reply),
            },
            Requirement::AnyOf(checks) => self.any_of(checks)?,
            Requirement::ToolCalled(tool) => self.tool_called(tool)?,
            Requirement::Has(kind) => self.has(*kind),
            Requirement::NoErrorToast {} => self.no_error_toast(),
        })
    }

    /// Both texts in the forms in which they may be equal: as they are, without typographic variants,
    /// and the reply as a page shows it.
    fn forms<'t>(
        &self,
        reply: &'t str,
        text: &'t str,
    ) -> impl Iterator<Item = (Cow<'t, str>, Cow<'t, str>)> {
        let folded = (!self.check.exact).then(|| {
            let rendered = fold(&visible_text(reply));
            let (reply, text) = (fold(reply), fold(text));
            [
                (Cow::Owned(reply), Cow::Owned(text.clone())),
                (Cow::Owned(rendered), Cow::Owned(text)),
            ]
        });
        let folded = folded.into_iter().flatten();
        let ignore_case = self.check.ignore_case;
        std::iter::once((Cow::Borrowed(reply), Cow::Borrowed(text))).chain(folded).map(
            move |(reply, text)| {
                if ignore_case {
                    (Cow::Owned(reply.to_lowercase()), Cow::Owned(text.to_lowercase()))
                } else {
                    (reply, text)
                }
            },
        )
    }

    /// The part of a text in which a regex is found.
    fn search(&self, text: &str, pattern: &str) -> Result<Option<String>, BrokenCheck> {
        if let Some(found) = compile(pattern, self.check.ignore_case)?.find(text) {
            return Ok(Some(found.as_str().to_owned()));
        }
        if self.check.exact {
            return Ok(None);
        }
        let Some(regex) = folded_regex(pattern, self.check.ignore_case) else { return Ok(None) };
        let find = |text: &str| regex.find(text).map(|found| found.as_str().to_owned());
        Ok(find(&fold(text)).or_else(|| find(&fold(&visible_text(text)))))
    }

    /// The reply, and the character that differs if there is only a small difference.
    fn mismatch(&self, text: &str) -> String {
        let shown = shown(self.reply);
        match difference(self.reply, text, self.check.exact) {
            Some(difference) => format!("{shown}, with {difference}"),
            None => shown,
        }
    }

    fn language(&self, code: &str) -> Finding {
        match decide(self.reply, code, self.answer.variables) {
            Decision::Expected => Finding::Passed,
            Decision::Undecided => Finding::Undecided("language undecided".to_owned()),
            Decision::Other(found) => {
                Finding::Failed(format!("language {found}: {}", shown(self.reply)))
            }
        }
    }

    fn similar(&self, text: &str, at_least: f64) -> Finding {
        if self.reply.chars().count() > LONGEST_SIMILAR {
            return Finding::Failed(format!(
                "a reply of over {LONGEST_SIMILAR} characters, which is not compared"
            ));
        }
        let similarity = self
            .forms(self.reply, text)
            .map(|(reply, text)| strsim::normalized_levenshtein(&reply, &text))
            .fold(0.0, f64::max);
        Finding::passed_if(similarity >= at_least, || {
            format!("similarity {similarity:.2}: {}", shown(self.reply))
        })
    }

    fn json(&self, path: &Template, test: &JsonTest) -> Result<Finding, BrokenCheck> {
        let path = filled(path)?;
        let parsed = JsonPath::parse(&path)
            .map_err(|error| BrokenCheck::Path { path: path.clone(), reason: error.to_string() })?;
        let pattern = match test {
            JsonTest::Matches(pattern) => Some(filled_regex(pattern)?),
            JsonTest::Equals(_) | JsonTest::Exists(_) => None,
        };
        let expected = match test {
            JsonTest::Equals(value) => Some(filled_value(value)?),
            JsonTest::Matches(_) | JsonTest::Exists(_) => None,
        };
        let value = match find_json(self.reply) {
            Ok(value) => value,
            Err(missing) => return Ok(no_json(missing, self.reply)),
        };
        let nodes = parsed.query(&value).all();
        let mut passes = false;
        if let JsonTest::Exists(expected) = test {
            passes = nodes.is_empty() != *expected;
        }
        for node in &nodes {
            passes |= expected.as_ref().is_some_and(|expected| self.same(node, expected));
            if let Some(pattern) = &pattern {
                passes |= self.search(&plain(node), pattern)?.is_some();
            }
        }
        Ok(match nodes.first() {
            _ if passes => Finding::Passed,
            None => Finding::Failed(format!("nothing at {path}")),
            Some(node) => Finding::Failed(format!("{path} is {}", cut(&node.to_string()))),
        })
    }

    fn same(&self, node: &Value, expected: &Value) -> bool {
        match (node, expected) {
            (Value::String(node), Value::String(expected)) => {
                self.forms(node, expected).any(|(node, expected)| node == expected)
            }
            // 1 and 1.0 are the same number.
            (Value::Number(node), Value::Number(expected)) => {
                node == expected || node.as_f64() == expected.as_f64()
            }
            _ => node == expected,
        }
    }

    /// The checks of an `any_of` inherit `ignore_case` and `exact`.
    fn any_of(&self, checks: &[Check]) -> Result<Finding, BrokenCheck> {
        let mut findings = Vec::with_capacity(checks.len());
        let mut undecided = None;
        for check in checks {
            let check = Check {
                requirement: check.requirement.clone(),
                ignore_case: check.ignore_case || self.check.ignore_case,
                exact: check.exact || self.check.exact,
            };
            match (Comparison { check: &check, ..*self }).finding()? {
                Finding::Passed => return Ok(Finding::Passed),
                Finding::Undecided(found) => undecided = Some(found),
                Finding::Failed(found) => {
                    if !findings.contains(&found) {
                        findings.push(found);
                    }
                }
            }
        }
        Ok(match undecided {
            Some(found) => Finding::Undecided(found),
            None => Finding::Failed(findings.join("; ")),
        })
    }

    fn tool_called(&self, tool: &ToolCalled) -> Result<Finding, BrokenCheck> {
        let name = tool.name.as_ref().map(filled).transpose()?;
        let pattern = tool.matches.as_ref().map(filled_regex).transpose()?;
        for block in self.answer.tools {
            let title: String = block.title.nfc().collect();
            let is_named = name.as_ref().is_none_or(|name| {
                fold(&title).to_lowercase().contains(&fold(name).to_lowercase())
            });
            let is_match = match &pattern {
                None => true,
                Some(pattern) => {
                    self.search(&title, pattern)?.is_some()
                        || self.search(&block.text, pattern)?.is_some()
                }
            };
            if is_named && is_match {
                return Ok(Finding::Passed);
            }
        }
        let titles = self.answer.tools.iter().map(|block| format!("\"{}\"", cut(&block.title)));
        let titles: Vec<String> = titles.collect();
        Ok(Finding::Failed(if titles.is_empty() {
            "no tool or thinking block".to_owned()
        } else {
            format!("the blocks {}", cut(&titles.join(", ")))
        }))
    }

    fn no_error_toast(&self) -> Finding {
        let mut toasts = self.answer.toasts.iter();
        let found = toasts.find(|toast| matches!(toast.level.as_str(), "error" | "warning"));
        Finding::failed_if(found.map(|toast| {
            let text = if toast.text.is_empty() { &toast.title } else { &toast.text };
            format!("{} toast \"{}\"", toast.level, cut(text))
        }))
    }

    fn has(&self, kind: PartKind) -> Finding {
        let is_kind = |part: &Part| match kind {
            PartKind::Image => is_image(part),
            PartKind::Html => part.kind == "html",
            PartKind::File => is_file(part) || is_image(part),
        };
        let parts = self.answer.parts;
        Finding::passed_if(parts.iter().any(is_kind), || {
            let kinds: Vec<&str> = parts.iter().map(|part| part.kind.as_str()).collect();
            if kinds.is_empty() {
                "only text".to_owned()
            } else {
                cut(&kinds.join(", ")).into_owned()
            }
        })
    }
}

fn is_file(part: &Part) -> bool {
    matches!(part.kind.as_str(), "file" | "audio" | "video" | "model3d")
}

fn is_image(part: &Part) -> bool {
    const SUFFIXES: [&str; 8] = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp", ".avif"];
    let name = part.name.as_deref().unwrap_or_default().to_lowercase();
    matches!(part.kind.as_str(), "image" | "gallery" | "plot")
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// A regex for folded texts. `None` if the folded pattern is not valid, such as too large.
fn folded_regex(pattern: &str, ignore_case: bool) -> Option<Regex> {
    compile(&fold_pattern(pattern)?, ignore_case).ok()
}

/// The part of a reply that a `save` names: its first group, or all that matches. Typographic variants
/// are equal, as in a check.
pub(crate) fn find_part(pattern: &str, reply: &str) -> Result<Option<String>, BrokenCheck> {
    let find = |regex: &Regex, text: &str| {
        let groups = regex.captures(text)?;
        let part = groups.get(1).or(groups.get(0))?.as_str();
        (!redact::is_blank(part)).then(|| part.to_owned())
    };
    if let Some(part) = find(&compile(pattern, false)?, reply) {
        return Ok(Some(part));
    }
    let Some(regex) = folded_regex(pattern, false) else { return Ok(None) };
    Ok(find(&regex, &fold(reply)).or_else(|| find(&regex, &fold(&visible_text(reply)))))
}

/// Compiles the pattern of a check or a `save`.
fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, BrokenCheck> {
    RegexBuilder::new(pattern).case_insensitive(ignore_case).build().map_err(|error| {
        BrokenCheck::Regex {
            regex: cut(pattern).into_owned(),
            // The message of the crate is a drawing; its last line is the reason.
            reason: error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned(),
        }
    })
}

fn filled(template: &Template) -> Result<String, BrokenCheck> {
    Ok(filled_regex(template)?.nfc().collect())
}

/// The text of a regex is taken as it is.
fn filled_regex(template: &Template) -> Result<String, BrokenCheck> {
    template.text().map_err(|part| BrokenCheck::Unfilled { place: part.to_string() })
}

/// A value in which every text is a template.
fn filled_value(value: &Value) -> Result<Value, BrokenCheck> {
    Ok(match value {
        Value::String(text) => match text.parse::<Template>() {
            Ok(template) => Value::String(filled(&template)?),
            Err(_) => value.clone(),
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(filled_value).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let field = |(name, field): (&String, &Value)| Ok((name.clone(), filled_value(field)?));
            Value::Object(fields.iter().map(field).collect::<Result<_, BrokenCheck>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// Characters that a reader sees, with the spaces between them.
fn length(reply: &str, holds: impl Fn(usize) -> bool) -> Finding {
    let visible = reply.trim_matches(is_invisible).chars();
    let length =
        visible.filter(|character| !redact::is_hidden(*character) || *character == '\n').count();
    Finding::passed_if(holds(length), || format!("{length} characters"))
}

fn no_json(missing: NoJson, reply: &str) -> Finding {
    Finding::Failed(match missing {
        NoJson::None => format!("no JSON: {}", shown(reply)),
        NoJson::Several => format!("several JSON values: {}", shown(reply)),
    })
}

fn plain(node: &Value) -> Cow<'_, str> {
    match node {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

pub(crate) fn shown(reply: &str) -> String {
    if redact::is_blank(reply) {
        "an empty reply".to_owned()
    } else {
        format!("\"{}\"", cut(reply))
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;

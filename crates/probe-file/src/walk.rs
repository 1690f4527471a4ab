//! Second pass: helpers that read the tree and note every mistake.

use std::ops::RangeInclusive;
use std::time::Duration;

use domain::Template;
use domain::template::{InvalidTemplate, Part};
use regex::Regex;

use crate::diagnostic::Diagnostic;
use crate::keys::{ALL, Keys, PROBE};
use crate::node::{Key, Node, Place, Value};
use crate::tags::{is_unknown_tag, tag_before};
use crate::units;
use crate::yaml_error;

/// Reads the tree and collects the mistakes.
pub(crate) struct Walk<'a> {
    source: &'a str,
    pub(crate) mistakes: Vec<Diagnostic>,
}

/// The entries of a mapping whose keys are known.
pub(crate) struct Fields<'n> {
    entries: Vec<(&'n Key, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, value)| value)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<(&'n Key, &'n Node)> {
        self.entries.iter().copied().find(|(key, _)| key.text == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'n Key, &'n Node)> + '_ {
        self.entries.iter().copied()
    }
}

/// The variables that a template may use.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'w> {
    /// `${lower_case}` variables that have a value.
    pub(crate) words: &'w [&'w str],
    /// Whether secrets are allowed.
    pub(crate) secrets: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Self { source, mistakes: Vec::new() }
    }

    /// The text of the file at a place.
    pub(crate) fn at(&self, place: &Place) -> &'a str {
        self.source.get(place.clone()).unwrap_or_default().trim_end()
    }

    /// The place of an unknown YAML tag of a value.
    pub(crate) fn tag_of(&self, node: &Node) -> Option<Place> {
        let place = node.place();
        let text = self.source.get(place.clone()).unwrap_or_default();
        let first = text.split_whitespace().next().unwrap_or_default();
        if is_unknown_tag(first) {
            return Some(place.start..place.start + first.len());
        }
        tag_before(self.source.get(..place.start)?)
    }

    pub(crate) fn note(&mut self, mistake: Diagnostic) {
        self.mistakes.push(mistake);
    }

    fn wrong_type(&mut self, node: &Node, expected: &str) {
        let place = node.place();
        let mut mistake = Diagnostic::new(
            &place,
            format!("found {}", node.kind()),
            format!("expected {expected}"),
        );
        let scalar = matches!(node.value, Value::Bool(_) | Value::Integer(_) | Value::Float(_));
        if scalar && expected.starts_with("text") {
            mistake = mistake.hint(format!("put it in quotes: \"{}\"", self.at(&node.at)));
        }
        self.note(mistake);
    }

    /// The entries of a mapping with these keys. Notes unknown, duplicate and missing ones.
    ///
    /// `owner` is what to underline when a key is missing.
    pub(crate) fn fields<'n>(
        &mut self,
        node: &'n Node,
        keys: &Keys,
        owner: &Place,
    ) -> Option<Fields<'n>> {
        let Value::Map(all) = &node.value else {
            self.wrong_type(node, &format!("a mapping with {}", listed(keys)));
            return None;
        };
        let mut entries: Vec<(&Key, &Node)> = Vec::with_capacity(all.len());
        let mut misspelt: Vec<&str> = Vec::new();
        for (key, value) in all {
            if keys.place == PROBE.place && key.text.starts_with("x-") {
                continue;
            }
            if !keys.has(&key.text) {
                misspelt.extend(meant(&key.text, keys));
                self.unknown(key, keys);
            } else if self.is_first(key, &entries) {
                entries.push((key, value));
            }
        }
        // A key without a value counts as left out.
        entries.retain(|(_, value)| value.value != Value::Null);
        for key in keys.list.iter().filter(|key| key.required) {
            // A misspelt key is not missing as well.
            let there = entries.iter().any(|(found, _)| found.text == key.name);
            if !there && !misspelt.contains(&key.name) {
                let message = format!("{} has no `{}`", keys.place, key.name);
                self.note(Diagnostic::new(
                    owner,
                    message,
                    format!("expected the key `{}`", key.name),
                ));
            }
        }
        Some(Fields { entries })
    }

    /// The entries of a mapping with free keys. Notes duplicate ones. A key without a value counts as
    /// left out.
    pub(crate) fn entries<'n>(
        &mut self,
        node: &'n Node,
        expected: &str,
    ) -> Option<Vec<(&'n Key, &'n Node)>> {
        let mut entries = self.nullable_entries(node, expected)?;
        entries.retain(|(_, value)| value.value != Value::Null);
        Some(entries)
    }

    /// The same where `null` is a value.
    pub(crate) fn nullable_entries<'n>(
        &mut self,
        node: &'n Node,
        expected: &str,
    ) -> Option<Vec<(&'n Key, &'n Node)>> {
        let Value::Map(all) = &node.value else {
            self.wrong_type(node, expected);
            return None;
        };
        let mut entries: Vec<(&Key, &Node)> = Vec::with_capacity(all.len());
        for (key, value) in all {
            if self.is_first(key, &entries) {
                entries.push((key, value));
            }
        }
        Some(entries)
    }

    fn is_first(&mut self, key: &Key, before: &[(&Key, &Node)]) -> bool {
        let Some((first, _)) = before.iter().find(|(first, _)| first.text == key.text) else {
            return true;
        };
        let line = self.source.get(..first.at.start).unwrap_or_default().matches('\n').count() + 1;
        let message = format!("`{}` is set twice", key.text);
        self.note(Diagnostic::new(&key.at, message, format!("first on line {line}")));
        false
    }

    fn unknown(&mut self, key: &Key, keys: &Keys) {
        let message = format!("unknown key `{}` in {}", key.text, keys.place);
        let mistake = Diagnostic::new(&key.at, message, format!("expected {}", listed(keys)));
        self.note(match nearest(&key.text, keys) {
            Some(near) => mistake.hint(near),
            None => mistake,
        });
    }

    pub(crate) fn items<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n [Node]> {
        if let Value::List(items) = &node.value {
            Some(items)
        } else {
            self.wrong_type(node, expected);
            None
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        if let Value::Text(text) = &node.value {
            Some(text)
        } else {
            self.wrong_type(node, expected);
            None
        }
    }

    /// Text in which nothing is filled in, so that `${…}` in it is a mistake.
    pub(crate) fn plain<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        let text = self.text(node, expected)?;
        self.nothing_to_fill(node, text).then_some(text)
    }

    /// Whether a text has no place to fill in; notes it when it has.
    pub(crate) fn nothing_to_fill(&mut self, node: &Node, text: &str) -> bool {
        let found = text.parse::<Template>().ok();
        let place =
            found.iter().flat_map(Template::parts).find(|part| !matches!(part, Part::Literal(_)));
        let Some(place) = place else { return true };
        let place = place.to_string();
        let at = self.inside(node, &place);
        self.note(Diagnostic::new(
            &at,
            format!("`{place}` is not filled in here"),
            "expected plain text",
        ));
        false
    }

    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        if let Value::Bool(set) = node.value {
            Some(set)
        } else {
            self.wrong_type(node, "`true` or `false`");
            None
        }
    }

    pub(crate) fn integer(&mut self, node: &Node, range: RangeInclusive<u32>) -> Option<u32> {
        let expected = if *range.end() == u32::MAX {
            format!("a whole number from {}", range.start())
        } else {
            format!("a whole number from {} to {}", range.start(), range.end())
        };
        let Value::Integer(number) = node.value else {
            self.wrong_type(node, &expected);
            return None;
        };
        let number = u32::try_from(number).ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.out_of_range(node, &expected);
        }
        number
    }

    pub(crate) fn fraction(&mut self, node: &Node) -> Option<f64> {
        let number = self.number(node, "a number from 0 to 1")?;
        let inside = (0.0..=1.0).contains(&number);
        if !inside {
            self.out_of_range(node, "a number from 0 to 1");
        }
        inside.then_some(number)
    }

    pub(crate) fn number(&mut self, node: &Node, expected: &str) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "the ranges end at 100")]
        match node.value {
            Value::Integer(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => {
                self.wrong_type(node, expected);
                None
            }
        }
    }

    pub(crate) fn out_of_range(&mut self, node: &Node, expected: &str) {
        let message = format!("`{}` is out of range", self.at(&node.at));
        self.note(Diagnostic::new(&node.at, message, format!("expected {expected}")));
    }

    pub(crate) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let expected = "a duration such as `500ms`, `30s` or `2m`";
        match &node.value {
            Value::Text(text) => {
                let duration = units::duration(text);
                if duration.is_none() {
                    let message = format!("`{text}` is not a duration");
                    self.note(Diagnostic::new(&node.at, message, format!("expected {expected}")));
                }
                duration
            }
            Value::Integer(number) => {
                let message = format!("`{number}` has no unit");
                let mistake = Diagnostic::new(&node.at, message, format!("expected {expected}"));
                self.note(mistake.hint(format!("`{number}s` is {number} seconds")));
                None
            }
            _ => {
                self.wrong_type(node, expected);
                None
            }
        }
    }

    /// A text with places to fill in.
    pub(crate) fn template(&mut self, node: &Node, scope: Scope<'_>) -> Option<Template> {
        let text = self.text(node, "text")?;
        self.template_in(node, text, scope)
    }

    /// The same for the text of a node.
    pub(crate) fn template_in(
        &mut self,
        node: &Node,
        text: &str,
        scope: Scope<'_>,
    ) -> Option<Template> {
        let template = match text.parse::<Template>() {
            Ok(template) => template,
            Err(invalid) => {
                let mistake = self.invalid_template(node, text, &invalid);
                self.note(mistake);
                return None;
            }
        };
        let before = self.mistakes.len();
        for part in template.parts() {
            let mistake = match part {
                Part::Secret(_) if !scope.secrets => Some((
                    format!("`{part}` is a secret and would be shown"),
                    "secrets are allowed only under `target` and `scrape`".to_owned(),
                )),
                Part::Word(word) if !scope.words.contains(&word.as_str()) => Some((
                    format!("`{part}` has no value here"),
                    format!("expected {}", placeholders(scope.words)),
                )),
                _ => None,
            };
            if let Some((message, expected)) = mistake {
                let at = self.inside(node, &part.to_string());
                self.note(Diagnostic::new(&at, message, expected));
            }
        }
        (self.mistakes.len() == before).then_some(template)
    }

    fn invalid_template(&self, node: &Node, text: &str, invalid: &InvalidTemplate) -> Diagnostic {
        let from = text.char_indices().nth(invalid.at()).map_or(0, |(index, _)| index);
        let place: String = match text[from..].split_once('}') {
            Some((place, _)) => format!("{place}}}"),
            None => text[from..].to_owned(),
        };
        let at = self.inside(node, &place);
        match invalid {
            InvalidTemplate::Unclosed { .. } => {
                Diagnostic::new(&at, "`${` is not closed", "expected `}` after it")
                    .hint("for a literal `${` write `$${`")
            }
            InvalidTemplate::AwsVariable { name, .. } => Diagnostic::new(
                &at,
                format!("`${{{name}}}` may not be used"),
                "`AWS_…` variables hold credentials",
            ),
            InvalidTemplate::Unknown { place, .. } => Diagnostic::new(
                &at,
                format!("`${{{place}}}` is not known"),
                "expected `${UPPER_CASE}`, `${lower_case}`, `${secret:ID#key}` or `${ssm:/path}`",
            )
            .hint("for a literal `${` write `$${`"),
        }
    }

    /// The place of `part` within a value, or the whole value where escapes hide it.
    pub(crate) fn inside(&self, node: &Node, part: &str) -> Place {
        let text = self.source.get(node.at.clone()).unwrap_or_default();
        match text.find(part) {
            Some(offset) if !part.is_empty() => {
                let start = node.at.start + offset;
                start..start + part.len()
            }
            _ => node.at.clone(),
        }
    }

    /// Whether this is a regex; notes it when it is not.
    pub(crate) fn regex(&mut self, node: &Node, pattern: &str) -> bool {
        if let Some(character) = pattern.chars().find(|character| is_stray(*character)) {
            let code = u32::from(character);
            let message = format!("the regex has the control character U+{code:04X}");
            let mistake = Diagnostic::new(&node.at, message, "expected text");
            self.note(mistake.hint(yaml_error::ESCAPE));
            return false;
        }
        let Err(error) = Regex::new(pattern) else { return true };
        // The message of the crate is a drawing; its last line is the reason.
        let message = error.to_string();
        let reason =
            message.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        let mistake =
            Diagnostic::new(&node.at, format!("not a regex: {reason}"), "expected a regex");
        self.note(mistake.hint(
            "the syntax is that of the Rust crate `regex`: no look-around, no back-references",
        ));
        false
    }
}

/// Whether a character is in a regex only because YAML read an escape of the regex, such as `\b`.
fn is_stray(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
        || (character.is_control() && !matches!(character, '\t' | '\n' | '\r'))
}

/// Keys as a message lists them.
fn listed(keys: &Keys) -> String {
    let names: Vec<String> = keys.list.iter().map(|key| format!("`{}`", key.name)).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, [first])) => format!("{first} or {last}"),
        Some((last, others)) => format!("one of {} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn placeholders(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`${{{word}}}`")).collect();
    words.join(" or ")
}

/// Other names for keys.
const SYNONYMS: &[(&str, &str)] = &[
    ("name", "probe"),
    ("interval", "every"),
    ("schedule", "every"),
    ("prompt", "say"),
    ("message", "say"),
    ("checks", "expect"),
    ("assert", "expect"),
    ("turns", "conversation"),
    ("steps", "conversation"),
    ("regex", "matches"),
    ("alarms", "alarm"),
    ("retries", "retry"),
    ("token", "bearer"),
    ("user", "username"),
    ("timezone", "time_zone"),
    ("duration", "for"),
    ("length", "for"),
    ("slo", "objective"),
];

/// The key that an unknown key probably stands for.
fn meant(found: &str, keys: &Keys) -> Option<&'static str> {
    let plain = found.to_lowercase().replace('-', "_");
    let distance = |name: &str| strsim::damerau_levenshtein(&plain, name);
    let near = keys.list.iter().map(|key| key.name).min_by_key(|name| distance(name))?;
    if distance(near) <= (near.len() / 3).max(1) {
        return Some(near);
    }
    let synonym = SYNONYMS.iter().find(|(word, _)| *word == plain).map(|(_, key)| *key);
    synonym.filter(|key| keys.has(key))
}

/// A hint about a misspelt or misplaced key.
fn nearest(found: &str, keys: &Keys) -> Option<String> {
    if let Some(meant) = meant(found, keys) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let home = ALL.iter().find(|table| table.has(found))?;
    Some(format!("`{found}` is a key of {}", home.place))
}

//! Relabeling as in Prometheus: rules that change or drop label sets, with the keys and defaults of
//! `relabel_configs` and `metric_relabel_configs`.
//!
//! ```
//! use relabel::{Config, LabelSet, Rule, apply};
//!
//! let config = Config { action: "labeldrop".into(), regex: "tmp_.*".into(), ..Config::default() };
//! let rules = [Rule::new(&config)?];
//! let mut labels = LabelSet::from([("tmp_a".into(), "1".into()), ("job".into(), "bots".into())]);
//! assert!(apply(&rules, &mut labels));
//! assert_eq!(labels, LabelSet::from([("job".into(), "bots".into())]));
//! # Ok::<(), relabel::InvalidRule>(())
//! ```

mod expression;
mod template;
mod text;

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use regex::Regex;
use serde::{Deserialize, Serialize};

use template::expand;
use text::{text, texts};

/// Labels by name. A label without a value does not exist.
pub type LabelSet = BTreeMap<String, String>;

/// Bytes of a compiled regular expression, at most.
const REGEX_BYTES: usize = 1 << 20;

/// A rule as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "texts")]
    pub source_labels: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub separator: String,
    /// Must match the whole text.
    #[serde(deserialize_with = "text")]
    pub regex: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub modulus: u64,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "text")]
    pub target_label: String,
    #[serde(deserialize_with = "text")]
    pub replacement: String,
    #[serde(deserialize_with = "text")]
    pub action: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".to_owned(),
            action: "replace".to_owned(),
        }
    }
}

/// A valid rule.
#[derive(Clone, Debug)]
pub struct Rule {
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Replace { target: String, replacement: String },
    Lowercase { target: String },
    Uppercase { target: String },
    Keep,
    Drop,
    KeepEqual { target: String },
    DropEqual { target: String },
    HashMod { target: String, modulus: u64 },
    LabelMap { replacement: String },
    LabelDrop,
    LabelKeep,
}

/// Why a rule is not valid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRule {
    #[error(
        "`action` is `{action}`; expected `replace`, `lowercase`, `uppercase`, `keep`, `drop`, `keepequal`, `dropequal`, `hashmod`, `labelmap`, `labeldrop` or `labelkeep`"
    )]
    Action { action: String },
    #[error("`regex` is `{regex}`; expected a regular expression, such as `tmp_.*`")]
    Regex { regex: String, source: Box<regex::Error> },
    #[error("`target_label` is not set; the action `{action}` requires it")]
    NoTarget { action: String },
    #[error("`modulus` is 0; expected a larger number, such as `4`")]
    Modulus,
}

impl Rule {
    pub fn new(config: &Config) -> Result<Self, InvalidRule> {
        let name = config.action.to_ascii_lowercase();
        let target = || target(config, &name);
        let replacement = config.replacement.clone();
        let action = match name.as_str() {
            "replace" => Action::Replace { target: target()?, replacement },
            "lowercase" => Action::Lowercase { target: target()? },
            "uppercase" => Action::Uppercase { target: target()? },
            "keep" => Action::Keep,
            "drop" => Action::Drop,
            "keepequal" => Action::KeepEqual { target: target()? },
            "dropequal" => Action::DropEqual { target: target()? },
            "hashmod" if config.modulus == 0 => return Err(InvalidRule::Modulus),
            "hashmod" => Action::HashMod { target: target()?, modulus: config.modulus },
            "labelmap" => Action::LabelMap { replacement },
            "labeldrop" => Action::LabelDrop,
            "labelkeep" => Action::LabelKeep,
            _ => return Err(InvalidRule::Action { action: config.action.clone() }),
        };
        Ok(Self {
            source_labels: config.source_labels.clone(),
            separator: config.separator.clone(),
            regex: regex(&config.regex)?,
            action,
        })
    }

    /// Whether the label set is kept.
    fn apply(&self, labels: &mut LabelSet) -> bool {
        let values: Vec<&str> = self.source_labels.iter().map(|name| get(labels, name)).collect();
        let value = values.join(&self.separator);
        match &self.action {
            Action::Keep => return self.regex.is_match(&value),
            Action::Drop => return !self.regex.is_match(&value),
            Action::KeepEqual { target } => return get(labels, target) == value,
            Action::DropEqual { target } => return get(labels, target) != value,
            Action::Replace { target, replacement } => {
                if let Some(found) = self.regex.captures(&value) {
                    let (name, text) = (expand(target, &found), expand(replacement, &found));
                    // An empty name changes nothing, as in Prometheus.
                    if !name.is_empty() {
                        set(labels, name, text);
                    }
                }
            }
            Action::Lowercase { target } => set(labels, target.clone(), lowercase(&value)),
            Action::Uppercase { target } => set(labels, target.clone(), uppercase(&value)),
            Action::HashMod { target, modulus } => {
                let hash: [u8; 16] = Md5::digest(value.as_bytes()).into();
                // As Prometheus: the last eight bytes of the hash.
                let last = hash.last_chunk().copied().unwrap_or_default();
                let number = u64::from_be_bytes(last) % modulus;
                set(labels, target.clone(), number.to_string());
            }
            Action::LabelMap { replacement } => {
                let before = labels.clone();
                for (name, value) in &before {
                    if let Some(found) = self.regex.captures(name) {
                        set(labels, expand(replacement, &found), value.clone());
                    }
                }
            }
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        true
    }
}

/// Applies `rules` in their order. Returns whether the label set is kept.
pub fn apply(rules: &[Rule], labels: &mut LabelSet) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

fn get<'l>(labels: &'l LabelSet, name: &str) -> &'l str {
    labels.get(name).map_or("", String::as_str)
}

fn set(labels: &mut LabelSet, name: String, value: String) {
    if value.is_empty() {
        labels.remove(&name);
    } else {
        labels.insert(name, value);
    }
}

/// As Prometheus 3: the expression matches the whole text, and `.` also matches a line end.
fn regex(text: &str) -> Result<Regex, InvalidRule> {
    let wrong = |source| InvalidRule::Regex { regex: text.to_owned(), source: Box::new(source) };
    let translated = expression::translated(text);
    // Compiled alone first, so that `a)(b` is not valid.
    let limited = |text: &str| regex::RegexBuilder::new(text).size_limit(REGEX_BYTES).build();
    limited(&translated).map_err(wrong)?;
    limited(&format!("^(?s:{translated})$")).map_err(wrong)
}

fn target(config: &Config, action: &str) -> Result<String, InvalidRule> {
    let target = config.target_label.clone();
    if target.is_empty() {
        return Err(InvalidRule::NoTarget { action: action.to_owned() });
    }
    // As in Prometheus 3, a name has any characters. `replace` may use groups in it.
    Ok(target)
}

/// Each character by itself, as in Go: a character whose capital form has several characters stays as it is.
fn uppercase(text: &str) -> String {
    let capital = |char: char| {
        let mut forms = char.to_uppercase();
        if forms.len() == 1 { forms.next().unwrap_or(char) } else { char }
    };
    text.chars().map(capital).collect()
}

/// Each character by itself, as in Go.
fn lowercase(text: &str) -> String {
    text.chars().map(|char| char.to_lowercase().next().unwrap_or(char)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_of(text: &str) -> LabelSet {
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn rule(json: &str) -> Result<Rule, String> {
        let config: Config = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Rule::new(&config).map_err(|error| error.to_string())
    }

    /// The cases are those of Prometheus's own tests, with other names.
    #[test]
    fn actions_change_or_drop_a_label_set() {
        let labels = "a=foo b=bar c=baz";
        let cases: &[(&str, &str, Option<&str>)] = &[
            (
                r#"{"source_labels":["a"],"regex":"f(.*)","target_label":"d","replacement":"ch${1}-ch${1}"}"#,
                labels,
                Some("a=foo b=bar c=baz d=choo-choo"),
            ),
            (
                r#"{"source_labels":["a","b"],"regex":"f(.*);(.*)r","target_label":"a","replacement":"b${1}${2}m"}"#,
                labels,
                Some("a=boobam b=bar c=baz"),
            ),
            (r#"{"source_labels":["a"],"regex":"o$","target_label":"d"}"#, labels, Some(labels)),
            (r#"{"source_labels":["a"],"regex":".*o.*","action":"drop"}"#, labels, None),
            (r#"{"source_labels":["a"],"regex":"f|o","action":"drop"}"#, labels, Some(labels)),
            (r#"{"source_labels":["a"],"regex":"no","action":"keep"}"#, labels, None),
            (r#"{"source_labels":["a"],"regex":"f.*","action":"keep"}"#, labels, Some(labels)),
            (
                r#"{"source_labels":["b"],"regex":".*","target_label":"b","replacement":""}"#,
                labels,
                Some("a=foo c=baz"),
            ),
            (
                r#"{"target_label":"d","replacement":"set"}"#,
                labels,
                Some("a=foo b=bar c=baz d=set"),
            ),
            (
                r#"{"source_labels":["c"],"target_label":"d","separator":";","action":"hashmod","modulus":1000}"#,
                labels,
                Some("a=foo b=bar c=baz d=976"),
            ),
            (
                r#"{"regex":"(b.*)","replacement":"bar_${1}","action":"labelmap"}"#,
                "a=foo b1=bar b2=baz",
                Some("a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz"),
            ),
            (r#"{"regex":"(b.*)","action":"labeldrop"}"#, "a=foo b1=bar b2=baz", Some("a=foo")),
            (
                r#"{"regex":"(b.*)","action":"labelkeep"}"#,
                "a=foo b1=bar b2=baz",
                Some("b1=bar b2=baz"),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"a_upper","action":"uppercase"}"#,
                "a=fOo",
                Some("a=fOo a_upper=FOO"),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"a","action":"Lowercase"}"#,
                "a=fOo",
                Some("a=foo"),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"b","action":"uppercase"}"#,
                "a=é-ß-ﬁ",
                Some("a=é-ß-ﬁ b=É-ß-ﬁ"),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"b","action":"lowercase"}"#,
                "a=ÉΣ-İ",
                Some("a=ÉΣ-İ b=éσ-i"),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"b","action":"keepequal"}"#,
                "a=1 b=1",
                Some("a=1 b=1"),
            ),
            (r#"{"source_labels":["a"],"target_label":"b","action":"keepequal"}"#, "a=1 b=2", None),
            (r#"{"source_labels":["a"],"target_label":"b","action":"dropequal"}"#, "a=1 b=1", None),
            (
                r#"{"source_labels":["a"],"regex":"(?P<x>.+)","target_label":"${x}","replacement":"${x}"}"#,
                "a=some-name",
                Some("a=some-name some-name=some-name"),
            ),
            (
                r#"{"source_labels":["a"],"regex":"(.+)-(.+)","target_label":"${1}","replacement":"${2}"}"#,
                "a=some-name",
                Some("a=some-name some=name"),
            ),
            (
                r#"{"source_labels":["a"],"regex":"\\d|\\w","target_label":"b","replacement":"1"}"#,
                "a=é",
                Some("a=é"),
            ),
            (
                r#"{"source_labels":["__name__"],"regex":"foo_(.*)","target_label":"__name__","replacement":"bar_$1"}"#,
                "__name__=foo_x",
                Some("__name__=bar_x"),
            ),
        ];
        for (config, labels, expected) in cases {
            let mut labels = set_of(labels);
            let kept = apply(&[rule(config).unwrap()], &mut labels);
            assert_eq!(kept.then_some(labels), expected.map(set_of), "{config}");
        }
    }

    #[test]
    fn invalid_rule_is_rejected_with_its_key() {
        let cases = [
            (r#"{"action":"replace_all"}"#, "`action` is `replace_all`; expected `replace`, "),
            (
                r#"{"regex":"(","target_label":"a"}"#,
                "`regex` is `(`; expected a regular expression",
            ),
            (r#"{"regex":"a)(b","action":"keep"}"#, "`regex` is `a)(b`; expected"),
            (
                r#"{"action":"lowercase"}"#,
                "`target_label` is not set; the action `lowercase` requires it",
            ),
            (
                r#"{"target_label":"a","action":"hashmod"}"#,
                "`modulus` is 0; expected a larger number",
            ),
            (r#"{"targetlabel":"a"}"#, "unknown field `targetlabel`"),
        ];
        for (config, expected) in cases {
            let error = rule(config).unwrap_err();
            assert!(error.starts_with(expected), "{config}: {error}");
        }
    }

    /// In YAML, `regex: true` and `replacement: 1` are not texts.
    #[test]
    fn number_and_truth_value_are_texts() {
        let config = r#"{"source_labels":["a",1],"regex":true,"target_label":2,"replacement":1.5,"separator":0}"#;
        let config: Config = serde_json::from_str(config).unwrap();
        let found =
            (&*config.regex, &*config.target_label, &*config.replacement, &*config.separator);
        assert_eq!(found, ("true", "2", "1.5", "0"));
        assert_eq!(config.source_labels, ["a", "1"]);
        let error = rule(r#"{"regex":[]}"#).unwrap_err();
        assert!(error.contains("expected a text"), "{error}");
    }

    #[test]
    fn names_in_utf_8_are_set() {
        let text = r#"{"source_labels":["a"],"target_label":"http.status","replacement":"x"}"#;
        let mut labels = set_of("a=1");
        assert!(apply(&[rule(text).unwrap()], &mut labels));
        assert_eq!(labels, set_of("a=1 http.status=x"));
    }

    #[test]
    fn expression_matches_the_whole_text_with_line_ends() {
        let keep = rule(r#"{"source_labels":["a"],"regex":"a.b","action":"keep"}"#).unwrap();
        for (value, expected) in [("a\nb", true), ("a-b\n", false), ("xa-b", false)] {
            let mut labels = LabelSet::from([("a".to_owned(), value.to_owned())]);
            assert_eq!(apply(std::slice::from_ref(&keep), &mut labels), expected, "{value:?}");
        }
    }
}

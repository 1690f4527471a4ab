//! The template variables of a conversation: the nonce, and the parts saved from earlier replies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use domain::check::{Check, TemplateUse};
use domain::report::CheckReport;
use domain::template::Part;
use domain::{Template, Turn};

use crate::checks::{BrokenCheck, find_part, shown};
use crate::nonce::nonce;

/// The variables that have a value so far in one attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// With a new nonce, so that no cache can answer.
    pub(crate) fn with_nonce() -> Self {
        Self([("nonce".to_owned(), nonce(&mut fastrand::Rng::new()))].into())
    }

    /// The prompt, with every variable filled in.
    pub(crate) fn fill_prompt(&self, template: &Template) -> Result<String, BrokenCheck> {
        let filled = self.fill(template, str::to_owned);
        filled.text().map_err(|part| BrokenCheck::Unfilled { place: part.to_string() })
    }

    /// The check, with every variable filled in. In a regex a value is escaped.
    pub(crate) fn fill_check(&self, check: &Check) -> Check {
        let filled = check.map_templates(&mut |template, used| {
            let written = match used {
                TemplateUse::Text => str::to_owned,
                TemplateUse::Regex => regex::escape,
            };
            Ok::<_, Infallible>(self.fill(template, written))
        });
        let Ok(filled) = filled;
        filled
    }

    /// Saves the parts of a reply that a turn names.
    ///
    /// Returns a failed check for each part that was not found: a check with an empty value would pass on
    /// every reply.
    pub(crate) fn save(
        &mut self,
        turn: &Turn,
        reply: &str,
    ) -> Result<Vec<CheckReport>, BrokenCheck> {
        let mut missing = Vec::new();
        for (name, pattern) in &turn.save {
            match find_part(pattern, reply)? {
                Some(found) => {
                    self.0.insert(name.clone(), found);
                }
                None => missing.push(CheckReport {
                    expected: format!("something to save as `{name}`"),
                    found: shown(reply),
                    passed: false,
                }),
            }
        }
        Ok(missing)
    }

    /// The values of all variables.
    pub(crate) fn values(&self) -> Vec<&str> {
        self.0.values().map(String::as_str).collect()
    }

    fn fill(&self, template: &Template, written: impl Fn(&str) -> String) -> Template {
        let filled = template.fill(|part| {
            let value = if let Part::Word(name) = part { self.0.get(name) } else { None };
            Ok::<_, Infallible>(value.map(|value| Cow::Owned(written(value))))
        });
        let Ok(filled) = filled;
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(save: &serde_json::Value) -> Turn {
        serde_json::from_value(serde_json::json!({ "say": "x", "save": save })).unwrap()
    }

    #[test]
    fn saved_part_is_escaped_in_a_regex() {
        let turn = turn(&serde_json::json!({ "price": "costs (\\S+)", "whole": "\\d+" }));
        let mut variables = Variables::default();
        assert!(variables.save(&turn, "It costs 1.5$ today").unwrap().is_empty());
        let prompt = |text: &str| variables.fill_prompt(&text.parse().unwrap()).unwrap();
        assert_eq!(prompt("${price}|${whole}|"), "1.5$|1|");
        let check = serde_json::json!({ "any_of": [{ "matches": "^${price}$" }, { "contains": "${price}" }] });
        let check: Check = serde_json::from_value(check).unwrap();
        assert_eq!(
            variables.fill_check(&check).to_string(),
            r#"any_of: matches "^1\.5\$$", or contains "1.5$""#
        );
        assert!(variables.fill_prompt(&"${unknown}".parse().unwrap()).is_err());
    }

    #[test]
    fn typographic_variants_are_equal_in_a_saved_part() {
        let turn =
            turn(&serde_json::json!({ "order": "Order number: (\\S+)", "it": "it's (\\w+)" }));
        let mut variables = Variables::default();
        let reply = "**Order\u{a0}number:** **T-417**, and it\u{2019}s ready";
        assert!(variables.save(&turn, reply).unwrap().is_empty());
        assert_eq!(variables.values(), ["ready", "T-417,"]);
    }

    #[test]
    fn part_that_is_not_found_fails() {
        let turn = turn(&serde_json::json!({ "order": "order ([0-9]*)", "name": "name (\\S+)" }));
        let mut variables = Variables::default();
        let missing = variables.save(&turn, "order , name Ada").unwrap();
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].expected, "something to save as `order`");
        assert_eq!(missing[0].found, "\"order , name Ada\"");
        assert_eq!(variables.values(), ["Ada"]);
    }
}

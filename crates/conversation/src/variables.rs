//! The template variables of a conversation: the nonce, and the parts saved from earlier replies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::check::{Check, Requirement};
use domain::template::Part;
use domain::{Template, Turn};

use crate::checks::{BrokenCheck, compile};

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
        let filled = self.fill(template, std::borrow::ToOwned::to_owned);
        filled.text().map_err(|part| BrokenCheck::Unfilled { place: part.to_string() })
    }

    /// The check, with every variable filled in. In a regex a value is escaped.
    pub(crate) fn fill_check(&self, check: &Check) -> Check {
        let in_regex =
            matches!(check.requirement, Requirement::Matches(_) | Requirement::NotMatches(_));
        let written = |word: &str| if in_regex { regex::escape(word) } else { word.to_owned() };
        let filled = check.requirement.map_templates(|template| {
            Ok::<_, std::convert::Infallible>(self.fill(template, written))
        });
        let Ok(requirement) = filled;
        Check { requirement, ignore_case: check.ignore_case }
    }

    /// Keeps the parts of a reply that a turn saves; a regex that finds nothing saves an empty text.
    pub(crate) fn save(&mut self, turn: &Turn, reply: &str) -> Result<(), BrokenCheck> {
        for (name, pattern) in &turn.save {
            let found = compile(pattern, false)?
                .captures(reply)
                .and_then(|groups| groups.get(1).or(groups.get(0)));
            self.0.insert(
                name.clone(),
                found.map_or(String::new(), |found| found.as_str().to_owned()),
            );
        }
        Ok(())
    }

    fn fill(&self, template: &Template, written: impl Fn(&str) -> String) -> Template {
        let filled = template.fill(|part| {
            let word = if let Part::Word(word) = part { self.0.get(word) } else { None };
            Ok::<_, std::convert::Infallible>(word.map(|word| Cow::Owned(written(word))))
        });
        let Ok(filled) = filled;
        filled
    }
}

/// A word that can be spoken and was never heard: four syllables, one of some 29 million.
fn nonce(random: &mut fastrand::Rng) -> String {
    const CONSONANTS: &[char] =
        &['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
    const VOWELS: &[char] = &['a', 'e', 'i', 'o', 'u'];
    let mut word = String::with_capacity(8);
    for _ in 0..4 {
        word.extend(
            [CONSONANTS, VOWELS].iter().filter_map(|letters| random.choice(letters.iter())),
        );
    }
    word[..1].to_uppercase() + &word[1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ() {
        let mut random = fastrand::Rng::with_seed(7);
        let words: std::collections::BTreeSet<String> =
            (0..100).map(|_| nonce(&mut random)).collect();
        assert_eq!(words.len(), 100);
        for word in words {
            assert!(
                word.len() == 8 && word.chars().all(|letter| letter.is_ascii_alphabetic()),
                "{word}"
            );
        }
    }

    #[test]
    fn saved_part_is_escaped_in_a_regex() {
        let turn: Turn = serde_json::from_value(serde_json::json!({
            "say": "x", "save": { "price": "costs (\\S+)", "whole": "\\d+", "none": "zzz" },
        }))
        .unwrap();
        let mut variables = Variables::default();
        variables.save(&turn, "It costs 1.5$ today").unwrap();
        let prompt = |text: &str| variables.fill_prompt(&text.parse().unwrap()).unwrap();
        assert_eq!(prompt("${price}|${whole}|${none}|"), "1.5$|1||");
        let check = Check {
            requirement: Requirement::Matches("^${price}$".parse().unwrap()),
            ignore_case: false,
        };
        assert_eq!(variables.fill_check(&check).to_string(), r#"matches "^1\.5\$$""#);
        assert!(variables.fill_prompt(&"${unknown}".parse().unwrap()).is_err());
    }
}

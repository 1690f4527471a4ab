//! Holds a reply to its checks.
//!
//! Text is compared in Unicode's composed form (NFC), so that an accent sent as two characters
//! equals one sent as one. What a check found is kept short: it goes into a mail.

use std::borrow::Cow;

use domain::check::{Check, JsonTest, Requirement};
use domain::report::CheckReport;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json_path::JsonPath;
use unicode_normalization::UnicodeNormalization;

/// Texts longer than this are not compared for similarity, which takes time in their product.
pub const LONGEST_SIMILAR: usize = 4_096;

/// Fewer letters than this don't tell a language.
pub const FEWEST_LETTERS: usize = 20;

/// Most characters of a reply that a check's finding shows.
const SHOWN: usize = 200;

/// The check can't be carried out as it is written; the fault is ours, not the target's.
#[derive(Debug, thiserror::Error)]
pub enum BrokenCheck {
    #[error("`{place}` in a check is not known here")]
    Unfilled { place: String },
    #[error("the regex `{regex}` is not valid: {reason}")]
    Regex { regex: String, reason: String },
    #[error("the JSON path `{path}` is not valid: {reason}")]
    Path { path: String, reason: String },
}

/// Carries out one check; its templates must be filled in.
///
/// # Errors
/// When the check itself is broken. A reply that does not pass is a report, not an error.
pub fn carry_out(check: &Check, reply: &str) -> Result<CheckReport, BrokenCheck> {
    let reply: String = reply.nfc().collect();
    let finding = match &check.requirement {
        Requirement::Contains(text) => {
            let found = folded(&reply, check).contains(&*folded(&filled(text)?, check));
            if found { None } else { Some(shown(&reply)) }
        }
        Requirement::NotContains(text) => {
            let text = filled(text)?;
            let place = folded(&reply, check).find(&*folded(&text, check));
            place.map(|_| format!("it contains \"{}\"", cut(&text)))
        }
        Requirement::Equals(text) => {
            let text = filled(text)?;
            let equal = folded(reply.trim(), check) == folded(text.trim(), check);
            if equal { None } else { Some(shown(&reply)) }
        }
        Requirement::Matches(regex) => {
            if self::regex(&filled_regex(regex)?, check)?.is_match(&reply) {
                None
            } else {
                Some(shown(&reply))
            }
        }
        Requirement::NotMatches(regex) => {
            let regex = self::regex(&filled_regex(regex)?, check)?;
            regex.find(&reply).map(|found| format!("it matches at \"{}\"", cut(found.as_str())))
        }
        Requirement::MinLength(least) => length(&reply, |length| *least <= length),
        Requirement::MaxLength(most) => length(&reply, |length| length <= *most),
        Requirement::Language(code) => language(&reply, code),
        Requirement::SimilarTo { text, at_least } => {
            similar(&reply, &filled(text)?, *at_least, check)
        }
        Requirement::Json { path, test } => json(&reply, path, test, check)?,
    };
    Ok(CheckReport {
        expected: check.to_string(),
        passed: finding.is_none(),
        found: finding.unwrap_or_default(),
    })
}

/// The pattern of a `save`, or of anything else that is a regex in a probe file.
pub(crate) fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, BrokenCheck> {
    RegexBuilder::new(pattern).case_insensitive(ignore_case).build().map_err(|error| {
        BrokenCheck::Regex {
            regex: cut(pattern).into_owned(),
            // The crate's message spans lines with a drawing; its last line says what is wrong.
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

fn regex(pattern: &str, check: &Check) -> Result<Regex, BrokenCheck> {
    compile(pattern, check.ignore_case)
}

fn filled(template: &domain::Template) -> Result<String, BrokenCheck> {
    let text = template.text().map_err(|part| BrokenCheck::Unfilled { place: part.to_string() })?;
    Ok(text.nfc().collect())
}

/// A regex's places are filled in escaped by [`crate::variables`], so its text is taken as it is.
fn filled_regex(template: &domain::Template) -> Result<String, BrokenCheck> {
    template.text().map_err(|part| BrokenCheck::Unfilled { place: part.to_string() })
}

fn folded<'a>(text: &'a str, check: &Check) -> Cow<'a, str> {
    if check.ignore_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

fn length(reply: &str, holds: impl Fn(usize) -> bool) -> Option<String> {
    let length = reply.chars().count();
    if holds(length) { None } else { Some(format!("{length} characters")) }
}

fn language(reply: &str, code: &str) -> Option<String> {
    let letters = reply.chars().filter(|character| character.is_alphabetic()).count();
    if letters < FEWEST_LETTERS {
        return Some(format!(
            "undecidable: {letters} letters, at least {FEWEST_LETTERS} are needed"
        ));
    }
    match whatlang::detect(reply) {
        None => Some("undecidable".to_owned()),
        Some(found) if two_letters(found.lang()) == Some(code) => None,
        Some(found) => {
            let found = two_letters(found.lang()).unwrap_or(found.lang().code());
            Some(format!("language {found}: {}", shown(reply)))
        }
    }
}

/// ISO 639-1 for whatlang's ISO 639-3; `None` for a language that the probe file does not know.
fn two_letters(language: whatlang::Lang) -> Option<&'static str> {
    domain::language::by_long_code(language.code()).map(|known| known.code)
}

fn similar(reply: &str, text: &str, at_least: f64, check: &Check) -> Option<String> {
    if reply.chars().count() > LONGEST_SIMILAR {
        return Some(format!(
            "a reply of over {LONGEST_SIMILAR} characters, which is not compared"
        ));
    }
    let similarity = strsim::normalized_levenshtein(&folded(reply, check), &folded(text, check));
    if similarity >= at_least {
        None
    } else {
        Some(format!("similarity {similarity:.2}: {}", shown(reply)))
    }
}

fn json(
    reply: &str,
    path: &str,
    test: &JsonTest,
    check: &Check,
) -> Result<Option<String>, BrokenCheck> {
    let parsed = JsonPath::parse(path)
        .map_err(|error| BrokenCheck::Path { path: path.to_owned(), reason: error.to_string() })?;
    let matcher = match test {
        JsonTest::Matches(pattern) => Some(regex(pattern, check)?),
        JsonTest::Equals(_) | JsonTest::Exists(_) => None,
    };
    let Ok(value) = serde_json::from_str::<Value>(reply.trim()) else {
        return Ok(Some(format!("no JSON: {}", shown(reply))));
    };
    let nodes = parsed.query(&value).all();
    let holds = match test {
        JsonTest::Exists(expected) => nodes.is_empty() != *expected,
        JsonTest::Equals(expected) => {
            nodes.iter().any(|node| same(node, expected, check.ignore_case))
        }
        JsonTest::Matches(_) => nodes
            .iter()
            .any(|node| matcher.as_ref().is_some_and(|regex| regex.is_match(&plain(node)))),
    };
    Ok(match nodes.first() {
        _ if holds => None,
        None => Some(format!("nothing at {path}")),
        Some(node) => Some(format!("{path} is {}", cut(&node.to_string()))),
    })
}

fn same(node: &Value, expected: &Value, ignore_case: bool) -> bool {
    match (node, expected) {
        (Value::String(node), Value::String(expected)) if ignore_case => {
            node.to_lowercase() == expected.to_lowercase()
        }
        // 1 and 1.0 are one number to whoever writes a probe.
        (Value::Number(node), Value::Number(expected)) => {
            node == expected || node.as_f64() == expected.as_f64()
        }
        _ => node == expected,
    }
}

fn plain(node: &Value) -> Cow<'_, str> {
    match node {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn shown(reply: &str) -> String {
    if reply.trim().is_empty() {
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
mod tests {
    use super::*;
    use domain::Template;

    fn text(text: &str) -> Template {
        Template::literal(text)
    }

    #[track_caller]
    fn passes(requirement: Requirement, reply: &str) {
        let report = carry_out(&Check { requirement, ignore_case: false }, reply).unwrap();
        assert!(report.passed, "{report:?}");
        assert_eq!(report.found, "");
    }

    #[track_caller]
    fn fails(requirement: Requirement, reply: &str, found: &str) {
        let report = carry_out(&Check { requirement, ignore_case: false }, reply).unwrap();
        assert!(!report.passed, "{report:?}");
        assert_eq!(report.found, found);
    }

    #[test]
    fn texts_are_compared_in_their_composed_form() {
        passes(Requirement::Contains(text("é")), "caf\u{65}\u{301}");
        passes(Requirement::Equals(text(" caf\u{65}\u{301} ")), "café\n");
        fails(Requirement::Contains(text("Ada")), "I do not know.", "\"I do not know.\"");
        fails(Requirement::Contains(text("Ada")), "  ", "an empty reply");
        fails(Requirement::NotContains(text("rror")), "An error.", "it contains \"rror\"");
        fails(Requirement::Equals(text("yes")), "Yes", "\"Yes\"");
    }

    #[test]
    fn case_is_ignored_where_the_check_says_so() {
        for requirement in [
            Requirement::Contains(text("ÉTÉ")),
            Requirement::Equals(text("L'ÉTÉ")),
            Requirement::Matches(text("ÉTÉ$")),
            Requirement::SimilarTo { text: text("L'ÉTÉ"), at_least: 1.0 },
        ] {
            let report = carry_out(&Check { requirement, ignore_case: true }, "l'été").unwrap();
            assert!(report.passed, "{report:?}");
            assert!(report.expected.ends_with("(ignoring case)"));
        }
    }

    #[test]
    fn regexes_are_unanchored() {
        passes(Requirement::Matches(text("[0-9]+ apples")), "I have 12 apples.");
        fails(
            Requirement::NotMatches(text("(?i)error|traceback")),
            "Oh: Traceback!",
            "it matches at \"Traceback\"",
        );
        passes(Requirement::NotMatches(text("(?i)error")), "fine");
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        passes(Requirement::MinLength(4), "été!");
        fails(Requirement::MinLength(5), "été!", "4 characters");
        fails(Requirement::MaxLength(3), "été!", "4 characters");
    }

    #[test]
    fn a_language_is_told_from_a_sentence_and_not_from_a_word() {
        let french = "Bien sûr, je peux vous aider à retrouver votre commande dès maintenant.";
        let english = "Of course, I can help you to find your order right now, no problem.";
        passes(Requirement::Language("fr".into()), french);
        passes(Requirement::Language("en".into()), english);
        fails(Requirement::Language("fr".into()), english, &format!("language en: \"{english}\""));
        fails(
            Requirement::Language("fr".into()),
            "Oui.",
            "undecidable: 3 letters, at least 20 are needed",
        );
    }

    #[test]
    fn every_language_of_the_library_has_a_place_in_the_table() {
        for language in whatlang::Lang::all() {
            assert!(two_letters(*language).is_some(), "{}", language.code());
        }
    }

    #[test]
    fn similarity_is_a_share_of_equal_characters() {
        let close = || Requirement::SimilarTo {
            text: text("Paris is the capital of France."),
            at_least: 0.8,
        };
        passes(close(), "Paris is the capital of France!");
        fails(close(), "London", "similarity 0.06: \"London\"");
        let long = "x".repeat(LONGEST_SIMILAR + 1);
        fails(close(), &long, "a reply of over 4096 characters, which is not compared");
    }

    #[test]
    fn a_json_path_is_true_if_any_node_matches() {
        let reply = r#" {"items":[{"n":1},{"n":2.0}],"name":"Ada"} "#;
        let json = |path: &str, test| Requirement::Json { path: path.to_owned(), test };
        passes(json("$.items[*].n", JsonTest::Equals(2.into())), reply);
        passes(json("$.name", JsonTest::Matches("^A".to_owned())), reply);
        passes(json("$.name", JsonTest::Exists(true)), reply);
        passes(json("$.missing", JsonTest::Exists(false)), reply);
        fails(json("$.name", JsonTest::Equals("Bob".into())), reply, "$.name is \"Ada\"");
        fails(json("$.missing", JsonTest::Equals(1.into())), reply, "nothing at $.missing");
        fails(json("$.a", JsonTest::Exists(true)), "sorry", "no JSON: \"sorry\"");
    }

    #[test]
    fn a_long_finding_is_cut() {
        let report = carry_out(
            &Check { requirement: Requirement::Contains(text("x")), ignore_case: false },
            &"é".repeat(999),
        );
        assert_eq!(report.unwrap().found.chars().count(), SHOWN + 3);
    }

    #[test]
    fn a_broken_check_is_our_fault() {
        let broken = |requirement| {
            carry_out(&Check { requirement, ignore_case: false }, "x").unwrap_err().to_string()
        };
        let unclosed = broken(Requirement::Matches(text("(")));
        assert_eq!(unclosed, "the regex `(` is not valid: unclosed group");
        let unknown: Template = "${other}".parse().unwrap();
        assert_eq!(
            broken(Requirement::Contains(unknown)),
            "`${other}` in a check is not known here"
        );
    }
}

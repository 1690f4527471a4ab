use std::collections::BTreeMap;

use replies::{FIFTH, FOURTH, FURTHER, MIXED, MORE, OTHERS, SIXTH, THIRD};

use super::*;

mod replies;

type Replies = BTreeMap<String, Vec<String>>;

fn replies() -> Replies {
    serde_json::from_str(include_str!("../../../tests/languages.json")).unwrap()
}

/// The result for replies in their languages and in all other languages of the list.
struct Judged {
    /// Correct replies that fail.
    wrong: Vec<String>,
    /// Share of wrong languages that fail, and those that do not.
    share: f64,
    missed: Vec<String>,
}

fn judge<'a>(rows: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Judged {
    let codes: std::collections::BTreeSet<&str> = rows.clone().map(|(code, _)| code).collect();
    let (mut pairs, mut failed) = (0.0, 0.0);
    let (mut wrong, mut missed) = (Vec::new(), Vec::new());
    for (code, reply) in rows {
        if let Decision::Other(found) = decide(reply, code, &["Naloleme"]) {
            wrong.push(format!("{code} as {found}: {reply}"));
        }
        for other in codes.iter().filter(|other| **other != code) {
            pairs += 1.0;
            if matches!(decide(reply, other, &["Naloleme"]), Decision::Other(_)) {
                failed += 1.0;
            } else {
                missed.push(format!("{other}: {reply}"));
            }
        }
    }
    Judged { wrong, share: failed / pairs, missed }
}

/// Asserts that no correct reply fails, and that at least this share of wrong languages does.
fn check<'a>(rows: impl Iterator<Item = (&'a str, &'a str)> + Clone, least: f64) {
    let Judged { wrong, share, missed } = judge(rows);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(share >= least, "{share}: {missed:#?}");
}

#[test]
fn correct_replies_pass_and_wrong_languages_fail() {
    let replies = replies();
    let rows = replies.iter().flat_map(|(code, texts)| texts.iter().map(|text| (&**code, &**text)));
    check(rows, 0.9);
}

#[test]
fn other_correct_replies_pass_too() {
    check(MORE.iter().copied(), 0.85);
}

#[test]
fn further_replies_pass_and_wrong_languages_fail() {
    check(FURTHER.iter().copied(), 0.9);
}

#[test]
fn third_replies_pass_and_wrong_languages_fail() {
    check(THIRD.iter().copied(), 0.9);
}

#[test]
fn fourth_replies_pass_and_wrong_languages_fail() {
    check(FOURTH.iter().copied(), 0.9);
}

#[test]
fn fifth_replies_pass_and_wrong_languages_fail() {
    check(FIFTH.iter().copied(), 0.9);
}

#[test]
fn sixth_replies_pass_and_wrong_languages_fail() {
    check(SIXTH.iter().copied(), 0.9);
}

#[test]
fn replies_in_other_languages_pass() {
    check(OTHERS.iter().copied(), 0.5);
}

#[test]
fn replies_with_foreign_words_pass() {
    check(MIXED.iter().copied(), 0.0);
}

#[test]
fn replies_without_evidence_are_undecided() {
    for reply in
        ["", "42", "Naloleme", "https://example.com/the/of/and", "```\nif x then y\n```", "👍"]
    {
        assert_eq!(decide(reply, "fr", &["Naloleme"]), Decision::Undecided, "{reply}");
    }
    // Cities of France: no word of any language.
    let cities = "Paris, Lyon, Marseille, Toulouse, Nice";
    assert_eq!(decide(cities, "fr", &[]), Decision::Undecided);
}

#[test]
fn nonce_does_not_change_the_decision() {
    for nonce in ["Theofand", "Derdiedas", "Quegato", "Marmelou"] {
        let reply = format!("Vous vous appelez {nonce}.");
        assert_eq!(decide(&reply, "fr", &[nonce]), Decision::Expected, "{nonce}");
    }
}

#[test]
fn another_script_fails_at_any_length() {
    for (reply, code, found) in [
        ("はい", "en", "ja"),
        ("您好", "fr", "zh"),
        ("Hello", "zh", "en"),
        ("Bonjour", "ja", "fr"),
        ("네", "en", "ko"),
        ("Привет", "en", "ru"),
    ] {
        assert_eq!(decide(reply, code, &[]), Decision::Other(found.to_owned()), "{reply}");
    }
}

#[test]
fn every_language_of_whatlang_is_known() {
    for language in whatlang::Lang::all() {
        assert!(two_letters(*language).is_some(), "{}", language.code());
    }
}

#[test]
fn words_and_codes_of_the_lexicon_are_valid() {
    for lexicon in lexicons() {
        assert!(domain::language::by_code(lexicon.code).is_some() || lexicon.code == "sr");
        for word in lexicon.words.split_whitespace() {
            assert_eq!(word, word.to_lowercase(), "{}", lexicon.code);
        }
    }
}

//! Decides whether a reply is in a language.
//!
//! A wrong decision would call a correct bot down, so a check fails only with enough evidence for
//! another language. The script decides at any length where languages have scripts of their own.
//! Otherwise frequent words, rare characters and the trigrams of whatlang are counted.

mod lexicon;
mod script;

use std::collections::HashMap;
use std::sync::LazyLock;

use lexicon::{CHARACTERS, CLOSE, lexicons};
use script::{Letters, Script};

/// The result for an expected language.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Expected,
    /// Not enough evidence.
    Undecided,
    /// The code of another language, or the name of its script.
    Other(String),
}

/// Whether `reply` is in the language `code` (ISO 639-1). `ignored` are words that say nothing about the
/// language, such as the nonce.
pub(super) fn decide(reply: &str, code: &str, ignored: &[&str]) -> Decision {
    let text = prose(reply, ignored);
    let letters = Letters::of(&text);
    if letters.is_empty() {
        return Decision::Undecided;
    }
    match by_script(&letters, &text, code) {
        Some(decision) => decision,
        None => by_words(&text, &letters, code),
    }
}

/// The text without code, addresses, numbers and ignored words.
fn prose(reply: &str, ignored: &[&str]) -> String {
    let mut text = String::with_capacity(reply.len());
    for (index, part) in reply.split("```").enumerate() {
        if index % 2 == 0 {
            text.push_str(part);
            text.push(' ');
        }
    }
    // Longest first, so that a word within another one leaves no rest of it.
    let mut ignored: Vec<&str> =
        ignored.iter().copied().filter(|word| !word.trim().is_empty()).collect();
    ignored.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in ignored {
        text = text.replace(word, " ");
    }
    let is_address =
        |word: &&str| word.contains("://") || word.contains('@') || word.starts_with("www.");
    text.split_whitespace().filter(|word| !is_address(word)).collect::<Vec<_>>().join(" ")
}

/// The decision by script; `None` if the script of the reply is one that the language shares with others.
fn by_script(letters: &Letters, text: &str, code: &str) -> Option<Decision> {
    let scripts = script::scripts_of(code);
    let own: f64 = scripts.iter().map(|script| letters.share(*script)).sum();
    let is_latin = scripts[0] == Script::Latin;
    // A correct reply may have many names in Latin letters.
    if own < if is_latin { 0.5 } else { 0.3 } {
        let found = letters.most();
        if found == Script::Latin && letters.count() < 3 {
            return Some(Decision::Undecided);
        }
        return Some(Decision::Other(name_of_other(found, text, letters)));
    }
    match code {
        "zh" if letters.share(Script::Kana) > 0.1 => Some(Decision::Other("ja".to_owned())),
        "ja" if letters.share(Script::Kana) == 0.0 => {
            let is_chinese = text.contains(script::is_only_chinese)
                || (longest_run(text) >= 6 && script::has_chinese_grammar(text));
            Some(if is_chinese { Decision::Other("zh".to_owned()) } else { Decision::Undecided })
        }
        _ if script::is_unique(scripts[0]) => Some(Decision::Expected),
        _ => None,
    }
}

/// Letters of the longest part between spaces and signs. Japanese has no long one without kana, except
/// in names and notices.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|character: char| !character.is_alphabetic());
    runs.map(|run| run.chars().count()).max().unwrap_or(0)
}

/// The code of the language in a script that the expected language does not use, or the script's name.
fn name_of_other(found: Script, text: &str, letters: &Letters) -> String {
    let by_script = match found {
        Script::Han if letters.share(Script::Kana) > 0.1 => Some("ja"),
        Script::Han => Some("zh"),
        other => script::language_of(other),
    };
    let code = by_script.map(str::to_owned).or_else(|| {
        let evidence = evidence(text);
        let best = evidence.iter().max_by(|one, other| one.1.total_cmp(other.1))?;
        (*best.1 >= 1.0).then(|| (*best.0).to_owned())
    });
    code.unwrap_or_else(|| format!("in {found:?} script"))
}

/// Evidence that decides on a text of few words.
const ENOUGH: f64 = 1.0;
/// Evidence that decides on a longer text, in which one foreign word is nothing special.
const ENOUGH_IN_LONG: f64 = 1.5;
/// Most words of a short text.
const SHORT: usize = 3;
/// Letters above which the trigrams alone are enough.
const LONG_FOR_TRIGRAMS: usize = 60;

fn by_words(text: &str, letters: &Letters, code: &str) -> Decision {
    let evidence = evidence(text);
    let own = evidence.get(code).copied().unwrap_or(0.0);
    // A reply in another script than Latin may have as many names in Latin letters.
    let own_scripts = script::scripts_of(code);
    let script = Some(letters.most()).filter(|most| own_scripts.contains(most));
    let script = script.unwrap_or(own_scripts[0]);
    let others = evidence
        .iter()
        .filter(|(other, _)| **other != code && script::scripts_of(other).contains(&script));
    let Some((other, most)) = others.max_by(|one, other| one.1.total_cmp(other.1)) else {
        return if own > 0.0 { Decision::Expected } else { Decision::Undecided };
    };
    let is_close = CLOSE.iter().any(|group| group.contains(&code) && group.contains(other));
    let is_known = lexicons().any(|lexicon| lexicon.code == code);
    let words = words(text).count();
    let enough = match (is_known, words <= SHORT) {
        (true, true) => ENOUGH,
        (true, false) => ENOUGH_IN_LONG,
        // Only trigrams could be evidence for the expected language.
        (false, _) => 3.0,
    };
    let ratio = if is_close { 4.0 } else { 2.0 };
    if *most >= enough && *most >= ratio * own {
        Decision::Other((*other).to_owned())
    } else if own > 0.0 && own >= *most {
        Decision::Expected
    } else {
        Decision::Undecided
    }
}

/// The evidence for each language: 1 for a word that only this language has.
fn evidence(text: &str) -> HashMap<&'static str, f64> {
    let mut evidence: HashMap<&'static str, f64> = HashMap::new();
    for word in words(text) {
        if let Some(languages) = WORDS.get(word.as_str()) {
            let weight = 1.0 / f64::from(u32::try_from(languages.len()).unwrap_or(u32::MAX));
            for code in languages {
                *evidence.entry(code).or_default() += weight;
            }
        }
    }
    let lower = text.to_lowercase();
    for (characters, languages) in CHARACTERS {
        if lower.contains(|character| characters.contains(character)) {
            let weight = 1.0 / f64::from(u32::try_from(languages.len()).unwrap_or(u32::MAX));
            for code in *languages {
                *evidence.entry(code).or_default() += weight;
            }
        }
    }
    if let Some(found) = whatlang::detect(text).filter(whatlang::Info::is_reliable)
        && let Some(code) = two_letters(found.lang())
    {
        let letters = text.chars().filter(|character| character.is_alphabetic()).count();
        *evidence.entry(code).or_default() += if letters >= LONG_FOR_TRIGRAMS { 2.0 } else { 0.5 };
    }
    evidence
}

/// Words in lower case; an apostrophe separates words.
fn words(text: &str) -> impl Iterator<Item = String> {
    // Vowel signs of Devanagari are not letters in Unicode.
    let is_word = |character: char| {
        character.is_alphanumeric() || ('\u{900}'..='\u{97f}').contains(&character)
    };
    text.split(move |character: char| !is_word(character))
        .filter(|word| word.contains(char::is_alphabetic))
        .map(str::to_lowercase)
}

/// The languages that have a word.
static WORDS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut words: HashMap<&'static str, Vec<&'static str>> = HashMap::new();
    for lexicon in lexicons() {
        for word in lexicon.words.split_whitespace() {
            let languages = words.entry(word).or_default();
            if !languages.contains(&lexicon.code) {
                languages.push(lexicon.code);
            }
        }
    }
    words
});

/// ISO 639-1 for the ISO 639-3 of whatlang; `None` for a language that probe files do not know.
fn two_letters(language: whatlang::Lang) -> Option<&'static str> {
    domain::language::by_long_code(language.code()).map(|known| known.code)
}

#[cfg(test)]
mod tests;

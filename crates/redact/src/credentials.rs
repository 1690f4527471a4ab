//! Finds credentials that are not known in advance, by their well-known forms.

use crate::PLACEHOLDER;

/// The text with everything replaced that has the form of a well-known kind of credential.
///
/// A word counts as a credential if it begins like one (`hf_`, `sk-`, `AKIA`, …) or follows a word
/// such as `Bearer` or `password`.
///
/// ```
/// let text = redact::redact_credentials("Authorization: Bearer abcdef123456");
/// assert_eq!(text, "Authorization: Bearer [secret]");
/// ```
#[must_use]
pub fn redact_credentials(text: &str) -> String {
    redact_words(text, true)
}

/// The text with everything replaced that begins like a well-known kind of credential. Unlike
/// [`redact_credentials`] it leaves the word after `password` or `token`, so it suits prose.
///
/// ```
/// let text = redact::redact_credential_forms("The token expired: hf_abcdefghijklmnopqrst");
/// assert_eq!(text, "The token expired: [secret]");
/// ```
#[must_use]
pub fn redact_credential_forms(text: &str) -> String {
    redact_words(text, false)
}

/// `named`: whether a word that follows the name of a credential counts as one.
fn redact_words(text: &str, named: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut is_next_secret = false;
    for word in text.split_inclusive(|character: char| !is_word(character)) {
        let core = word.trim_end_matches(|character: char| !is_word(character));
        // A secret may have been replaced already.
        let is_placeholder = clean.ends_with('[') && core == "secret";
        let is_secret = !core.is_empty()
            && !is_placeholder
            && (has_form_of_credential(core) || (is_next_secret && core.len() > SHORTEST_NAMED));
        clean.push_str(if is_secret { PLACEHOLDER } else { core });
        clean.push_str(&word[core.len()..]);
        if !core.is_empty() {
            is_next_secret = named && names_a_credential(core);
        }
    }
    clean
}

/// A shorter word after `token` or `password` is ordinary prose.
const SHORTEST_NAMED: usize = 5;

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '+' | '/' | '~')
}

fn names_a_credential(word: &str) -> bool {
    const NAMES: [&str; 9] = [
        "bearer", "basic", "password", "passwd", "secret", "token", "api_key", "apikey", "api-key",
    ];
    let word = word.to_ascii_lowercase();
    NAMES.iter().any(|name| word.ends_with(name))
}

/// Prefixes that the issuers document, with the shortest length of a whole credential.
fn has_form_of_credential(word: &str) -> bool {
    const PREFIXES: [(&str, usize); 9] = [
        ("hf_", 20),
        ("sk-", 16),
        ("ghp_", 20),
        ("github_pat_", 20),
        ("AKIA", 16),
        ("ASIA", 16),
        ("xoxb-", 16),
        ("AIza", 20),
        ("eyJ", 30),
    ];
    PREFIXES.iter().any(|(prefix, shortest)| word.starts_with(prefix) && word.len() >= *shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_credentials_are_replaced() {
        for (text, clean) in [
            ("key hf_abcdefghijklmnopqrstuvwxyz!", "key [secret]!"),
            ("Authorization: Bearer abcdef123456", "Authorization: Bearer [secret]"),
            ("password=correcthorse, user=ada", "password=[secret], user=ada"),
            ("{\"api_key\":\"1234567890\"}", "{\"api_key\":\"[secret]\"}"),
            ("AKIAIOSFODNN7EXAMPLE is mine", "[secret] is mine"),
            ("a token is a word", "a token is a word"),
            ("skill-based, eye, basic", "skill-based, eye, basic"),
        ] {
            assert_eq!(redact_credentials(text), clean);
        }
    }
}

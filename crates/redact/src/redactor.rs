//! Replaces known secrets in text from outside.
//!
//! A server may repeat a secret in another spelling: encoded for a URL, HTML or JSON, or in upper
//! case. A text that was cut may end in the middle of a secret. Other transformations, such as
//! reversed characters, are not detected.

use std::cmp::Reverse;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use crate::PLACEHOLDER;
use crate::spelling::{Matched, Reading, match_secret};

/// In bytes. Replacing a shorter text would damage ordinary words.
const SHORTEST: usize = 4;

/// In bytes. Of a shorter secret only the exact text is replaced.
const SHORTEST_RESPELT: usize = 8;

/// Bytes of a secret before an ellipsis that are taken for the secret.
const SHORTEST_CUT: usize = 4;

/// Bytes of one escaped character: four bytes of UTF-8 in a URL.
const LONGEST_ESCAPE: usize = 12;

/// Replaces a set of secrets by [`PLACEHOLDER`], however a server spelt them.
#[derive(Clone, Debug)]
pub struct Redactor {
    /// Longest first, so that a secret within another one leaves no rest of it.
    secrets: Vec<SecretString>,
    /// Bytes with which a secret can begin. Keeps the scan of a large page fast.
    first: [bool; 256],
}

impl Redactor {
    /// Secrets shorter than four bytes are ignored.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets.iter().map(SecretString::expose_secret) {
            // Secrets are often stored with a line end, which servers do not repeat.
            let secret = secret.trim();
            forms.push(secret.to_owned());
            // Checks report what they found in this form.
            forms.push(secret.nfc().collect());
        }
        forms.retain(|form| SHORTEST <= form.len());
        forms.sort_by_key(|form| Reverse(form.len()));
        forms.dedup();
        let mut first = [false; 256];
        for form in &forms {
            let begins = form.chars().next().unwrap_or_default();
            for case in begins.to_lowercase().chain(begins.to_uppercase()) {
                first[usize::from(case.encode_utf8(&mut [0; 4]).as_bytes()[0])] = true;
            }
            for byte in *b"%+&\\" {
                first[usize::from(byte)] = true;
            }
        }
        Self { secrets: forms.into_iter().map(SecretString::from).collect(), first }
    }

    /// The text with every secret replaced.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let (mut kept, mut at) = (0, 0);
        while let Some(next) = text[at..].chars().next() {
            let possible = self.first[usize::from(text.as_bytes()[at])];
            if let Some(length) = possible.then(|| self.secret_at_start(&text[at..])).flatten() {
                clean.push_str(&text[kept..at]);
                clean.push_str(PLACEHOLDER);
                at += length;
                kept = at;
            } else {
                at += next.len_utf8();
            }
        }
        clean.push_str(&text[kept..]);
        clean
    }

    /// Length of the secret at the start of `text`.
    fn secret_at_start(&self, text: &str) -> Option<usize> {
        let secrets = self.secrets.iter().map(SecretString::expose_secret);
        secrets.clone().find_map(|secret| whole_secret(text, secret)).or_else(|| {
            let mut long = secrets.filter(|secret| SHORTEST_RESPELT <= secret.len());
            long.find_map(|secret| cut_secret(text, secret))
        })
    }
}

/// Length of the whole secret at the start of `text`.
fn whole_secret(text: &str, secret: &str) -> Option<usize> {
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    if secret.len() < SHORTEST_RESPELT {
        return None;
    }
    let matched = |reading| {
        let matched = match_secret(text, secret, reading);
        (matched.secret == secret.len()).then_some(matched.text)
    };
    matched(Reading::Literal).max(matched(Reading::Decoded))
}

/// Length of the first part of a secret at the start of `text`, if the text ends or was cut after it.
fn cut_secret(text: &str, secret: &str) -> Option<usize> {
    [Reading::Literal, Reading::Decoded].into_iter().find_map(|reading| {
        let Matched { text: length, secret: known } = match_secret(text, secret, reading);
        let rest = &text[length..];
        let end = rest.find('…').unwrap_or(rest.len());
        let left = &rest[..end];
        // The cut may be inside an escaped character, such as `%C3%A9`.
        let within = left.starts_with(['%', '&', '\\'])
            && left.len() < LONGEST_ESCAPE
            && !left.contains(char::is_whitespace);
        // A truncated reply has no ellipsis, and half of a secret is not a coincidence.
        let enough =
            if end < rest.len() { SHORTEST_CUT <= known } else { secret.len() <= 2 * known };
        let over = left.trim().is_empty();
        (enough && (over || within)).then_some(if over { length } else { length + end })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = r#"canary/é"&4711 of<mine>'\"#;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(&secrets.iter().map(|&one| SecretString::from(one)).collect::<Vec<_>>())
    }

    #[test]
    fn escaped_secrets_are_replaced() {
        let redactor = redactor(&[CANARY]);
        for (name, spelt) in [
            ("literal", CANARY.to_owned()),
            ("in upper case", CANARY.to_uppercase()),
            ("in a URL", "canary%2F%C3%A9%22%264711%20of%3Cmine%3E%27%5C".to_owned()),
            ("in a form", "canary%2f%c3%a9%22%264711+of%3cmine%3e%27%5c".to_owned()),
            ("in a page", "canary/é&quot;&amp;4711 of&lt;mine&gt;&#39;\\".to_owned()),
            (
                "in a page, numbered",
                "canary/&#233;&#34;&#x26;4711 of&lt;mine&gt;&#x27;\\".to_owned(),
            ),
            ("in JSON", r#"canary\/\u00e9\"&4711 of<mine>'\\"#.to_owned()),
            ("in JSON in JSON", r#"canary/\\u00e9\\\"&4711 of<mine>'\\\\"#.to_owned()),
            ("on one line", "canary/é\"&4711  of<mine>'\\".to_owned()),
        ] {
            let text = format!("got {spelt}!");
            assert_eq!(redactor.redact(&text), "got [secret]!", "{name}");
        }
    }

    #[test]
    fn secret_with_percent_signs_is_replaced() {
        let redactor = redactor(&["pass%25word%"]);
        assert_eq!(redactor.redact("a pass%25word% b"), "a [secret] b");
        assert_eq!(redactor.redact("a pass%2525word%25 b"), "a [secret] b");
    }

    #[test]
    fn cut_secret_is_replaced() {
        let redactor = redactor(&["canary-4711-of-the-mine"]);
        for (text, clean) in [
            ("got canary-4…", "got [secret]…"),
            ("got `canary-4711 …` twice", "got `[secret] …` twice"),
            ("got canary-4711-of", "got [secret]"),
            ("got \"cana…\"", "got \"[secret]…\""),
            ("got canary-4711%2Dof%2…", "got [secret]…"),
            ("got canary-4711&#45;of&#4…", "got [secret]…"),
            ("a canary sings", "a canary sings"),
            ("a canary", "a canary"),
            ("can…", "can…"),
        ] {
            assert_eq!(redactor.redact(text), clean);
        }
    }

    #[test]
    fn secret_within_another_leaves_no_rest() {
        let redactor = redactor(&["canary-1", "Bearer canary-1-long", "canary-1-long\n"]);
        assert_eq!(redactor.redact("Bearer canary-1-long, canary-1-long, canary-1"), {
            "[secret], [secret], [secret]"
        });
    }

    #[test]
    fn ordinary_words_are_kept() {
        let redactor = redactor(&["", "abc", "demo", "temperature"]);
        let text = "The abc of it, a Demo: 100 % &c. \\o/ …";
        assert_eq!(redactor.redact(text), text);
        assert_eq!(redactor.redact("demo"), "[secret]");
    }

    #[test]
    fn decomposed_characters_match_composed_ones() {
        let redactor = redactor(&["cafe\u{301}-4711"]);
        assert_eq!(redactor.redact("a caf\u{e9}-4711, cafe\u{301}-4711"), "a [secret], [secret]");
    }

    proptest::proptest! {
        #[test]
        fn secret_is_replaced_in_any_context(
            before in ".{0,20}", secret in "[%&\\\\ -~é👩]{8,16}", after in ".{0,20}",
        ) {
            let secret = secret.trim();
            let clean = redactor(&[secret, CANARY]).redact(&format!("{before}{secret}{after}"));
            proptest::prop_assert!(secret.len() < SHORTEST || !clean.contains(secret), "{clean}");
        }
    }
}

//! Takes a target's secrets out of texts that came from it.
//!
//! A bot may repeat what it was given, and so may the page of an error or the address of a redirect.
//! They do it in spellings of their own (a URL, HTML and JSON each have theirs, and some shout), and
//! a text that was cut ends in the middle of one. What a bot makes of a secret beyond that, such as
//! its letters backwards, can't be told from speech.

use std::cmp::Reverse;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

const PLACEHOLDER: &str = "[secret]";

/// In bytes. A shorter secret would tear holes into ordinary words, and is none.
const SHORTEST: usize = 4;

/// Shorter than this, only the very same text is taken for the secret.
const SHORTEST_SPELT: usize = 8;

/// Bytes of a secret, before the mark of a cut, that are taken for the secret.
const SHORTEST_CUT: usize = 4;

/// Bytes of a character that is written as an escape: four bytes of UTF-8 in a URL.
const LONGEST_ESCAPE: usize = 12;

#[derive(Clone, Debug)]
pub(crate) struct Redactor {
    /// Longest first: one within another must leave no rest of it.
    secrets: Vec<SecretString>,
    /// Bytes with which one can begin: a page of metrics has a million that can't.
    first: [bool; 256],
}

impl Redactor {
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets.iter().map(SecretString::expose_secret) {
            // Secrets are often stored with the end of a line, and servers hand back without it.
            let secret = secret.trim();
            forms.push(secret.to_owned());
            // Checks look at replies in this form, and tell what they found.
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
    pub(crate) fn redacted(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let (mut kept, mut at) = (0, 0);
        while let Some(next) = text[at..].chars().next() {
            let possible = self.first[usize::from(text.as_bytes()[at])];
            if let Some(length) = possible.then(|| self.begins(&text[at..])).flatten() {
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

    /// How much of the start of `text` is a secret.
    fn begins(&self, text: &str) -> Option<usize> {
        let secrets = self.secrets.iter().map(SecretString::expose_secret);
        secrets.clone().find_map(|secret| whole(text, secret)).or_else(|| {
            let mut long = secrets.filter(|secret| SHORTEST_SPELT <= secret.len());
            long.find_map(|secret| begun(text, secret))
        })
    }
}

/// Length of the whole secret at the start of `text`.
fn whole(text: &str, secret: &str) -> Option<usize> {
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    if secret.len() < SHORTEST_SPELT {
        return None;
    }
    let reached = |read| {
        let reached = follow(text, secret, read);
        (reached.secret == secret.len()).then_some(reached.text)
    };
    reached(Read::AsItStands).max(reached(Read::Decoded))
}

/// Length of the beginning of a secret at the start of `text`, where the text then ends or was cut.
fn begun(text: &str, secret: &str) -> Option<usize> {
    [Read::AsItStands, Read::Decoded].into_iter().find_map(|read| {
        let Reached { text: length, secret: known } = follow(text, secret, read);
        let rest = &text[length..];
        let end = rest.find('…').unwrap_or(rest.len());
        let left = &rest[..end];
        // The cut may go through a character's escape, such as `%C3%A9`.
        let within = left.starts_with(['%', '&', '\\'])
            && left.len() < LONGEST_ESCAPE
            && !left.contains(char::is_whitespace);
        // A reply that broke off has no mark; half of a secret is no accident.
        let enough =
            if end < rest.len() { SHORTEST_CUT <= known } else { secret.len() <= 2 * known };
        let over = left.trim().is_empty();
        (enough && (over || within)).then_some(if over { length } else { length + end })
    })
}

/// What counts first where both fit: a secret may hold `%25` itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    AsItStands,
    Decoded,
}

/// How far both texts say the same, in bytes.
struct Reached {
    text: usize,
    secret: usize,
}

fn follow(text: &str, secret: &str, read: Read) -> Reached {
    let mut reached = Reached { text: 0, secret: 0 };
    loop {
        let (heard, hoped) = (&text[reached.text..], &secret[reached.secret..]);
        let steps = match read {
            Read::AsItStands => [gap(heard, hoped), plain(heard, hoped), decoded(heard, hoped)],
            Read::Decoded => [gap(heard, hoped), decoded(heard, hoped), plain(heard, hoped)],
        };
        let Some((text, secret)) = steps.into_iter().flatten().next() else { return reached };
        reached.text += text;
        reached.secret += secret;
    }
}

/// A step of the same character, in upper or lower case.
fn plain(heard: &str, hoped: &str) -> Option<(usize, usize)> {
    let (heard, hoped) = (heard.chars().next()?, hoped.chars().next()?);
    let same = heard == hoped || heard.to_lowercase().eq(hoped.to_lowercase());
    same.then_some((heard.len_utf8(), hoped.len_utf8()))
}

/// A step over white space and what is made white space of when a text becomes one line.
fn gap(heard: &str, hoped: &str) -> Option<(usize, usize)> {
    let is_gap = |c: char| c.is_whitespace() || c.is_control() || c == '`';
    let length = |text: &str| text.len() - text.trim_start_matches(is_gap).len();
    let (heard, hoped) = (length(heard), length(hoped));
    (heard > 0 && hoped > 0).then_some((heard, hoped))
}

/// A step over a character that is written as URLs, HTML or JSON write it.
fn decoded(heard: &str, hoped: &str) -> Option<(usize, usize)> {
    let (character, length) = match heard.as_bytes().first()? {
        b'%' => percent(heard)?,
        b'+' => (' ', 1),
        b'&' => entity(heard)?,
        b'\\' => {
            let run = |text: &str| text.len() - text.trim_start_matches('\\').len();
            let (heard_run, hoped_run) = (run(heard), run(hoped));
            if 0 < hoped_run && hoped_run <= heard_run {
                return Some((heard_run, hoped_run));
            }
            escape(heard, heard_run)?
        }
        _ => return None,
    };
    let hoped = hoped.chars().next()?;
    (character == hoped).then_some((length, hoped.len_utf8()))
}

/// `%C3%A9` of a URL.
fn percent(text: &str) -> Option<(char, usize)> {
    let mut bytes = Vec::with_capacity(4);
    while let Some(digits) = text.get(3 * bytes.len()..).and_then(|rest| rest.strip_prefix('%')) {
        bytes.push(u8::from_str_radix(digits.get(..2)?, 16).ok()?);
        if let Ok(decoded) = str::from_utf8(&bytes) {
            return Some((decoded.chars().next()?, 3 * bytes.len()));
        }
        if bytes.len() == 4 {
            return None;
        }
    }
    None
}

/// `&amp;`, `&#39;` or `&#x27;` of HTML.
fn entity(text: &str) -> Option<(char, usize)> {
    let name = text.get(1..)?.split(';').next().filter(|name| name.len() <= 8)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    text[name.len() + 1..].starts_with(';').then_some((character, name.len() + 2))
}

/// `\"` or `\u00e9` of JSON, after so many backslashes: JSON within JSON has several.
fn escape(text: &str, backslashes: usize) -> Option<(char, usize)> {
    let escaped = &text[backslashes..];
    let character = match escaped.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let code = u32::from_str_radix(escaped.get(1..5)?, 16).ok()?;
            return Some((char::from_u32(code)?, backslashes + 5));
        }
        same @ ('"' | '\'' | '/') => same,
        _ => return None,
    };
    Some((character, backslashes + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = r#"canary/é"&4711 of<mine>'\"#;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(&secrets.iter().map(|&one| SecretString::from(one)).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_found_as_urls_pages_and_json_spell_it() {
        let redactor = redactor(&[CANARY]);
        for (name, spelt) in [
            ("as it is", CANARY.to_owned()),
            ("shouted", CANARY.to_uppercase()),
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
            let text = format!("told {spelt}!");
            assert_eq!(redactor.redacted(&text), "told [secret]!", "{name}");
        }
    }

    #[test]
    fn a_secret_that_looks_encoded_is_found_as_it_is_and_encoded_once_more() {
        let redactor = redactor(&["pass%25word%"]);
        assert_eq!(redactor.redacted("a pass%25word% b"), "a [secret] b");
        assert_eq!(redactor.redacted("a pass%2525word%25 b"), "a [secret] b");
    }

    #[test]
    fn a_secret_that_was_cut_leaves_no_beginning_behind() {
        let redactor = redactor(&["canary-4711-of-the-mine"]);
        for (text, clean) in [
            ("told canary-4…", "told [secret]…"),
            ("told `canary-4711 …` twice", "told `[secret] …` twice"),
            ("told canary-4711-of", "told [secret]"),
            ("told \"cana…\"", "told \"[secret]…\""),
            ("told canary-4711%2Dof%2…", "told [secret]…"),
            ("told canary-4711&#45;of&#4…", "told [secret]…"),
            ("a canary sings", "a canary sings"),
            ("a canary", "a canary"),
            ("can…", "can…"),
        ] {
            assert_eq!(redactor.redacted(text), clean);
        }
    }

    #[test]
    fn a_secret_within_another_leaves_no_rest() {
        let redactor = redactor(&["canary-1", "Bearer canary-1-long", "canary-1-long\n"]);
        assert_eq!(redactor.redacted("Bearer canary-1-long, canary-1-long, canary-1"), {
            "[secret], [secret], [secret]"
        });
    }

    #[test]
    fn ordinary_words_stay() {
        let redactor = redactor(&["", "abc", "demo", "temperature"]);
        let text = "The abc of it, a Demo: 100 % &c. \\o/ …";
        assert_eq!(redactor.redacted(text), text);
        assert_eq!(redactor.redacted("demo"), "[secret]");
    }

    #[test]
    fn letters_in_pieces_are_one_letter() {
        let redactor = redactor(&["cafe\u{301}-4711"]);
        assert_eq!(redactor.redacted("a caf\u{e9}-4711, cafe\u{301}-4711"), "a [secret], [secret]");
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_around_it_a_secret_goes(
            before in ".{0,20}", secret in "[%&\\\\ -~é👩]{8,16}", after in ".{0,20}",
        ) {
            let secret = secret.trim();
            let clean = redactor(&[secret, CANARY]).redacted(&format!("{before}{secret}{after}"));
            proptest::prop_assert!(secret.len() < SHORTEST || !clean.contains(secret), "{clean}");
        }
    }
}

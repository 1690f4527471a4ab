//! Regular expressions of Go, which Prometheus uses, in the syntax of the crate `regex`.
//!
//! In Go `\d`, `\w`, `\s` and `\b` are about ASCII, `[` and `&` have no meaning within brackets, a brace that is not a
//! repetition is a character, `\<` is a character, and `\Q…\E` quotes.

use std::iter::Peekable;
use std::str::Chars;

const DIGITS: &str = "0-9";
const WORDS: &str = "0-9A-Za-z_";
const SPACES: &str = "\\t\\n\\f\\r\\x20";

/// The expression with the meaning that it has in Go.
pub(crate) fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\\' => escape(&mut rest, &mut out),
            '[' => class(&mut rest, &mut out),
            '{' if !is_repetition(rest.clone()) => out.push_str("\\{"),
            other => out.push(other),
        }
    }
    out
}

/// What follows a backslash outside of brackets.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let Some(char) = rest.next() else { return out.push('\\') };
    if let Some((negated, members)) = perl_class(char) {
        let start = if negated { "[^" } else { "[" };
        return out.extend([start, members, "]"]);
    }
    match char {
        'b' => out.push_str("(?-u:\\b)"),
        'Q' => quote(rest, out),
        '<' | '>' => out.push(char),
        _ => {
            out.extend(['\\', char]);
            // `\x{41}` and `\p{Greek}`: the brace is part of the escape.
            if matches!(char, 'x' | 'p' | 'P') && rest.peek() == Some(&'{') {
                out.extend(rest.by_ref().take_while(|char| *char != '}'));
                out.push('}');
            }
        }
    }
}

/// The members of `\d` and the like, and whether the class has all others.
fn perl_class(char: char) -> Option<(bool, &'static str)> {
    let members = match char.to_ascii_lowercase() {
        'd' => DIGITS,
        'w' => WORDS,
        's' => SPACES,
        _ => return None,
    };
    Some((char.is_ascii_uppercase(), members))
}

/// The characters up to `\E`.
fn quote(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut quoted = String::new();
    while let Some(char) = rest.next() {
        if char == '\\' && rest.peek() == Some(&'E') {
            rest.next();
            break;
        }
        quoted.push(char);
    }
    out.push_str(&regex::escape(&quoted));
}

/// The rest of a class in brackets.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    while let Some(char) = rest.next() {
        match char {
            ']' => return out.push(']'),
            // `[:alpha:]`
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                out.extend(rest.by_ref().take_while(|char| *char != ']'));
                out.push(']');
            }
            '[' | '&' | '~' => out.extend(['\\', char]),
            '\\' => {
                let Some(char) = rest.next() else { return out.push('\\') };
                match perl_class(char) {
                    Some((false, members)) => out.push_str(members),
                    Some((true, members)) => out.extend(["[^", members, "]"]),
                    None => out.extend(['\\', char]),
                }
            }
            other => out.push(other),
        }
    }
}

/// Whether `2}`, `2,}` or `2,3}` follows a brace.
fn is_repetition(rest: Peekable<Chars<'_>>) -> bool {
    let text: String = rest.collect();
    let Some((inside, _)) = text.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::translated;

    #[test]
    fn expression_has_its_meaning_in_go() {
        // Expression, a text that it matches, and one that it does not match.
        let cases = [
            (r"\d+", "12", "\u{661}"),
            (r"\w+", "a_1", "é"),
            (r"\W", "é", "a"),
            (r"[\w-]+", "a-b", "é-b"),
            (r"[^\d]+", "é", "1"),
            (r"[\D]+", "é", "1"),
            (r"a\sb", "a b", "a\u{a0}b"),
            (r"a[[0]b", "a[b", "ab"),
            (r"[]a]+", "]a", "b"),
            (r"[^]a]+", "b", "]"),
            (r"[a&&b]+", "a&b", "c"),
            (r"[[:alpha:]0]+", "a0", "1"),
            (r"\Qa.b\E.", "a.bc", "axbc"),
            (r"\Q[\E\d", "[1", "[a"),
            (r"a{2}", "aa", "a{2}"),
            (r"a{x}", "a{x}", "a"),
            (r"/{name}/\d{1,2}", "/{name}/12", "/{name}/123"),
            (r"\<a\>", "<a>", "a"),
            (r"\x{41}\p{Greek}", "Aα", "Aa"),
            (r"a\.b\-c", "a.b-c", "axb-c"),
            (r"(?P<x>a|b)c", "bc", "c"),
        ];
        for (text, matching, other) in cases {
            let regex = Regex::new(&format!("^(?:{})$", translated(text))).unwrap();
            assert!(regex.is_match(matching), "{text}: {matching}");
            assert!(!regex.is_match(other), "{text}: {other}");
        }
        let word = Regex::new(&translated(r"\bé")).unwrap();
        assert!(word.is_match("aé") && !word.is_match(" é"), "é is no word character in Go");
    }
}

//! The labels of one sample, read from text that [`crate::Reader`] has already checked.

use std::borrow::Cow;

use crate::cursor::{Cursor, Name};

/// Labels in the order in which they stand in the body.
///
/// Walking them costs a second scan of the label block. That is meant: who keeps series by
/// [`crate::Sample::series`] asks for labels only when a series is new.
#[derive(Clone)]
pub struct Labels<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Labels<'a> {
    /// `block` begins after the opening brace; a closing one may be part of it.
    pub(crate) fn new(block: &'a str) -> Self {
        Self { cursor: Cursor::new(block) }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.blanks();
        self.cursor.eat(b',');
        self.cursor.blanks();
        let name = self.cursor.name(Name::Label)?;
        self.cursor.blanks();
        self.cursor.eat(b'=');
        self.cursor.blanks();
        Some((name, unescape(self.cursor.quoted(true)?, true)))
    }
}

impl std::fmt::Debug for Labels<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.clone()).finish()
    }
}

/// Undoes `\\`, `\n` and, where `quotes` is set, `\"`. Any other escape stays as it is, as in Prometheus.
pub(crate) fn unescape(raw: &str, quotes: bool) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else {
        return Cow::Borrowed(raw);
    };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut rest = raw[first..].chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('\\') | None => text.push('\\'),
            Some('"') if quotes => text.push('"'),
            Some(other) => text.extend(['\\', other]),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_an_escape_is_copied() {
        assert!(matches!(unescape("plain é", true), Cow::Borrowed("plain é")));
        let cases = [
            (r"a\\b", "a\\b"),
            (r"a\nb", "a\nb"),
            (r#"say \"hi\""#, "say \"hi\""),
            (r"C:\dir\x", r"C:\dir\x"),
            (r"é\é", r"é\é"),
            (r"\\n", r"\n"),
        ];
        for (raw, expected) in cases {
            assert_eq!(unescape(raw, true), expected, "{raw}");
        }
        assert_eq!(unescape(r#"\""#, false), r#"\""#, "help of the Prometheus format keeps quotes");
    }
}

//! Why a body could not be read, and where.

/// Characters of the body that an error repeats, at most.
const FOUND_CHARS: usize = 24;

/// A body could not be read: the position and what was expected there.
///
/// What was read before it is valid; nothing after it is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: found {found}; expected {expected}")]
pub struct ParseError {
    /// Counts from 1.
    pub line: usize,
    /// In Unicode scalar values, counts from 1.
    pub column: usize,
    /// The next few characters, quoted, or words such as `the end of the line`.
    pub found: String,
    /// What would have been valid at this position.
    pub expected: &'static str,
}

impl ParseError {
    /// An error at byte `at` of `text`. Lines are counted only here, so that valid bodies are read faster.
    pub(crate) fn at(text: &str, at: usize, expected: &'static str) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &text[before.len()..];
        let found = match rest.chars().next() {
            None => "the end of the page".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(_) => {
                let word: String = rest
                    .chars()
                    .take_while(|char| *char != '\n')
                    .take(FOUND_CHARS)
                    .flat_map(char::escape_debug)
                    .collect();
                format!("`{word}`")
            }
        };
        Self {
            line: memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1,
            column: before[line_start..].chars().count() + 1,
            found,
            expected,
        }
    }

    /// The body is not UTF-8 after `text`.
    pub(crate) fn not_utf8(text: &str, byte: u8) -> Self {
        let error = Self::at(text, text.len(), "UTF-8");
        Self { found: format!("byte 0x{byte:02x}"), ..error }
    }
}

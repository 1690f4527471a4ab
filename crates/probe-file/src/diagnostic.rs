//! Mistakes in a file: the value, its position, and the expected value.

use std::fmt;

use redact::is_hidden;

use crate::node::Place;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The mistake, with the value in backticks.
    pub message: String,
    /// The expected value.
    pub expected: String,
    /// What the reader can do; `None` if `expected` is enough.
    pub hint: Option<String>,
    /// Bytes of the file that are wrong.
    pub at: Place,
}

impl Diagnostic {
    pub(crate) fn new(at: &Place, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            message: visible(&message.into()),
            expected: visible(&expected.into()),
            hint: None,
            at: at.clone(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(visible(&hint.into()));
        self
    }
}

/// A message may contain text of the file, whose control characters must not reach a terminal or a log.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| if is_hidden(character) { '\u{fffd}' } else { character })
        .collect()
}

/// All mistakes in one file, in the order of their positions.
///
/// `Display` writes them on one line, for logs: `bot.yaml:2:8: MESSAGE (EXPECTED; HINT)`. The command
/// shows the lines of the file as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The name of the file.
    pub file: String,
    pub source: String,
    /// Never empty.
    pub list: Vec<Diagnostic>,
}

impl std::error::Error for Diagnostics {}

impl Diagnostics {
    pub(crate) fn new(file: &str, source: &str, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.at.start);
        Self { file: file.to_owned(), source: source.to_owned(), list }
    }

    /// Line and column of a mistake, both counted from 1. The column counts characters.
    #[must_use]
    pub fn position(&self, diagnostic: &Diagnostic) -> (usize, usize) {
        let before = self.source.get(..diagnostic.at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            let (line, column) = self.position(diagnostic);
            let Diagnostic { message, expected, hint, .. } = diagnostic;
            let separator = if index == 0 { "" } else { "; " };
            write!(to, "{separator}{}:{line}:{column}: {message} ({expected}", self.file)?;
            if let Some(hint) = hint {
                write!(to, "; {hint}")?;
            }
            to.write_str(")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str, at: Place) -> Diagnostics {
        let mistake = Diagnostic::new(&at, "`45s` is invalid", "expected `30s`");
        Diagnostics::new("bot.yaml", source, vec![mistake])
    }

    #[test]
    fn mistakes_are_written_on_one_line() {
        let source = "probe: été\nevery: 45s\n";
        let mut mistakes = one(source, 20..23);
        mistakes.list.push(Diagnostic::new(&(7..12), "bad\u{1b}[2J name", "expected x").hint("y"));
        let expected = "bot.yaml:2:8: `45s` is invalid (expected `30s`); \
                        bot.yaml:1:8: bad\u{fffd}[2J name (expected x; y)";
        assert_eq!(mistakes.to_string(), expected);
    }

    #[test]
    fn place_outside_of_the_file_is_tolerated() {
        assert!(one("é", 1..900).to_string().contains("bot.yaml:1:1"));
        assert!(one("", 5..9).to_string().contains("bot.yaml:1:1"));
    }
}

//! What is wrong in a file, where, and what was expected: written as rustc writes it.

use std::fmt;

use anstyle::{AnsiColor, Style};
use redact::is_hidden;

use crate::node::Place;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, with the value in backticks.
    pub message: String,
    /// What was expected; stands beside the underlined text.
    pub expected: String,
    /// What the reader can do; `None` when `expected` says it all.
    pub hint: Option<String>,
    /// Bytes of the file that are underlined.
    pub at: Place,
}

impl Diagnostic {
    pub(crate) fn new(at: &Place, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { message: message.into(), expected: expected.into(), hint: None, at: at.clone() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Every mistake in one file, in the order in which they stand there.
///
/// Shown without colour by `Display`, with it by [`Diagnostics::coloured`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file as the reader named it.
    pub file: String,
    pub source: String,
    /// Never empty.
    pub list: Vec<Diagnostic>,
}

impl std::error::Error for Diagnostics {}

/// The longest part of a line that is shown, in characters.
const LONGEST_LINE: usize = 120;

impl Diagnostics {
    pub(crate) fn new(file: &str, source: &str, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.at.start);
        Self { file: file.to_owned(), source: source.to_owned(), list }
    }

    /// With the escape sequences of a terminal.
    #[must_use]
    pub fn coloured(&self) -> String {
        let mut text = String::new();
        let styles = Styles {
            error: AnsiColor::Red.on_default().bold(),
            bold: Style::new().bold(),
            frame: AnsiColor::Blue.on_default().bold(),
        };
        // Writing to a string does not fail.
        let _ = self.write(&mut text, styles);
        text
    }

    /// Line and column of a mistake, both from 1; the column counts characters.
    #[must_use]
    pub fn position(&self, diagnostic: &Diagnostic) -> (usize, usize) {
        let before = self.source.get(..diagnostic.at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }

    fn write(&self, to: &mut impl fmt::Write, styles: Styles) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                to.write_char('\n')?;
            }
            self.write_one(to, diagnostic, styles)?;
        }
        Ok(())
    }

    fn write_one(
        &self,
        to: &mut impl fmt::Write,
        diagnostic: &Diagnostic,
        Styles { error, bold, frame }: Styles,
    ) -> fmt::Result {
        let (line, column) = self.position(diagnostic);
        let excerpt = Excerpt::of(&self.source, &diagnostic.at);
        let (number, message) = (line.to_string(), shown(&diagnostic.message));
        let margin = " ".repeat(number.len());
        let underline = "^".repeat(excerpt.width);
        let (text, offset) = (&excerpt.text, " ".repeat(excerpt.offset));
        let (file, expected) = (&self.file, shown(&diagnostic.expected));
        writeln!(to, "{error}error{error:#}{bold}: {message}{bold:#}")?;
        writeln!(to, "{margin}{frame}-->{frame:#} {file}:{line}:{column}")?;
        writeln!(to, "{margin} {frame}|{frame:#}")?;
        writeln!(to, "{frame}{number} |{frame:#} {text}")?;
        let label = format!("{underline} {expected}");
        writeln!(to, "{margin} {frame}|{frame:#} {offset}{error}{}{error:#}", label.trim_end())?;
        if let Some(hint) = &diagnostic.hint {
            let hint = shown(hint);
            writeln!(to, "{margin} {frame}={frame:#} {bold}hint{bold:#}: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Style::new();
        self.write(to, Styles { error: plain, bold: plain, frame: plain })
    }
}

#[derive(Clone, Copy)]
struct Styles {
    error: Style,
    bold: Style,
    frame: Style,
}

/// The line of a mistake, cut to a width that fits on a screen.
struct Excerpt {
    text: String,
    /// Characters before the underlined part.
    offset: usize,
    /// Characters underlined, at least one.
    width: usize,
}

impl Excerpt {
    fn of(source: &str, at: &Place) -> Self {
        let start = source
            .get(..at.start)
            .map_or(0, |before| before.rfind('\n').map_or(0, |newline| newline + 1));
        let line = source.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let characters: Vec<char> = line.chars().map(visible).collect();
        let marked = |end: usize| {
            line.get(..end.saturating_sub(start).min(line.len())).unwrap_or(line).chars().count()
        };
        let (from, to) = (marked(at.start), marked(at.end));
        let before = from.saturating_sub(LONGEST_LINE / 2);
        let cut = if characters.len() > LONGEST_LINE { before } else { 0 };
        let text: String =
            characters[cut.min(characters.len())..].iter().take(LONGEST_LINE).collect();
        let left = text.chars().count().saturating_sub(from - cut).max(1);
        Self {
            text: text.trim_end().to_owned(),
            offset: from - cut,
            width: to.saturating_sub(from).clamp(1, left),
        }
    }
}

/// A file is read from outside: its control characters must not reach the terminal.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        character if is_hidden(character) => '\u{fffd}',
        character => character,
    }
}

fn shown(text: &str) -> String {
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str, at: Place) -> Diagnostics {
        let mistake = Diagnostic::new(&at, "`45s` is no interval", "expected `30s`").hint("wait");
        Diagnostics::new("probes/bot.yaml", source, vec![mistake])
    }

    #[test]
    fn the_offending_text_is_underlined() {
        let expected = "\
error: `45s` is no interval
 --> probes/bot.yaml:2:8
  |
2 | every: 45s # été
  |        ^^^ expected `30s`
  = hint: wait
";
        assert_eq!(one("probe: bot\nevery: 45s # été\n", 18..21).to_string(), expected);
    }

    #[test]
    fn colours_only_come_when_they_are_asked_for() {
        let mistakes = one("every: 45s", 7..10);
        assert!(!mistakes.to_string().contains('\u{1b}'));
        assert!(mistakes.coloured().contains("\u{1b}[1m"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mistake() {
        let source = format!("{}45s{}", "x".repeat(1_000), "y".repeat(1_000));
        let shown = one(&source, 1_000..1_003).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[3].chars().count(), "1 | ".len() + LONGEST_LINE);
        assert_eq!(lines[3].find("45s"), lines[4].find("^^^"));
        assert_eq!(lines[1], " --> probes/bot.yaml:1:1001");
    }

    #[test]
    fn a_place_outside_the_file_does_no_harm() {
        assert!(one("é", 1..900).to_string().contains("45s"));
        assert!(one("", 5..9).to_string().contains("45s"));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let shown = one("every: \u{1b}[2J\u{202e}45s", 7..10).to_string();
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
    }
}

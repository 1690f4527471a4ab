//! Explains why a file is not YAML.

use crate::diagnostic::Diagnostic;

/// Hint for an escape of a regex in double quotes.
pub(crate) const ESCAPE: &str =
    "in double quotes a backslash is an escape: use single quotes, or write `\\\\`";

/// The error of serde-saphyr at its place, with a hint.
pub(crate) fn diagnostic(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let at =
        error.location().map_or(0, |location| offset(text, location.line(), location.column()));
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    // The diagnostic shows the place anyway.
    let message = message.split(" at line ").next().unwrap_or_default();
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let (message, hint) = explain(message, line);
    Diagnostic::new(&(at..at), "the file is not valid YAML", message).hint(hint)
}

/// A message and a hint for an error of serde-saphyr.
fn explain(message: &str, line: &str) -> (String, &'static str) {
    let is = |part: &str| message.contains(part);
    let (replaced, hint) = if is("unknown escape") {
        (None, ESCAPE)
    } else if line.contains('\u{a0}') {
        (None, "the line has a no-break space (U+00A0): replace it by a space")
    } else if line.contains("${") && (is("',' or '}'") || is("',' or ']'") || is("flow")) {
        (None, "inside of `{ }` and `[ ]`, a text with `${…}` must be in quotes")
    } else if is("unexpected character") || is("unknown anchor") {
        (None, "a text that begins with one of @ ` % & * ! | > must be in quotes")
    } else if is("mapping values are not allowed") {
        (None, "a text with a colon and a space after it must be in quotes")
    } else if is("quoted scalar") {
        (None, "a quote ends the text: write `\\\"` in double quotes, or `''` in single quotes")
    } else if is("tabs disallowed") {
        (None, "indent with spaces instead of tabs")
    } else if is("Documents") {
        (Some("several documents"), "a probe file has one document: remove what follows `---`")
    } else if is("Option<String>") {
        (Some("a key without text"), "write the key before the colon")
    } else if is("configured policy") {
        (Some("a number that is not finite"), "expected a finite number, or a text in quotes")
    } else {
        (None, "the mistake may be on a line before: a bracket or a quote that is not closed")
    };
    (replaced.unwrap_or(message).to_owned(), hint)
}

/// Bytes before a line and column, both counted from 1. The column counts characters.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let lines = text.split_inclusive('\n');
    let before: usize = lines.clone().take(index(line)).map(str::len).sum();
    let within = lines.clone().nth(index(line)).unwrap_or_default();
    before + within.char_indices().nth(index(column)).map_or(0, |(offset, _)| offset)
}

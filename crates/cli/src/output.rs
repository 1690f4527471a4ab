//! Formats of reports: text, `JUnit` XML, Prometheus text.

pub(crate) mod junit;
pub(crate) mod pretty;
pub(crate) mod prometheus;

use redact::is_hidden;

/// External text on one line: control and direction characters are replaced, and the text is cut to
/// `longest` characters.
pub(crate) fn visible(text: &str, longest: usize) -> String {
    let mut shown: String = text
        .trim()
        .chars()
        .take(longest)
        .map(|character| match character {
            '\n' => '⏎',
            '\t' => ' ',
            character if is_hidden(character) => '\u{fffd}',
            character => character,
        })
        .collect();
    if text.trim().chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_cannot_control_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{202e}d", 80), "a\u{fffd}[2Jb⏎c\u{fffd}d");
        assert_eq!(visible("  été  ", 3), "été");
        assert_eq!(visible("étés", 3), "été…");
    }
}

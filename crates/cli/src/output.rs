//! Reports as text, `JUnit` XML, Prometheus text.

pub(crate) mod junit;
pub(crate) mod pretty;
pub(crate) mod prometheus;

use redact::is_hidden;

/// Text from outside in one line: control and direction characters replaced, cut to `longest`.
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
    fn a_reply_can_not_steer_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{202e}d", 80), "a\u{fffd}[2Jb⏎c\u{fffd}d");
        assert_eq!(visible("  été  ", 3), "été");
        assert_eq!(visible("étés", 3), "été…");
    }
}

//! Characters that must not be shown as they are, and text on one line.

/// Whether a character is invisible, controls a terminal, or changes the direction of the text around
/// it.
///
/// The joiners U+200C and U+200D do not count: emoji and several scripts need them.
///
/// ```
/// assert!(redact::is_hidden('\u{1b}') && redact::is_hidden('\u{202e}'));
/// assert!(!redact::is_hidden('é') && !redact::is_hidden('\u{200d}'));
/// ```
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}'
            | '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text shows nothing: it has only white space and characters without a picture.
///
/// ```
/// assert!(redact::is_blank(" \u{200b}\u{a0}\n"));
/// assert!(!redact::is_blank("."));
/// ```
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

/// Whether a character is not drawn: white space, hidden characters, joiners, variation
/// selectors and fillers.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || is_hidden(character)
        || matches!(character,
            '\u{034f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200c}'..='\u{200d}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}')
}

/// The text on one line, without hidden characters, with single spaces, cut after `longest` characters.
///
/// A text that was cut ends with `…`.
///
/// ```
/// assert_eq!(redact::one_line(" a\u{202e}b\n\tc ", 80), "ab c");
/// assert_eq!(redact::one_line("abcdef", 3), "abc…");
/// ```
#[must_use]
pub fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let mut characters = 0;
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        let mut visible = word.chars().filter(|character| !is_hidden(*character)).peekable();
        let space = (!line.is_empty() && visible.peek().is_some()).then_some(' ');
        for character in space.into_iter().chain(visible) {
            if characters == longest {
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(character);
            characters += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_no_hidden_characters_and_single_spaces() {
        for (text, line) in [
            ("", ""),
            (" \n\u{200b} ", ""),
            ("a\r\nb\u{1b}[2J", "a b [2J"),
            ("zero\u{200b}width \u{202e}x", "zerowidth x"),
        ] {
            assert_eq!(one_line(text, 100), line, "{text:?}");
        }
    }

    #[test]
    fn one_line_is_cut_between_characters() {
        assert_eq!(one_line("été", 3), "été");
        assert_eq!(one_line("étés", 3), "été…");
        assert_eq!(one_line("ab cd", 3), "ab…");
    }
}

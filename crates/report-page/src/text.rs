//! Text from outside. Markup shows as text, and characters that are invisible or change the direction of other text are
//! shown by their code.

use std::fmt::Write as _;

use maud::{Escaper, Render};
use redact::is_hidden;

/// A text from outside, for a page that `maud` renders.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

impl Render for Text<'_> {
    fn render_to(&self, page: &mut String) {
        // Writing to a string cannot fail.
        for character in self.0.chars() {
            if is_hidden(character) && !matches!(character, '\n' | '\t') {
                let code = u32::from(character);
                let _ = write!(page, "<span class=\"hidden\">U+{code:04X}</span>");
            } else {
                let _ = Escaper::new(page).write_char(character);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_hidden_characters_are_named() {
        let cases = [
            ("<script>\"x\"</script>", "&lt;script&gt;&quot;x&quot;&lt;/script&gt;"),
            ("a & b\n", "a &amp; b\n"),
            ("\u{202e}x", "<span class=\"hidden\">U+202E</span>x"),
            ("zero\u{200b}width", "zero<span class=\"hidden\">U+200B</span>width"),
            ("\u{1b}[2J", "<span class=\"hidden\">U+001B</span>[2J"),
            (
                "\u{0}\u{85}",
                "<span class=\"hidden\">U+0000</span><span class=\"hidden\">U+0085</span>",
            ),
            ("été\n\tשלום 👩‍🚀", "été\n\tשלום 👩‍🚀"),
        ];
        for (text, expected) in cases {
            assert_eq!(Text(text).render().into_string(), expected);
        }
    }
}

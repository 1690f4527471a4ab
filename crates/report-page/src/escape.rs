//! Escapes text for a page: markup shows as text, and characters that are invisible or change the direction
//! of other text are shown by their name.

use std::fmt::{self, Write as _};

use domain::text::entity;
use redact::is_hidden;

/// A text that is escaped when it is written.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' | '\t' => write!(to, "{character}")?,
                character if is_hidden(character) => {
                    write!(to, "<span class=\"hidden\">U+{:04X}</span>", u32::from(character))?;
                }
                character => match entity(character) {
                    Some(entity) => to.write_str(entity)?,
                    None => to.write_char(character)?,
                },
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Text(text).to_string(), expected);
    }

    #[test]
    fn markup_is_escaped() {
        check("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
        check("a & \"b\"", "a &amp; &quot;b&quot;");
    }

    #[test]
    fn invisible_characters_are_named() {
        check("a\u{1b}[2J", "a<span class=\"hidden\">U+001B</span>[2J");
        check("\u{202e}evil", "<span class=\"hidden\">U+202E</span>evil");
        check("zero\u{200b}width", "zero<span class=\"hidden\">U+200B</span>width");
        check(
            "\u{0}\u{85}",
            "<span class=\"hidden\">U+0000</span><span class=\"hidden\">U+0085</span>",
        );
    }

    #[test]
    fn line_breaks_letters_and_emoji_are_kept() {
        check("été\n\tשלום 👩‍🚀", "été\n\tשלום 👩‍🚀");
    }
}

//! Texts made comparable: what a browser renders, and the Markdown or HTML that it was made of.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"</?[a-zA-Z][^<>]*>").expect("the pattern is valid"));
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"!?\[([^\]]*)\]\([^)]*\)").expect("the pattern is valid"));
static FENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^```\w*$").expect("the pattern is valid"));

/// White space as single spaces, typographic quotes as plain ones, nothing invisible.
pub(crate) fn collapse(text: &str) -> String {
    let text: String =
        text.nfkc().filter(|character| !is_invisible(*character)).map(plain).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without white space and Markdown's own characters, for the comparison of two answers.
pub(crate) fn comparable(text: &str) -> String {
    let text = FENCE.replace_all(text, "");
    let text = LINK.replace_all(&text, "$1");
    let text = TAG.replace_all(&text, "");
    let text = ["&amp;", "&lt;", "&gt;", "&quot;", "&#x27;", "&#39;"]
        .iter()
        .zip(["&", "<", ">", "\"", "'", "'"])
        .fold(text.into_owned(), |text, (entity, character)| text.replace(entity, character));
    collapse(&text).chars().filter(|character| !" *_`#~>|-+•\\".contains(*character)).collect()
}

pub(crate) fn is_blank(text: &str) -> bool {
    collapse(text).is_empty()
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn plain(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2010}'..='\u{2014}' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_equals_its_rendering() {
        let rows = [
            ("**Ada** Lovelace", "Ada Lovelace"),
            ("see [the docs](https://x.y/z)", "see the docs"),
            ("- one\n- two", "one\ntwo"),
            ("Sure!\n```json\n{\"ok\": true}\n```", "Sure!\n{\"ok\": true}"),
            ("<div class=\"md\"><p>AT&amp;T</p></div>", "AT&T"),
            ("Bonjour Ada\u{202f}!", "Bonjour Ada !"),
            ("a < b and c > d", "a < b and c > d"),
        ];
        for (source, rendered) in rows {
            assert_eq!(comparable(source), comparable(rendered), "{source}");
        }
        assert_ne!(comparable("Your name is Ada"), comparable("Your name is Bob"));
    }

    #[test]
    fn invisible_text_is_blank() {
        assert!(is_blank(" \n\u{200b}\u{feff} "));
        assert!(!is_blank("."));
    }
}

//! Makes typographic variants of a text equal, and finds the character in which two texts differ.
//!
//! Language models change between `'` and `’`, a space and a no-break space, or `Ada` and `**Ada**`
//! from one reply to the next. A reader does not see a difference that matters.

use redact::is_invisible;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// How much two texts may differ and still be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// Nothing is changed.
    Exact,
    /// Typographic variants, invisible characters and Markdown emphasis.
    Typographic,
    /// Case and accents too. Used only to explain a mismatch.
    Loose,
}

/// The characters of a folded text, each with the index of the character that it came from.
type Folded = Vec<(char, usize)>;

/// The text with typographic variants replaced by ASCII characters, white space by single spaces, and
/// without invisible characters and Markdown emphasis.
pub(super) fn fold(text: &str) -> String {
    fold_to(text, Level::Typographic).into_iter().map(|(character, _)| character).collect()
}

fn fold_to(text: &str, level: Level) -> Folded {
    let characters: Vec<char> = text.chars().collect();
    let mut folded: Folded = Vec::with_capacity(characters.len());
    if level == Level::Exact {
        return characters.into_iter().zip(0..).collect();
    }
    let emphasis = emphasis(&characters);
    for (index, character) in characters.iter().copied().enumerate() {
        if emphasis[index] {
            continue;
        }
        if character.is_whitespace() {
            if folded.last().is_none_or(|(last, _)| *last != ' ') {
                folded.push((' ', index));
            }
            continue;
        }
        if is_invisible(character) {
            continue;
        }
        let mut push = |character: char| {
            if level == Level::Loose {
                let plain = character.nfkd().filter(|character| !is_combining_mark(*character));
                let lower = plain.flat_map(char::to_lowercase);
                folded.extend(lower.map(|character| (character, index)));
            } else {
                folded.push((character, index));
            }
        };
        match typographic(character) {
            Some(variant) => variant.chars().for_each(push),
            None => push(character),
        }
    }
    folded
}

/// The ASCII form of a typographic variant.
fn typographic(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{2018}'..='\u{201b}'
        | '\u{2032}'
        | '\u{02bc}'
        | '\u{02b9}'
        | '\u{00b4}'
        | '\u{ff07}'
        | '\u{2039}'
        | '\u{203a}' => "'",
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ff02}' | '\u{00ab}' | '\u{00bb}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => "-",
        '\u{2026}' => "...",
        _ => return None,
    })
}

/// Which characters are Markdown emphasis or code marks: runs of `*`, `_` or `` ` `` that begin or end
/// a word, and pairs of `**` of which one is inside a word, as in `**12**km`.
fn emphasis(characters: &[char]) -> Vec<bool> {
    let mut is_mark = vec![false; characters.len()];
    // The last run of `**` of this line that no other one closes.
    let mut open: Option<(usize, usize)> = None;
    let mut start = 0;
    while start < characters.len() {
        let mark = characters[start];
        let run = characters[start..].iter().take_while(|character| **character == mark).count();
        let end = start + run;
        if matches!(mark, '*' | '_' | '`') || (mark == '~' && run > 1) {
            let before = start.checked_sub(1).map(|index| characters[index]);
            let after = characters.get(end).copied();
            let is_space = |character: Option<char>| character.is_none_or(char::is_whitespace);
            let is_opening = !is_space(after) && !before.is_some_and(joins_words);
            let is_closing = !is_space(before) && !after.is_some_and(joins_words);
            if is_opening || is_closing {
                is_mark[start..end].fill(true);
            }
            if mark == '*' && run > 1 {
                let pair = open.filter(|&(from, to)| to - from == run && !is_space(before));
                open = match pair {
                    Some((from, to)) => {
                        is_mark[from..to].fill(true);
                        is_mark[start..end].fill(true);
                        None
                    }
                    None => Some((start, end)).filter(|_| !is_space(after)),
                };
            }
        } else if mark == '\n' {
            open = None;
        }
        start = end;
    }
    is_mark
}

/// Whether a mark beside this character is inside a word, as in `snake_case` and `2*3`. Chinese, Japanese
/// and Korean words have no spaces between them, so a mark beside one of their characters is emphasis.
fn joins_words(character: char) -> bool {
    character.is_alphanumeric()
        && !matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}')
}

/// The first character in which the reply differs from the expected text: `"É" (U+00C9) instead of "é"
/// (U+00E9)`. `None` unless the reply contains the text if case, accents and typography are ignored.
pub(super) fn difference(reply: &str, expected: &str, exact: bool) -> Option<String> {
    let (loose_reply, loose_expected) =
        (fold_to(reply, Level::Loose), fold_to(expected, Level::Loose));
    let text = |folded: &Folded| folded.iter().map(|(character, _)| *character).collect::<String>();
    let haystack = text(&loose_reply);
    let needle = text(&loose_expected);
    let needle = needle.trim();
    if needle.is_empty() {
        return None;
    }
    let at = haystack.find(needle)?;
    let start = loose_reply.get(haystack[..at].chars().count())?.1;

    let level = if exact { Level::Exact } else { Level::Typographic };
    let compared_reply = fold_to(reply, level);
    let compared_expected = fold_to(expected.trim(), level);
    let from = compared_reply.iter().position(|(_, origin)| start <= *origin)?;
    let differs = compared_reply[from..]
        .iter()
        .zip(&compared_expected)
        .find(|((found, _), (wanted, _))| found != wanted)?;
    let ((_, found), (_, wanted)) = differs;
    let found = reply.chars().nth(*found)?;
    let wanted = expected.trim().chars().nth(*wanted)?;
    Some(format!("{} instead of {}", named(found), named(wanted)))
}

/// The character and its code point.
fn named(character: char) -> String {
    let code = u32::from(character);
    if is_invisible(character) {
        format!("U+{code:04X}")
    } else {
        format!("\"{character}\" (U+{code:04X})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typographic_variants_are_folded() {
        for (text, folded) in [
            ("je m\u{2019}appelle \u{ab}\u{a0}Bot\u{a0}\u{bb}", "je m'appelle \" Bot \""),
            ("Bonjour Ada\u{202f}!", "Bonjour Ada !"),
            ("9\u{2013}18\u{a0}h \u{2014} oui\u{2026}", "9-18 h - oui..."),
            ("co\u{ad}op\u{200b}er\u{feff}ate", "cooperate"),
            ("a\n\n  b\tc", "a b c"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn markdown_emphasis_is_removed() {
        for (text, folded) in [
            ("**Ada** Lovelace", "Ada Lovelace"),
            ("(_Ada_), ***Ada***: `x`.", "(Ada), Ada: x."),
            ("**Note:** it", "Note: it"),
            ("答えは**東京**です", "答えは東京です"),
            ("**12**km, re**mark**able\n2**10", "12km, remarkable 2**10"),
            ("คือ**ปารีส**ครับ", "คือปารีสครับ"),
            ("snake_case 2*3 5 * 3", "snake_case 2*3 5 * 3"),
            ("* item\n- item", "* item - item"),
            ("~~no~~ ~5", "no ~5"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn first_differing_character_is_named() {
        let differs = |reply, expected, exact| difference(reply, expected, exact);
        assert_eq!(
            differs("Il dit \u{c9}t\u{e9}.", "été", false).as_deref(),
            Some("\"É\" (U+00C9) instead of \"é\" (U+00E9)")
        );
        assert_eq!(
            differs("Bonjour Ada\u{202f}!", "Bonjour Ada !", true).as_deref(),
            Some("U+202F instead of U+0020")
        );
        assert_eq!(differs("Bonjour Ada\u{202f}!", "Bonjour Ada !", false), None, "equal");
        assert_eq!(differs("something else", "Ada", false), None);
        assert_eq!(differs("x", "  ", false), None);
    }
}

//! Text as the receivers accept it: cut at their limits, without control characters, with their markup escaped.

use std::fmt::Write as _;

use redact::is_hidden;

/// At most `most` characters. A text that was cut ends with `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.char_indices().nth(most).is_none() {
        text.to_owned()
    } else {
        let kept: String = text.chars().take(most.saturating_sub(1)).collect();
        format!("{}…", kept.trim_end())
    }
}

/// The text with its line breaks, without other control and direction characters, cut after `most` characters.
pub(crate) fn lines(text: &str, most: usize) -> String {
    let visible: String =
        text.chars().filter(|letter| *letter == '\n' || !is_hidden(*letter)).collect();
    cut(visible.trim(), most)
}

/// Slack decodes these three characters and nothing else:
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>.
pub(crate) fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// [`slack`], cut so that the escaped text has at most `most` characters.
pub(crate) fn slack_cut(text: &str, most: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    let whole = slack(text);
    if whole.chars().count() <= most {
        return whole;
    }
    for letter in text.chars() {
        let next = slack(letter.encode_utf8(&mut [0; 4]));
        length += next.chars().count();
        if most.saturating_sub(1) < length {
            break;
        }
        escaped.push_str(&next);
    }
    escaped.push('…');
    escaped
}

/// Markdown as Discord and Teams read it: each character that can begin markup follows a backslash.
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(
            letter,
            '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cut_text_ends_with_an_ellipsis() {
        let cases = [("short", 5, "short"), ("a bit longer", 5, "a bi…"), ("été été", 4, "été…")];
        for (text, most, expected) in cases {
            assert_eq!(cut(text, most), expected);
        }
    }

    #[test]
    fn control_and_direction_characters_are_removed() {
        assert_eq!(lines("a\u{1b}[31m\r\nb\u{202e}c\0", 100), "a[31m\nbc");
    }

    #[test]
    fn markup_of_each_vendor_is_escaped() {
        assert_eq!(slack("<!channel> a & b"), "&lt;!channel&gt; a &amp; b");
        assert_eq!(markdown("[x](http://e) @everyone"), r"\[x\]\(http://e\) \@everyone");
    }

    proptest! {
        #[test]
        fn escaped_slack_text_is_never_longer_than_its_limit(text in "[<>&a-z]{0,40}", most in 1_usize..60) {
            let escaped = slack_cut(&text, most);
            prop_assert!(escaped.chars().count() <= most);
            prop_assert!(!escaped.contains(['<', '>']));
            // No entity is cut in its middle.
            prop_assert!(escaped.split('&').skip(1).all(|rest| rest.contains(';')));
        }
    }
}

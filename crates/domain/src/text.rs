//! Characters of a text from outside that may not be shown as they are, wherever it is shown.

/// Whether a character would be invisible, steer a terminal, or turn the direction of the text around
/// it. The joiners U+200C and U+200D are left alone: emoji and many scripts need them, and they do
/// no harm.
///
/// ```
/// assert!(domain::text::is_hidden('\u{1b}') && domain::text::is_hidden('\u{202e}'));
/// assert!(!domain::text::is_hidden('é') && !domain::text::is_hidden('\u{200d}'));
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

/// How a character is written in HTML and XML; `None` for one that stands for itself.
#[must_use]
pub fn entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

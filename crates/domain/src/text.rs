//! Escaping of text in HTML and XML.

/// The entity of a character in HTML and XML; `None` if the character needs none.
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

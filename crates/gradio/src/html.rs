//! The text that a reader of HTML sees.

/// Visible text of HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// Texts of the block elements, without empty ones.
    pub(crate) blocks: Vec<String>,
    /// Number of images, videos and audio players.
    pub(crate) media: usize,
}

/// Elements with which a text that is HTML starts.
const ELEMENTS: [&str; 42] = [
    "a",
    "article",
    "audio",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "details",
    "div",
    "em",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "label",
    "li",
    "main",
    "mark",
    "ol",
    "p",
    "pre",
    "section",
    "small",
    "span",
    "strong",
    "svg",
    "table",
    "u",
    "ul",
    "video",
    "!doctype",
];

/// Whether this is the name of an element; pages show other tags as text.
pub(crate) fn is_element(name: &str) -> bool {
    const OTHERS: [&str; 16] = [
        "script", "style", "head", "title", "template", "td", "th", "tr", "tbody", "thead",
        "summary", "dl", "dt", "dd", "del", "ins",
    ];
    ELEMENTS.contains(&name) || OTHERS.contains(&name) || is_inline(name)
}

/// Whether a text is HTML as a whole: it starts with the tag of a known element and ends with a tag.
pub(crate) fn is_html(text: &str) -> bool {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('<').filter(|_| text.ends_with('>')) else { return false };
    let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/');
    let name = rest[..end.unwrap_or(rest.len())].to_ascii_lowercase();
    ELEMENTS.contains(&name.as_str())
}

/// Reads HTML.
pub(crate) fn read(html: &str) -> Text {
    let mut text = Text::default();
    let mut block = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut block, &rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        let Some(end) = rest.find('>').filter(|_| is_tag) else {
            push_text(&mut block, "&lt;");
            rest = &rest[1..];
            continue;
        };
        let tag = rest[1..end].trim_start_matches('/').to_ascii_lowercase();
        let closing = rest[1..end].starts_with('/');
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        rest = &rest[end + 1..];
        match name {
            "script" | "style" | "head" | "template" | "svg" | "title" if !closing => {
                rest = after_element(rest, name);
            }
            "img" | "video" | "audio" if !closing => text.media += 1,
            _ if is_inline(name) => {}
            _ => end_block(&mut text.blocks, &mut block),
        }
    }
    push_text(&mut block, rest);
    end_block(&mut text.blocks, &mut block);
    text
}

fn is_inline(name: &str) -> bool {
    const INLINE: [&str; 22] = [
        "a", "abbr", "b", "bdi", "code", "em", "font", "i", "kbd", "label", "mark", "q", "s",
        "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
    ];
    INLINE.contains(&name)
}

/// What follows the end of an element whose content is not text.
fn after_element<'a>(html: &'a str, name: &str) -> &'a str {
    let close = format!("</{name}");
    let at = html.match_indices("</").map(|(at, _)| at).find(|&at| {
        html[at..].get(..close.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(&close))
    });
    at.and_then(|at| Some(&html[at + html[at..].find('>')? + 1..])).unwrap_or_default()
}

fn end_block(blocks: &mut Vec<String>, block: &mut String) {
    let text = block.trim();
    if !text.is_empty() {
        blocks.push(text.to_owned());
    }
    block.clear();
}

/// Appends text with entities decoded and white space collapsed.
fn push_text(block: &mut String, text: &str) {
    for c in decode(text).chars() {
        if !c.is_whitespace() || c == '\u{a0}' {
            block.push(if c == '\u{a0}' { ' ' } else { c });
        } else if !block.ends_with(' ') {
            block.push(' ');
        }
    }
}

/// Decodes numeric entities and the common named ones.
pub(crate) fn decode(text: &str) -> String {
    /// Longer than any entity.
    const MAX_ENTITY: usize = 10;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(MAX_ENTITY).position(|byte| byte == b';');
        if let Some((c, end)) = end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            out.push(c);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = match hex {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "hellip" => '…',
        "mdash" => '—',
        "ndash" => '–',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "euro" => '€',
        "copy" => '©',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_text_is_read() {
        let cases: &[(&str, &[&str])] = &[
            ("<div class=\"m\"><p>AT&amp;T &#233;&#xE9;</p></div>", &["AT&T éé"]),
            ("<div class=\"markdown-body\"></div>", &[]),
            ("<p>a <b>bold</b>\n word</p><p>b<br>c</p>", &["a bold word", "b", "c"]),
            ("<script>var x = '<p>no</p>';</script><style>p{}</style>yes", &["yes"]),
            ("<!-- <p>no</p> -->1 < 2 &unknown; & <p>&nbsp;</p>", &["1 < 2 &unknown; &"]),
            ("<p unclosed", &["<p unclosed"]),
        ];
        for (html, blocks) in cases {
            assert_eq!(read(html).blocks, *blocks, "{html}");
        }
        assert_eq!(read("<p><img src=x></p>").media, 1);
    }

    #[test]
    fn html_starts_with_a_known_element() {
        for (text, html) in [
            ("<div>a</div>", true),
            (" <p>a</p>\n", true),
            ("<think>a</think>", false),
            ("<unk>", false),
            ("<div> is an element", false),
            ("a <b>c</b>", false),
        ] {
            assert_eq!(is_html(text), html, "{text}");
        }
    }
}

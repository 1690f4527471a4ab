//! The text that a reader of HTML sees.

use std::borrow::Cow;

/// Visible text of HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// Texts of the block elements, without empty ones.
    pub(crate) blocks: Vec<String>,
    /// Number of images, videos and audio players.
    pub(crate) media: usize,
    /// Number of other pages in it. A page shows them only in an HTML component.
    pub(crate) frames: usize,
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
    let last_end = html.rfind('>');
    // After a quote that is never closed, quotes mean nothing: to look for the end of each of them would
    // take long.
    let mut has_quotes = true;
    while let Some(at) = rest.find('<') {
        push_text(&mut block, &rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let can_end = last_end > Some(html.len() - rest.len());
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        if !is_tag || !can_end {
            push_text(&mut block, "&lt;");
            rest = &rest[1..];
            continue;
        }
        let quoted = has_quotes && !rest[1..].starts_with(['!', '?']);
        let end = if quoted { end_of_tag(rest) } else { rest.find('>') };
        has_quotes &= end.is_some();
        let Some(end) = end.or_else(|| rest.find('>')) else { break };
        let source = &rest[1..end];
        let is_start = rest.len() == html.trim_start().len();
        let tag = source.trim_start_matches('/').to_ascii_lowercase();
        let closing = rest[1..end].starts_with('/');
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        rest = &rest[end + 1..];
        match name {
            "script" | "style" | "head" | "template" | "svg" | "title" if !closing => {
                // A drawing as a whole is an image, and one within a text is an icon.
                text.media += usize::from(name == "svg" && is_start);
                rest = after_element(rest, name);
            }
            // Void elements have no end.
            name if !closing && !VOID.contains(&name) && is_hidden(source) => {
                rest = after_nested(rest, name);
            }
            "img" | "video" | "audio" if !closing && !is_hidden(source) => text.media += 1,
            "iframe" | "object" | "embed" if !closing => {
                text.frames += 1;
                end_block(&mut text.blocks, &mut block);
            }
            _ if is_inline(name) => {}
            _ => end_block(&mut text.blocks, &mut block),
        }
    }
    push_text(&mut block, rest);
    end_block(&mut text.blocks, &mut block);
    text
}

/// Where a tag ends: at the first `>` outside of a quoted attribute value.
fn end_of_tag(html: &str) -> Option<usize> {
    #[derive(Clone, Copy)]
    enum Place {
        /// In a name, or between attributes.
        Name,
        BeforeValue,
        Value,
        Quoted(u8),
    }
    let mut place = Place::Name;
    for (at, byte) in html.bytes().enumerate() {
        if let Place::Quoted(quote) = place {
            if byte == quote {
                place = Place::Name;
            }
            continue;
        }
        place = match (place, byte) {
            (_, b'>') => return Some(at),
            (Place::BeforeValue, b'"' | b'\'') => Place::Quoted(byte),
            (Place::Name, b'=') => Place::BeforeValue,
            (Place::Value, _) if byte.is_ascii_whitespace() => Place::Name,
            (Place::BeforeValue, _) if !byte.is_ascii_whitespace() => Place::Value,
            _ => place,
        };
    }
    None
}

fn is_inline(name: &str) -> bool {
    const INLINE: [&str; 22] = [
        "a", "abbr", "b", "bdi", "code", "em", "font", "i", "kbd", "label", "mark", "q", "s",
        "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
    ];
    INLINE.contains(&name)
}

/// Elements without content.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Whether the attributes of a tag hide its element.
fn is_hidden(tag: &str) -> bool {
    let mut hides = false;
    let mut rest = tag.find(|c: char| c.is_whitespace()).map_or("", |at| &tag[at..]);
    while !hides {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() && after.is_empty() {
            break;
        }
        let (value, after) = match after.trim_start().strip_prefix('=') {
            None => ("", after),
            Some(value) => value_of_attribute(value.trim_start()),
        };
        rest = after;
        let style = || value.to_ascii_lowercase().replace(char::is_whitespace, "");
        hides = name.eq_ignore_ascii_case("hidden")
            || (name.eq_ignore_ascii_case("style") && style().contains("display:none"));
    }
    hides
}

/// The value at the start of a text, and what follows it.
fn value_of_attribute(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// Elements whose start ends a paragraph, and whose end does.
const BLOCKS: [&str; 21] = [
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "dl",
    "table",
    "td",
    "pre",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "section",
    "article",
    "main",
    "details",
];

/// The elements whose start ends an element without an end tag, and those that contain it.
fn ends_of(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        "p" => (&BLOCKS, &BLOCKS),
        "li" => (&["li"], &["ul", "ol", "menu"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl"]),
        "td" | "th" => (&["td", "th", "tr"], &["table"]),
        "tr" => (&["tr"], &["table"]),
        "option" => (&["option"], &["select"]),
        _ => (&[], &[]),
    }
}

/// What follows the end of an element, which may contain others of its name.
fn after_nested<'a>(html: &'a str, name: &str) -> &'a str {
    let (siblings, containers) = ends_of(name);
    let mut depth = 0_usize;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let whole = &rest[at..];
        rest = &rest[at + 1..];
        let own = rest.trim_start_matches('/');
        let is_end = rest.starts_with('/');
        let is_any = |names: &[&str]| names.iter().any(|one| has_name(own, one));
        let nests = is_any(containers) || (containers.is_empty() && has_name(own, name));
        match depth {
            0 if is_end && has_name(own, name) => {
                return rest.find('>').map_or("", |end| &rest[end + 1..]);
            }
            0 if is_any(if is_end { containers } else { siblings }) => return whole,
            _ if nests && is_end => depth = depth.saturating_sub(1),
            _ if nests => depth += 1,
            _ => {}
        }
    }
    ""
}

/// Whether a tag, from its name on, is one of an element with this name.
fn has_name(tag: &str, name: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || c == '>' || c == '/';
    tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        && tag[name.len()..].starts_with(ends)
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

/// Decodes entities by the rules of HTML 5.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    htmlize::unescape(text)
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
    fn entities_are_decoded_as_a_browser_does() {
        for (html, text) in [
            ("M&uuml;nchen &ndash; Gru&szlig;", "München – Gruß"),
            ("&Eacute;t&eacute; &oelig;uvre", "Été œuvre"),
            ("3 &times; 4 &le; 12 &rarr; &check;", "3 × 4 ≤ 12 → ✓"),
            ("&CounterClockwiseContourIntegral;", "∳"),
            ("&copy 2026 R&ampD", "© 2026 R&D"),
            ("9&#150;18 &#x80; &#xD800;", "9–18 € \u{fffd}"),
            ("&unknown; &; &#; & a&b", "&unknown; &; &#; & a&b"),
            ("&amp;uuml;", "&uuml;"),
        ] {
            assert_eq!(decode(html), text, "{html}");
            assert_eq!(read(&format!("<p>{html}</p>")).blocks, [text], "{html}");
        }
    }

    #[test]
    fn tag_ends_outside_of_quoted_values() {
        let cases: &[(&str, &[&str])] = &[
            ("<p><a title=\"a > b\" href=\"/x\">ok</a></p>", &["ok"]),
            ("<p><a title='a \">\" b' x>ok</a></p>", &["ok"]),
            ("<p><a title = \"a > b\">ok</a></p>", &["ok"]),
            ("<p><a title=it's>it's</a></p>", &["it's"]),
            ("<p><a b\"c>ok</a> \"d\"</p>", &["ok \"d\""]),
            ("<img alt=\"1 > 0\"/>ok", &["ok"]),
            ("<script data-a=\">\">no</script>ok", &["ok"]),
            ("<!doctype html \"><p>ok</p>", &["ok"]),
            ("<a title=\"not closed>ok</a>", &["ok"]),
        ];
        for (html, blocks) in cases {
            assert_eq!(read(html).blocks, *blocks, "{html}");
        }
    }

    #[test]
    fn hidden_elements_show_nothing() {
        let cases: &[(&str, &[&str])] = &[
            ("<div><p style=\"color: red; Display : none\">raw</p></div>", &[]),
            ("<div hidden><div>raw</div></div><p>ok</p>", &["ok"]),
            ("<DIV HIDDEN=\"\">raw</DIV>ok", &["ok"]),
            ("<p title=\"a hidden b\" data-x=hidden>ok</p>", &["ok"]),
            ("<p style='display:block'>ok</p>", &["ok"]),
            ("<p hidden>raw", &[]),
            ("<p><input hidden value=1>ok</p>", &["ok"]),
            ("<p hidden>raw<p>ok</p>", &["ok"]),
            ("<p hidden><b>raw</b><br><div>ok</div>", &["ok"]),
            ("<div><p hidden>raw</div>ok", &["ok"]),
            ("<ul><li hidden>a<li>b</ul>", &["b"]),
            ("<ul><li hidden>a<ul><li>b</ul><li>c</ul>", &["c"]),
            ("<ul><li hidden>a</ul>ok", &["ok"]),
            ("<dl><dt hidden>a<dd>b</dl>", &["b"]),
            ("<table><tr><td hidden>a<td>b<tr><td>c</table>", &["b", "c"]),
            ("<table><tr hidden><td>a<tr><td>b</table>", &["b"]),
            ("<table><col hidden><tr><td>a</table>", &["a"]),
            ("<map><area hidden></map>ok", &["ok"]),
        ];
        for (html, blocks) in cases {
            assert_eq!(read(html).blocks, *blocks, "{html}");
        }
        assert_eq!(read("<p><img hidden src=x><img src=y></p>").media, 1);
    }

    #[test]
    fn time_grows_with_the_length() {
        // With a search to the end for each of the parts, this test would take long.
        for part in [
            "<a",
            "<a title=\"",
            "<a b=\"'>",
            "&#x",
            "&",
            "</",
            "<p hidden><p",
            "<p hidden></p>",
            "<li hidden><ul>",
            "<li hidden>",
        ] {
            let html = part.repeat(50_000);
            assert!(read(&html).blocks.len() <= 1, "{part}");
        }
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

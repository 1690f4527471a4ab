//! The text that a reader of Markdown sees.

use crate::html;

/// The text that a page shows for Markdown: without tags, comments, link targets, images and markers
/// of blocks; entities are decoded. Emphasis is left, and code keeps everything but its marks.
///
/// ```
/// assert_eq!(gradio::visible_text("# [AT&amp;T](https://example.com) <!-- x -->"), "AT&T");
/// assert_eq!(gradio::visible_text("Use `a < b` or `Vec<T>`."), "Use a < b or Vec<T>.");
/// ```
#[must_use]
pub fn visible_text(markdown: &str) -> String {
    read(markdown).0
}

/// The images that a page shows for Markdown, by their descriptions.
pub(crate) fn images(markdown: &str) -> Vec<Option<String>> {
    if !markdown.contains("![") && !markdown.contains('<') {
        return Vec::new();
    }
    read(markdown).1
}

/// Text and images.
fn read(markdown: &str) -> (String, Vec<Option<String>>) {
    let mut shown: Vec<String> = Vec::new();
    let mut images = Vec::new();
    let mut text: Vec<&str> = Vec::new();
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        let mark = fence_of(line);
        match fence {
            Some(open) if mark.is_some_and(|mark| mark.starts_with(open)) => fence = None,
            Some(_) => shown.push(line.to_owned()),
            None if mark.is_some() => {
                shown.push(paragraphs(&text, &mut images));
                text.clear();
                fence = mark;
            }
            None => text.push(line),
        }
    }
    shown.push(paragraphs(&text, &mut images));
    shown.retain(|part| !part.trim().is_empty());
    (shown.join("\n"), images)
}

/// The mark at the start or the end of a code block.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.chars().take_while(|character| *character == mark).count();
    let is_inline = mark == '`' && line[length..].contains('`');
    (length >= 3 && !is_inline).then(|| &line[..length])
}

/// Lines outside of code blocks. Adds the images in them.
fn paragraphs(lines: &[&str], images: &mut Vec<Option<String>>) -> String {
    let lines = lines.iter().copied().map(without_markers);
    let lines: Vec<&str> = lines.filter(|line| !shows_nothing(line)).collect();
    let text = lines.join("\n");
    // Code between backticks is at the odd positions.
    let parts: Vec<&str> = text.split('`').collect();
    let closed = parts.len() - (parts.len() + 1) % 2;
    let mut source = String::new();
    let mut code = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if at % 2 == 1 && at < closed {
            // A private character stands for the code, so that it is not read as HTML.
            source.push(CODE);
            code.push(*part);
        } else {
            source.push_str(part);
        }
    }
    let source = with_plain_ampersands(&with_unknown_tags(&source));
    let html::Text { blocks, media, .. } = html::read(&source);
    images.extend(std::iter::repeat_n(None, media));
    let mut code = code.into_iter();
    let text = unescaped(&without_targets(&blocks.join("\n"), images));
    text.split_inclusive(CODE)
        .map(|part| match part.strip_suffix(CODE) {
            Some(text) => format!("{text}{}", code.next().unwrap_or_default()),
            None => part.to_owned(),
        })
        .collect()
}

/// Tags of unknown elements as text.
fn with_unknown_tags(source: &str) -> String {
    let mut parts = source.split('<');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let tag = part.strip_prefix('/').unwrap_or(part);
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let is_known = html::is_element(&tag[..end].to_ascii_lowercase());
        shown.push_str(if is_known || part.starts_with('!') { "<" } else { "&lt;" });
        shown.push_str(part);
    }
    shown
}

/// An entity of Markdown ends with a semicolon; that of HTML need not.
fn with_plain_ampersands(source: &str) -> String {
    let mut parts = source.split('&');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '#');
        shown.push_str(if name.starts_with(';') { "&" } else { "&amp;" });
        shown.push_str(part);
    }
    shown
}

const CODE: char = '\u{f8ff}';

/// A line without the markers of headings and quotations.
fn without_markers(line: &str) -> &str {
    let quoted = line.trim_start().trim_start_matches(['>', ' ']);
    let text = if line.trim_start().starts_with('>') { quoted } else { line };
    let heading = text.trim_start_matches('#');
    let level = text.len() - heading.len();
    let is_heading = (1..=6).contains(&level) && (heading.is_empty() || heading.starts_with(' '));
    if is_heading { heading.trim_start() } else { text }
}

/// Whether a line is a rule or the target of a link.
fn shows_nothing(line: &str) -> bool {
    let line = line.trim();
    let marks = line.chars().filter(|character| !character.is_whitespace());
    let is_rule = |mark: char| marks.clone().count() >= 3 && marks.clone().all(|one| one == mark);
    let is_target = || {
        line.starts_with('[')
            && line.split_once("]: ").is_some_and(|(_, target)| !target.trim().contains(' '))
    };
    is_rule('-') || is_rule('*') || is_rule('_') || is_target()
}

/// Links as their texts, without the images, which are added to `images`.
fn without_targets(text: &str, images: &mut Vec<Option<String>>) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(middle) = rest.find("](") {
        let whole = rest;
        let (before, target) = (&rest[..middle], &rest[middle + 2..]);
        let Some(end) = end_of_target(target) else {
            shown.push_str(&rest[..middle + 2]);
            rest = target;
            continue;
        };
        rest = &target[end + 1..];
        match before.rfind('[') {
            Some(start) => {
                let name = &before[start + 1..];
                if let Some(before) = before[..start].strip_suffix('!') {
                    shown.push_str(before);
                    let name = name.replace(CODE, "");
                    images.push(Some(name).filter(|name| !name.is_empty()));
                } else {
                    shown.push_str(&before[..start]);
                    shown.push_str(name);
                }
            }
            // The text of the link was an image.
            None if before.is_empty() && shown.ends_with('[') => {
                shown.pop();
            }
            None => shown.push_str(&whole[..whole.len() - rest.len()]),
        }
    }
    shown.push_str(rest);
    shown
}

/// Where the target of a link ends: at the parenthesis that closes it, before another bracket.
fn end_of_target(target: &str) -> Option<usize> {
    let mut first = None;
    let mut open = 0_usize;
    for (at, byte) in target.bytes().enumerate() {
        match byte {
            b'[' | b']' => break,
            b'(' => open += 1,
            b')' if open == 0 => return Some(at),
            b')' => {
                open -= 1;
                first = first.or(Some(at));
            }
            _ => {}
        }
    }
    first
}

/// Without the backslash before a punctuation mark.
fn unescaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escapes = characters.peek().is_some_and(char::is_ascii_punctuation);
        if character != '\\' || !escapes {
            shown.push(character);
            continue;
        }
        shown.extend(characters.next());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_the_page_shows() {
        let rows = [
            ("Our partners are AT&amp;T.", "Our partners are AT&T."),
            ("See [Ada](https://a.b/c) Lovelace.", "See Ada Lovelace."),
            ("![a picture](x.png)", ""),
            ("[![a badge](x.svg)](https://a.b/c)", ""),
            ("See [Ada](https://a.b/Ada_(programmer)) Lovelace.", "See Ada Lovelace."),
            ("See [Ada](https://a.b/c(d) Lovelace.", "See Ada Lovelace."),
            ("[a [b](c), [d](", "[a b, [d]("),
            ("a](b) [c](d)", "a](b) c"),
            ("# The *first* program\n\nby Ada", "The *first* program by Ada"),
            ("> quoted\n> text", "quoted text"),
            ("snake\\_case.md, 5\\$", "snake_case.md, 5$"),
            ("Hello<br>Ada", "Hello\nAda"),
            ("Hello <b>Ada</b> Lovelace", "Hello Ada Lovelace"),
            ("a < b and c > d", "a < b and c > d"),
            ("```rust\nVec<String>\n```", "Vec<String>"),
            ("Use `Vec<String>` or `a`.", "Use Vec<String> or a."),
            ("an `open mark", "an open mark"),
            ("<think></think>", "<think></think>"),
            ("M&uuml;nchen &#8211; R&D", "München – R&D"),
            ("&copy 2026, ?a=1&copy=2", "&copy 2026, ?a=1&copy=2"),
            ("a Vec<String> & more", "a Vec<String> & more"),
            ("array[0] and [1]", "array[0] and [1]"),
            ("#hashtag", "#hashtag"),
        ];
        for (source, shown) in rows {
            assert_eq!(visible_text(source), shown, "{source}");
        }
    }

    #[test]
    fn images_are_found_where_the_page_shows_them() {
        let rows: [(&str, &[Option<&str>]); 6] = [
            ("Here: ![a cat](https://a.b/c.png?key=1)", &[Some("a cat")]),
            ("![](c.png) ![`b`](d.png)", &[None, None]),
            ("Here: <img src=\"c.png\" alt=\"a cat\">", &[None]),
            ("```\n![a cat](c.png)\n```", &[]),
            ("Write `![a cat](c.png)`", &[]),
            ("[a cat](c.png)", &[]),
        ];
        for (source, expected) in rows {
            let found = images(source);
            let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
            assert_eq!(found, expected, "{source}");
        }
    }

    #[test]
    fn time_grows_with_the_length() {
        // With a search to the end for each of the parts, this test would take minutes.
        for part in ["[", "![", "[a](", "[a]((", "](", "[a](b", "`[", "<a", "&", "\\[", "~~~\n"] {
            let source = part.repeat(1_000_000 / part.len());
            assert!(visible_text(&source).len() <= source.len() * 5, "{part}");
        }
    }

    #[test]
    fn some_markdown_shows_nothing() {
        let rows = [
            "<!-- no answer -->",
            "&nbsp;",
            "---",
            "* * *",
            "```\n```",
            "[](https://example.com)",
            "<br><br>",
            "<style>p { color: red }</style>",
            "#",
            ">",
            "[1]: https://example.com",
        ];
        for source in rows {
            assert_eq!(visible_text(source).trim(), "", "{source}");
        }
    }
}

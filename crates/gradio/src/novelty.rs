//! The new part of an output that shows the whole conversation.
//!
//! Some apps draw the conversation into HTML, JSON or Markdown. Such an output contains the user's
//! message; the reply is what follows it. An output without the message is a reply as a whole.

use serde_json::Value;

use crate::html;

/// What follows the user's message in a value of a component of this type. `None` when the value does
/// not show the conversation.
pub(crate) fn after_message(
    kind: &str,
    value: &Value,
    before: &Value,
    message: &str,
) -> Option<String> {
    let message = collapsed(message);
    if message.is_empty() {
        return None;
    }
    let segments = segments(kind, value);
    let earlier = self::segments(kind, before);
    let same = segments.iter().zip(&earlier).take_while(|(new, old)| new == old).count();
    let (new, old) = (&segments[same..], &earlier[same..]);
    // Some apps show the newest turn first, or a line below the conversation.
    let below = new.iter().rev().zip(old.iter().rev()).take_while(|(new, old)| new == old).count();
    let new = &new[..new.len() - below];
    let at = new.iter().position(|segment| is_message(segment, &message))?;
    // A text that is only the message is a reply that repeats it.
    if segments.len() == 1 && kind != "html" && value.is_string() {
        return None;
    }
    let reply = new[at + 1..].join("\n");
    // The name of the bot alone is not a reply.
    Some(if is_after_name(&reply, "", false) { String::new() } else { reply })
}

/// Whether a segment is the user's message, maybe after a name such as `User:`.
fn is_message(segment: &str, message: &str) -> bool {
    is_after_name(segment, message, true)
}

/// Whether a segment is this text after a name, or the text alone if `may_be_alone`.
fn is_after_name(segment: &str, text: &str, may_be_alone: bool) -> bool {
    /// Longest name before a text, in bytes.
    const MAX_NAME: usize = 24;
    let segment = collapsed(segment);
    let segment = segment.trim_matches(|c: char| c == '*' || c == '>' || c == ' ');
    segment.strip_suffix(text).is_some_and(|name| {
        let name = name.trim_end_matches([' ', '*']);
        (name.is_empty() && may_be_alone)
            || (name.len() <= MAX_NAME && name.ends_with([':', '>', '：']))
    })
}

fn segments(kind: &str, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    add_segments(kind, value, &mut out);
    out
}

fn add_segments(kind: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) if kind == "html" || html::is_html(text) => {
            out.extend(html::read(text).blocks);
        }
        Value::String(text) => {
            out.extend(
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned),
            );
        }
        Value::Array(items) => {
            for item in items {
                add_segments(kind, item, out);
            }
        }
        Value::Object(map) => {
            for item in map.values() {
                add_segments(kind, item, out);
            }
        }
        _ => {}
    }
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reply_is_what_follows_the_message() {
        let page = |rows: &[&str]| {
            let rows = rows.iter().map(|row| format!("<div class='m'>{row}</div>"));
            json!(format!("<div>{}</div>", rows.collect::<String>()))
        };
        let cases = [
            (
                "silent bot",
                "html",
                page(&["my name is Ada", ""]),
                json!(""),
                "my name is Ada",
                Some(""),
            ),
            ("first turn", "html", page(&["hi", "Hello!"]), json!(""), "hi", Some("Hello!")),
            (
                "second turn",
                "html",
                page(&["hi", "Hello!", "hi", "Again?"]),
                page(&["hi", "Hello!"]),
                "hi",
                Some("Again?"),
            ),
            (
                "newest turn first",
                "html",
                page(&["who?", "Ada", "hi", "Hello!"]),
                page(&["hi", "Hello!"]),
                "who?",
                Some("Ada"),
            ),
            (
                "newest turn first, silent bot",
                "html",
                page(&["who?", "", "hi", "Hello!"]),
                page(&["hi", "Hello!"]),
                "who?",
                Some(""),
            ),
            ("bot that repeats", "html", page(&["hi", "hi"]), json!(""), "hi", Some("hi")),
            ("one answer", "html", page(&["You said hi"]), json!(""), "hi", None),
            ("data", "json", json!({ "answer": "hi there" }), json!(null), "hi", None),
            (
                "conversation as JSON",
                "json",
                json!({ "html": "<div>hi</div><div></div>" }),
                json!(null),
                "hi",
                Some(""),
            ),
            (
                "Markdown with names",
                "markdown",
                json!("**User:** hi\n\n**Bot:** Hello!"),
                json!(""),
                "hi",
                Some("**Bot:** Hello!"),
            ),
            (
                "name of a silent bot",
                "textbox",
                json!("User: hi\n\nBot: "),
                json!(""),
                "hi",
                Some(""),
            ),
            ("echo", "textbox", json!("hi"), json!(""), "hi", None),
        ];
        for (name, kind, value, before, message, expected) in cases {
            assert_eq!(
                after_message(kind, &value, &before, message).as_deref(),
                expected,
                "{name}"
            );
        }
    }
}

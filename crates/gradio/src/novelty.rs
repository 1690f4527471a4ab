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
    let lines: Vec<String> = message.lines().map(collapsed).filter(|one| !one.is_empty()).collect();
    if lines.is_empty() {
        return None;
    }
    let segments = segments(kind, value);
    let earlier = self::segments(kind, before);
    let same = segments.iter().zip(&earlier).take_while(|(new, old)| new == old).count();
    let (new, old) = (&segments[same..], &earlier[same..]);
    // Some apps show the newest turn first, or a line below the conversation.
    let below = new.iter().rev().zip(old.iter().rev()).take_while(|(new, old)| new == old).count();
    let new = &new[..new.len() - below];
    let (is_user, end) = (0..new.len()).find_map(|at| message_at(&new[at..], &lines, at))?;
    // A text that is only the message is a reply that repeats it.
    if segments.len() == 1 && kind != "html" && value.is_string() {
        return None;
    }
    let reply = new[end..].join("\n");
    // Nothing follows `Echo: hello`.
    if !is_user && reply.is_empty() {
        return None;
    }
    Some(if is_name_of_bot(&reply) { String::new() } else { reply })
}

/// Longest name before a text, in bytes.
const MAX_NAME: usize = 24;
const COLONS: [char; 3] = [':', '>', '：'];
const USERS: [&str; 16] = [
    "user", "you", "human", "me", "client", "customer", "question", "q", "vous", "moi", "sie",
    "du", "ich", "usuario", "用户", "你",
];
const BOTS: [&str; 5] = ["bot", "assistant", "ai", "chatbot", "助手"];

/// Where the segments after the user's message start, if it is at the start of these segments, which
/// start at `at`; and whether what precedes it says that the user sent it.
fn message_at(segments: &[String], lines: &[String], at: usize) -> Option<(bool, usize)> {
    let first = segments.first()?;
    if let Some(is_user) = user_before(first, &lines.join(" ")) {
        return Some((is_user, at + 1));
    }
    let is_user = user_before(first, &lines[0])?;
    let rest = segments.get(1..lines.len())?;
    let is_same = rest.iter().zip(&lines[1..]).all(|(segment, line)| collapsed(segment) == *line);
    is_same.then_some((is_user, at + lines.len()))
}

/// Whether a segment is this text of the user: alone, after a sign or a word for the user (true), or after
/// another name with a colon (false). A time of day may follow it.
fn user_before(segment: &str, text: &str) -> Option<bool> {
    let segment = collapsed(segment);
    let is_user = |segment: &str| {
        let segment = segment.trim_matches(['*', '>', ' ']);
        let before = segment.strip_suffix(text)?.trim_end_matches([' ', '*']);
        let name = name_in(before);
        match name.as_str() {
            _ if before.len() > MAX_NAME || BOTS.contains(&name.as_str()) => None,
            name if name.is_empty() || USERS.contains(&name) => Some(true),
            _ => before.ends_with(COLONS).then_some(false),
        }
    };
    is_user(&segment).or_else(|| is_user(without_time(&segment)))
}

/// Whether a reply is only the name of the bot.
fn is_name_of_bot(reply: &str) -> bool {
    let reply = reply.trim_end_matches([' ', '*']);
    // A bare word can be an answer.
    let is_marked = reply.trim_start().starts_with('🤖') || without_time(reply) != reply;
    reply.len() <= MAX_NAME
        && (reply.ends_with(COLONS)
            || reply.trim() == "🤖"
            || (is_marked && BOTS.contains(&name_in(reply).as_str())))
}

/// A name without the signs and the time of day around it, in lower case.
fn name_in(text: &str) -> String {
    let text = text.trim_end_matches(COLONS).trim_end();
    without_time(text).trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// A text without a time of day at its end, such as `10:42` or `(9:05 PM)`.
fn without_time(text: &str) -> &str {
    let clock = text.trim_end_matches([')', ']', ' ', '✓']);
    let clock =
        ["AM", "PM", "am", "pm"].iter().find_map(|half| clock.strip_suffix(half)).unwrap_or(clock);
    without_clock(clock.trim_end()).map_or(text, |rest| rest.trim_end_matches(['(', '[', ' ']))
}

/// A text without the hour, minutes and seconds at its end. `None` if it does not end with them.
fn without_clock(text: &str) -> Option<&str> {
    let without_minutes = |text| {
        let (rest, minutes) = str::rsplit_once(text, ':')?;
        let is_minutes = minutes.len() == 2 && minutes.bytes().all(|byte| byte.is_ascii_digit());
        (is_minutes && rest.ends_with(|c: char| c.is_ascii_digit())).then_some(rest)
    };
    let rest = without_minutes(text)?;
    let rest = without_minutes(rest).unwrap_or(rest);
    // A number may precede the hour without a space, when the page shows them in two elements.
    let hour = |digits: usize| {
        let (before, hour) = rest.split_at_checked(rest.len().checked_sub(digits)?)?;
        hour.parse::<u8>().ok().filter(|hour| *hour < 24).map(|_| before)
    };
    hour(2).or_else(|| hour(1))
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
            // The role of a message and the type of a part of it are not shown as texts.
            let shown = [("role", "content"), ("type", "text")]
                .into_iter()
                .find(|(name, shown)| map.contains_key(*name) && map.contains_key(*shown));
            for (_, item) in map.iter().filter(|(key, _)| shown.is_none_or(|(_, one)| one == *key))
            {
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

    /// HTML with a row for each text.
    fn page(rows: &[&str]) -> Value {
        let rows = rows.iter().map(|row| format!("<div class='m'>{row}</div>"));
        json!(format!("<div>{}</div>", rows.collect::<String>()))
    }

    #[test]
    fn reply_is_what_follows_the_message() {
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

    #[test]
    #[expect(clippy::too_many_lines, reason = "rows of data")]
    fn message_may_have_a_name_and_a_time() {
        let cases = [
            ("echo in HTML", "html", page(&["You said: hi"]), json!(""), "hi", None),
            (
                "messages in JSON",
                "json",
                json!([{ "role": "user", "content": "hi" }, { "role": "assistant", "content": "Hello!" }]),
                json!([]),
                "hi",
                Some("Hello!"),
            ),
            (
                "messages in JSON, silent bot",
                "json",
                json!([
                    { "role": "user", "content": [{ "type": "text", "text": "hi" }] },
                    { "role": "assistant", "content": "" },
                ]),
                json!([]),
                "hi",
                Some(""),
            ),
            ("sign before the message", "html", page(&["🧑 hi", "🤖"]), json!(""), "hi", Some("")),
            (
                "word before the message",
                "html",
                page(&["You hi", "Bot Hello!"]),
                json!(""),
                "hi",
                Some("Bot Hello!"),
            ),
            (
                "name of the user",
                "html",
                page(&["Ada: hi", "Hello!"]),
                json!(""),
                "hi",
                Some("Hello!"),
            ),
            ("times", "html", page(&["hi 10:42", "Bot 10:43"]), json!(""), "hi", Some("")),
            (
                "time and name",
                "html",
                page(&["You (9:05 PM): hi", "Hello!"]),
                json!(""),
                "hi",
                Some("Hello!"),
            ),
            (
                "message about a time",
                "html",
                page(&["at 10:42", "Hello!"]),
                json!(""),
                "at 10:42",
                Some("Hello!"),
            ),
            (
                "lines",
                "markdown",
                json!("User: a\nb\n\nBot: Hello!"),
                json!(""),
                "a\n\nb",
                Some("Bot: Hello!"),
            ),
            ("lines in HTML", "html", page(&["a<br>b", ""]), json!(""), "a\nb", Some("")),
            (
                "name of a bot as the answer",
                "html",
                page(&["hi", "AI."]),
                json!(""),
                "hi",
                Some("AI."),
            ),
            (
                "name of a bot as the answer in a text",
                "textbox",
                json!("User: hi\nAI"),
                json!(""),
                "hi",
                Some("AI"),
            ),
            (
                "message that ends with a number",
                "html",
                page(&["Track order 1234 10:42", "Bot 10:43"]),
                json!(""),
                "Track order 1234",
                Some(""),
            ),
            (
                "time without a space",
                "html",
                page(&["order 1234<time>9:05:01</time>", ""]),
                json!(""),
                "order 1234",
                Some(""),
            ),
            (
                "message with times in JSON, silent bot",
                "json",
                json!([
                    { "role": "user", "content": "hi", "timestamp": "10:42" },
                    { "role": "assistant", "content": "", "timestamp": "10:43" },
                ]),
                json!([]),
                "hi",
                Some(""),
            ),
            (
                "answer that ends with a time",
                "html",
                page(&["hi", "at 10:42"]),
                json!(""),
                "hi",
                Some("at 10:42"),
            ),
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

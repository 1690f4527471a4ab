//! Error texts from server data: short, on one line, without tracebacks and credentials.

use ::redact::{Redactor, is_hidden, redact_credentials};
use secrecy::SecretString;

/// Maximum length of an excerpt, in characters.
const SHOWN: usize = 200;

/// The start of a body in backticks, or the title of a page.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(64 * 1024)];
    let text = String::from_utf8_lossy(head);
    if let Some(title) = page_title(&text) {
        return format!("a page titled `{}`", line(&title));
    }
    if let Some(detail) = json_detail(body) {
        return format!("`{}`", line(&detail));
    }
    match line(&text) {
        empty if empty.is_empty() => "an empty body".to_owned(),
        text => format!("`{text}`"),
    }
}

/// External text as one short line.
pub(crate) fn line(text: &str) -> String {
    let (text, traceback) = match text.find("Traceback (most recent call last)") {
        Some(at) => (&text[..at], true),
        None => (text, false),
    };
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || c == '`') {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| !is_hidden(*c)).take(SHOWN));
        if out.chars().count() > SHOWN {
            out = out.chars().take(SHOWN).collect::<String>() + " …";
            break;
        }
    }
    if traceback {
        out.push_str(if out.is_empty() { "" } else { " " });
        out.push_str("(traceback removed)");
    }
    out
}

/// Replaces the known secrets and everything that has the form of a well-known credential.
pub(crate) fn scrub(prose: &str, secrets: &[SecretString]) -> String {
    redact_credentials(&Redactor::new(secrets).redact(prose))
}

fn page_title(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let looks_like_page = lower.trim_start().starts_with('<');
    let start = lower.find("<title").and_then(|at| Some(at + lower[at..].find('>')? + 1));
    let title = start.and_then(|start| {
        let end = start + lower[start..].find("</title")?;
        text.get(start..end)
    });
    (looks_like_page).then(|| title.unwrap_or("(untitled)").to_owned())
}

/// The text of `{"detail": …}` or `{"error": …}`, the error format of Gradio's server.
fn json_detail(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let detail = value.get("detail").or_else(|| value.get("error"))?;
    let inner = detail.get("error").unwrap_or(detail);
    Some(inner.as_str().map_or_else(|| inner.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_is_short_and_on_one_line() {
        let cases = [
            ("", "an empty body"),
            ("Internal Server Error", "`Internal Server Error`"),
            ("a\n\n  b\u{0}\u{1b}[31m\u{202e}c", "`a b [31mc`"),
            (
                "<!DOCTYPE html><head><title>502 Bad\nGateway</title>",
                "a page titled `502 Bad Gateway`",
            ),
            ("<html><body>hello", "a page titled `(untitled)`"),
            (r#"{"detail":"Queue is full."}"#, "`Queue is full.`"),
            (
                r#"{"detail":{"error":"Not authenticated","auth_message":null}}"#,
                "`Not authenticated`",
            ),
            (
                "Oops\nTraceback (most recent call last):\n File \"/app/x.py\", line 1\nKey: hush",
                "`Oops (traceback removed)`",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(excerpt(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(excerpt("x".repeat(5_000).as_bytes()).chars().count(), SHOWN + 2);
        assert!(excerpt("x y ".repeat(5_000).as_bytes()).ends_with(" …`"));
    }

    #[test]
    fn credentials_are_removed() {
        let secrets =
            [SecretString::from("hush hush".to_owned()), SecretString::from(String::new())];
        let cases = [
            ("said hush hush to me", "said [secret] to me"),
            ("key hf_abcdefghijklmnopqrstuvwxyz!", "key [secret]!"),
        ];
        for (prose, expected) in cases {
            assert_eq!(scrub(prose, &secrets), expected);
        }
    }
}

//! Error texts from server data: short, on one line, without tracebacks and credentials.

use secrecy::{ExposeSecret, SecretString};

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
        out.extend(word.chars().filter(|c| !is_invisible(*c)).take(SHOWN));
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

/// Invisible characters and marks that change the direction of text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Removes known secrets and text that has the format of a known credential.
pub(crate) fn scrub(prose: &str, secrets: &[SecretString]) -> String {
    let mut prose = prose.to_owned();
    for secret in secrets.iter().map(ExposeSecret::expose_secret).filter(|one| !one.is_empty()) {
        prose = prose.replace(secret, "***");
    }
    let mut out = String::with_capacity(prose.len());
    let mut token_next = false;
    for word in prose.split_inclusive(|c: char| !is_word(c)) {
        let core = word.trim_end_matches(|c: char| !is_word(c));
        let hide = !core.is_empty() && (looks_secret(core) || (token_next && core.len() > 5));
        out.push_str(if hide { "***" } else { core });
        out.push_str(&word[core.len()..]);
        if !core.is_empty() {
            token_next = announces_secret(core);
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '~')
}

fn announces_secret(word: &str) -> bool {
    const NAMES: [&str; 9] = [
        "bearer", "basic", "password", "passwd", "secret", "token", "api_key", "apikey", "api-key",
    ];
    let word = word.to_ascii_lowercase();
    NAMES.iter().any(|name| word.ends_with(name))
}

fn looks_secret(word: &str) -> bool {
    const STARTS: [(&str, usize); 9] = [
        ("hf_", 20),
        ("sk-", 16),
        ("ghp_", 20),
        ("github_pat_", 20),
        ("AKIA", 16),
        ("ASIA", 16),
        ("xoxb-", 16),
        ("AIza", 20),
        ("eyJ", 30),
    ];
    STARTS.iter().any(|(start, length)| word.starts_with(start) && word.len() >= *length)
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
            ("said hush hush to me", "said *** to me"),
            ("key hf_abcdefghijklmnopqrstuvwxyz!", "key ***!"),
            ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
            ("password=correcthorse, user=ada", "password=***, user=ada"),
            ("{\"api_key\":\"1234567890\"}", "{\"api_key\":\"***\"}"),
            ("AKIAIOSFODNN7EXAMPLE is mine", "*** is mine"),
            ("a token is a word", "a token is a word"),
            ("skill-based, eye, basic", "skill-based, eye, basic"),
        ];
        for (prose, expected) in cases {
            assert_eq!(scrub(prose, &secrets), expected);
        }
    }
}

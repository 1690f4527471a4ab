//! Compares a text with a secret and accepts the escapes of URLs, HTML and JSON.

/// Which reading has precedence where both fit: a secret may contain `%25` itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Literal,
    Decoded,
}

/// How many bytes of both texts are the same.
pub(crate) struct Matched {
    pub(crate) text: usize,
    pub(crate) secret: usize,
}

/// Compares the start of `text` with `secret` and stops at the first difference.
pub(crate) fn match_secret(text: &str, secret: &str, reading: Reading) -> Matched {
    let mut matched = Matched { text: 0, secret: 0 };
    loop {
        let (rest, secret_rest) = (&text[matched.text..], &secret[matched.secret..]);
        let steps = match reading {
            Reading::Literal => {
                [gap(rest, secret_rest), plain(rest, secret_rest), decoded(rest, secret_rest)]
            }
            Reading::Decoded => {
                [gap(rest, secret_rest), decoded(rest, secret_rest), plain(rest, secret_rest)]
            }
        };
        let Some((in_text, in_secret)) = steps.into_iter().flatten().next() else { return matched };
        matched.text += in_text;
        matched.secret += in_secret;
    }
}

/// Lengths of the same character, in upper or lower case.
fn plain(text: &str, secret: &str) -> Option<(usize, usize)> {
    let (text, secret) = (text.chars().next()?, secret.chars().next()?);
    let same = text == secret || text.to_lowercase().eq(secret.to_lowercase());
    same.then_some((text.len_utf8(), secret.len_utf8()))
}

/// Lengths of white space, and of characters that become white space when a text becomes one line.
fn gap(text: &str, secret: &str) -> Option<(usize, usize)> {
    let is_gap = |c: char| c.is_whitespace() || c.is_control() || c == '`';
    let length = |text: &str| text.len() - text.trim_start_matches(is_gap).len();
    let (text, secret) = (length(text), length(secret));
    (text > 0 && secret > 0).then_some((text, secret))
}

/// Lengths of a character that is escaped as in a URL, HTML or JSON.
fn decoded(text: &str, secret: &str) -> Option<(usize, usize)> {
    let (character, length) = match text.as_bytes().first()? {
        b'%' => percent(text)?,
        b'+' => (' ', 1),
        b'&' => entity(text)?,
        b'\\' => {
            let run = |text: &str| text.len() - text.trim_start_matches('\\').len();
            let (text_run, secret_run) = (run(text), run(secret));
            if 0 < secret_run && secret_run <= text_run {
                return Some((text_run, secret_run));
            }
            escape(text, text_run)?
        }
        _ => return None,
    };
    let secret = secret.chars().next()?;
    (character == secret).then_some((length, secret.len_utf8()))
}

/// `%C3%A9` of a URL.
fn percent(text: &str) -> Option<(char, usize)> {
    let mut bytes = Vec::with_capacity(4);
    while let Some(digits) = text.get(3 * bytes.len()..).and_then(|rest| rest.strip_prefix('%')) {
        bytes.push(u8::from_str_radix(digits.get(..2)?, 16).ok()?);
        if let Ok(decoded) = str::from_utf8(&bytes) {
            return Some((decoded.chars().next()?, 3 * bytes.len()));
        }
        if bytes.len() == 4 {
            return None;
        }
    }
    None
}

/// `&amp;`, `&#39;` or `&#x27;` of HTML.
fn entity(text: &str) -> Option<(char, usize)> {
    let name = text.get(1..)?.split(';').next().filter(|name| name.len() <= 8)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    text[name.len() + 1..].starts_with(';').then_some((character, name.len() + 2))
}

/// `\"` or `\u00e9` of JSON after that many backslashes: JSON within JSON has several.
fn escape(text: &str, backslashes: usize) -> Option<(char, usize)> {
    let escaped = &text[backslashes..];
    let character = match escaped.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let code = u32::from_str_radix(escaped.get(1..5)?, 16).ok()?;
            return Some((char::from_u32(code)?, backslashes + 5));
        }
        same @ ('"' | '\'' | '/') => same,
        _ => return None,
    };
    Some((character, backslashes + 1))
}

//! Rust source code as words: identifiers, `::` and single punctuation characters.

/// The words of `code` without comments, literals, and modules that exist only for tests.
pub(super) fn of(code: &str) -> Vec<&str> {
    without_test_modules(&words(code))
}

fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => 1 + end_of_text(&rest[1..]),
            'r' if is_raw_text(rest) => end_of_raw_text(rest),
            '\'' => end_of_quote(rest),
            ':' if rest.starts_with("::") => word(&mut words, rest, 2),
            _ if is_identifier(first) => {
                let end = rest.find(|next| !is_identifier(next)).unwrap_or(rest.len());
                word(&mut words, rest, end)
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => word(&mut words, rest, first.len_utf8()),
        };
        rest = &rest[length..];
    }
    words
}

fn word<'a>(words: &mut Vec<&'a str>, rest: &'a str, length: usize) -> usize {
    words.push(&rest[..length]);
    length
}

fn is_identifier(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_raw_text(rest: &str) -> bool {
    rest[1..].trim_start_matches('#').starts_with('"') && !rest.starts_with("r#\"\"#\"")
}

fn end_of_raw_text(rest: &str) -> usize {
    let open = rest.find('"').unwrap_or_default() + 1;
    let end = format!("\"{}", "#".repeat(open - 2));
    rest[open..].find(&end).map_or(rest.len(), |at| open + at + end.len())
}

/// A character literal whole, or the quote of a lifetime.
fn end_of_quote(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((after, _))) => {
            rest[after + 1..].find('\'').map_or(rest.len(), |at| after + at + 2)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

fn without_test_modules<'a>(words: &[&'a str]) -> Vec<&'a str> {
    const TEST: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at..].starts_with(&TEST) {
            at = end_of_block(words, at + TEST.len());
        } else {
            kept.push(words[at]);
            at += 1;
        }
    }
    kept
}

/// After the block, or after the `;`, that begins behind the name at `at`.
fn end_of_block(words: &[&str], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, word) in words.iter().enumerate().skip(at) {
        match *word {
            ";" if depth == 0 => return index + 1,
            "{" => depth += 1,
            "}" if depth == 1 => return index + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    words.len()
}

#[test]
fn literals_and_test_modules_are_left_out() {
    for (name, code, expected) in [
        ("comment", "a // use crate::b;\n/* c */ d", "a d"),
        ("text", r#"a "use \" crate::b" c"#, "a c"),
        ("raw text", "a r#\"b \" c\"# d r\"e\" f", "a d f"),
        ("character", r"a '\'' b '{' c '\u{1f600}' d", "a b c d"),
        ("lifetime", "&'a str", "& a str"),
        ("test module", "a #[cfg(test)] mod tests { use b; { } } c", "a c"),
        ("test file", "a #[cfg(test)] mod tests; c", "a c"),
        ("path", "crate::a::B", "crate :: a :: B"),
    ] {
        assert_eq!(of(code).join(" "), expected, "{name}");
    }
}

//! Texts in the source code, found by their syntax: attributes, macros and doc comments.

use std::fs;
use std::path::PathBuf;

use testkit::dashboards::root;

use super::{Text, files, lines, relative};

/// Applies `extract` to the code of every crate and function, without the tests.
pub(super) fn all(extract: fn(&str) -> Vec<(usize, String)>) -> Vec<Text> {
    let mut texts = Vec::new();
    for folder in ["crates", "functions"] {
        for path in files(&root().join(folder), "rs") {
            let file = relative(&path);
            if file.contains("/tests/") || file.contains("/examples/") || file.ends_with("tests.rs")
            {
                continue;
            }
            let code = fs::read_to_string(&path).expect("a source file");
            let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for (at, text) in extract(code) {
                let line = code[..at].lines().count().max(1);
                texts.push(Text { file: file.clone(), line, content: text });
            }
        }
    }
    texts
}

/// The comments of all code, tests included.
pub(super) fn comments() -> Vec<Text> {
    let is_comment = |line: &Text| line.content.trim_start().starts_with("//");
    code().iter().flat_map(|path| lines(path)).filter(is_comment).collect()
}

/// The names of all tests as words.
pub(super) fn test_names() -> Vec<Text> {
    let mut names = Vec::new();
    for path in code() {
        let mut is_test = false;
        for line in lines(&path) {
            let code = line.content.trim();
            let name = code.trim_start_matches("async ").strip_prefix("fn ");
            match name.and_then(|name| name.split('(').next()) {
                Some(name) if is_test => {
                    names.push(Text { content: name.replace('_', " "), ..line });
                    is_test = false;
                }
                Some(_) => is_test = false,
                None => is_test |= code.starts_with("#[test]") || code.starts_with("#[tokio::test"),
            }
        }
    }
    names
}

/// The files of all code, without the list of words itself.
fn code() -> Vec<PathBuf> {
    let folders = ["crates", "functions", "tests", "benches", "fuzz/fuzz_targets"];
    let found = folders.iter().flat_map(|folder| files(&root().join(folder), "rs"));
    found.filter(|path| !path.ends_with("language/words.rs")).collect()
}

/// Texts of `#[error("…")]`.
pub(super) fn errors(code: &str) -> Vec<(usize, String)> {
    calls(code, &["#[error("])
}

/// Texts in the macros of `tracing`.
pub(super) fn log_messages(code: &str) -> Vec<(usize, String)> {
    const MACROS: &[&str] = &["error!(", "warn!(", "info!(", "debug!(", "trace!("];
    if code.contains("tracing") { calls(code, MACROS) } else { Vec::new() }
}

/// Doc comments and help attributes of the arguments of the command line.
pub(super) fn help(code: &str) -> Vec<(usize, String)> {
    let is_clap =
        ["clap::Args", "clap::Parser", "clap::Subcommand", "clap::ValueEnum", "use clap::"];
    if !is_clap.iter().any(|one| code.contains(one)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        if let Some(comment) = line.trim_start().strip_prefix("/// ") {
            found.push((at, comment.trim_end().to_owned()));
        }
        at += line.len();
    }
    found.extend(calls(code, &["#[arg(", "#[command("]));
    found
}

/// The string literals in the arguments of each of these calls.
fn calls(code: &str, starts: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for start in starts {
        for (at, _) in code.match_indices(start) {
            let arguments = arguments(&code[at + start.len()..]);
            found.extend(literals(arguments).into_iter().map(|text| (at, text)));
        }
    }
    found
}

/// The text up to the closing parenthesis.
fn arguments(code: &str) -> &str {
    let mut depth = 1_usize;
    let mut rest = code;
    while let Some(next) = rest.find(['"', '(', ')']) {
        let after = &rest[next + 1..];
        match rest.as_bytes()[next] {
            b'"' => {
                rest = &after[end_of_literal(after)..];
                continue;
            }
            b'(' => depth += 1,
            _ => depth -= 1,
        }
        if depth == 0 {
            return &code[..code.len() - rest.len() + next];
        }
        rest = after;
    }
    code
}

/// The length of a literal with its closing quote, from after its opening one.
fn end_of_literal(text: &str) -> usize {
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

fn literals(arguments: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some(start) = rest.find('"') {
        let after = &rest[start + 1..];
        let end = end_of_literal(after);
        found.push(after[..end.saturating_sub(1)].to_owned());
        rest = &after[end..];
    }
    found
}

#[test]
fn texts_are_found_in_code() {
    let code = r#"
        #[error("`{name}` is `{value}`; expected (at most) \"ten\"")]
        Wrong,
        // tracing
        tracing::warn!(%url, error = chain(&error), "Scrape failed");
    "#;
    let texts =
        |found: Vec<(usize, String)>| found.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(errors(code)), [r#"`{name}` is `{value}`; expected (at most) \"ten\""#]);
    assert_eq!(texts(log_messages(code)), ["Scrape failed"]);
}

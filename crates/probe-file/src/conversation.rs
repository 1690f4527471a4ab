//! The turns of a conversation and the checks on their replies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use domain::check::{JsonTest, PartKind, Requirement, ToolCalled};
use domain::{Check, Objectives, Template, Turn, language};
use serde_json_path::JsonPath;

use crate::common::{objectives, texts};
use crate::diagnostic::Diagnostic;
use crate::files_of_turn::{check_size, files};
use crate::keys::{
    CHECK, CHECK_OPTIONS, JSON, LONGEST_SIMILAR, MOST_CHECKS, MOST_TURNS, SIMILAR, TOOL, TURN,
};
use crate::node::{Node, Place, Value};
use crate::walk::{Scope, Walk};

/// Template variables that always have a value in a conversation.
const WORDS: [&str; 2] = ["nonce", "environment"];

/// The longest reply that is read by default. A reply is never longer.
const LONGEST_REPLY: u32 = 1_048_576;

pub(crate) fn turns(
    walk: &mut Walk<'_>,
    node: &Node,
    timeout: Option<Duration>,
) -> Option<Vec<Turn>> {
    let items = walk.items(node, "a list of turns, each with `say`")?;
    if !(1..=MOST_TURNS).contains(&items.len()) {
        let message = format!("a conversation of {} turns", items.len());
        walk.note(Diagnostic::new(&node.at, message, format!("expected 1 to {MOST_TURNS} turns")));
        return None;
    }
    let mut words: Vec<&str> = WORDS.to_vec();
    let mut turns = Vec::with_capacity(items.len());
    for item in items {
        turns.push(turn(walk, item, &words, timeout));
        // They have a value from the next turn on.
        let saved = item.get("save").map_or(&[][..], Node::entries);
        words.extend(saved.iter().map(|(key, _)| key.text.as_str()));
    }
    let turns: Vec<Turn> = turns.into_iter().collect::<Option<_>>()?;
    check_size(walk, node, &turns);
    Some(turns)
}

fn turn(
    walk: &mut Walk<'_>,
    node: &Node,
    words: &[&str],
    timeout: Option<Duration>,
) -> Option<Turn> {
    let fields = walk.fields(node, &TURN, &node.place())?;
    let scope = Scope { words, secrets: false };
    let say = fields.get("say").and_then(|node| {
        let say = trimmed_template(walk, node, scope)?;
        let empty = say.parts().is_empty();
        if empty {
            walk.note(Diagnostic::new(&node.at, "the prompt is empty", "expected some text"));
        }
        (!empty).then_some(say)
    });
    let expect = fields.get("expect").map_or(Some(Vec::new()), |node| checks(walk, node, scope));
    let objectives = match fields.get("objectives") {
        Some(node) => objectives(walk, node, timeout),
        None => Some(Objectives::default()),
    };
    let save = fields.get("save").map_or(Some(BTreeMap::new()), |node| save(walk, node, words));
    let files = fields.get("files").map_or(Some(Vec::new()), |node| files(walk, node, scope));
    Some(Turn { say: say?, files: files?, expect: expect?, objectives: objectives?, save: save? })
}

fn save(walk: &mut Walk<'_>, node: &Node, taken: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut saved = BTreeMap::new();
    for (key, value) in
        walk.entries(node, "names and regexes such as `{ order: \"order ([0-9]+)\" }`")?
    {
        let name = key.text.as_str();
        let word = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !word {
            let message = format!("`{name}` is not a name for a saved part");
            walk.note(Diagnostic::new(
                &key.at,
                message,
                "expected a-z, 0-9 and _, beginning with a letter",
            ));
        } else if WORDS.contains(&name) {
            let message = format!("`{name}` has a value already");
            walk.note(Diagnostic::new(&key.at, message, "expected another name"));
        } else if taken.contains(&name) {
            let message = format!("`{name}` is saved by an earlier turn");
            walk.note(Diagnostic::new(&key.at, message, "expected another name"));
        }
        if let Some(pattern) = walk.text(value, "a regex").map(without_line_end)
            && walk.regex(value, pattern)
        {
            saved.insert(key.text.clone(), pattern.to_owned());
        }
    }
    Some(saved)
}

fn checks(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Vec<Check>> {
    let items = walk.items(node, "a list of checks such as `[ { contains: \"hello\" } ]`")?;
    if items.len() > MOST_CHECKS {
        let message = format!("{} checks on one reply", items.len());
        walk.note(Diagnostic::new(&node.at, message, format!("expected at most {MOST_CHECKS}")));
    }
    let checks: Vec<Option<Check>> = items.iter().map(|item| check(walk, item, scope)).collect();
    checks.into_iter().collect()
}

fn check(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Check> {
    let place = node.place();
    let fields = walk.fields(node, &CHECK, &place)?;
    let mut option = |name: &str| fields.get(name).map_or(Some(false), |node| walk.boolean(node));
    let (ignore_case, exact) = (option("ignore_case"), option("exact"));
    let is_option = |key: &str| CHECK_OPTIONS.contains(&key);
    let mut requirements = fields.iter().filter(|(key, _)| !is_option(&key.text));
    let Some((key, value)) = requirements.next() else {
        // A misspelt key is noted already.
        if node.entries().iter().all(|(key, _)| CHECK.has(&key.text)) {
            walk.note(Diagnostic::new(
                &place,
                "the check has no requirement",
                "expected one such as `contains`",
            ));
        }
        return None;
    };
    if let Some((second, _)) = requirements.next() {
        let message = format!("`{}` and `{}` in one check", key.text, second.text);
        let mistake =
            Diagnostic::new(&second.at, message, "expected one requirement in each check");
        walk.note(mistake.hint("write a list item for each: `- { … }`"));
    }
    let requirement = requirement(walk, key.text.as_str(), value, scope);
    Some(Check { requirement: requirement?, ignore_case: ignore_case?, exact: exact? })
}

fn requirement(
    walk: &mut Walk<'_>,
    name: &str,
    node: &Node,
    scope: Scope<'_>,
) -> Option<Requirement> {
    let length = |walk: &mut Walk<'_>| {
        let length = walk.integer(node, 0..=LONGEST_REPLY)?;
        usize::try_from(length).ok()
    };
    Some(match name {
        "contains" => Requirement::Contains(some_text(walk, node, scope)?),
        "not_contains" => Requirement::NotContains(some_text(walk, node, scope)?),
        "equals" => Requirement::Equals(walk.template(node, scope)?),
        "matches" => Requirement::Matches(regex(walk, node, scope)?),
        "not_matches" => Requirement::NotMatches(regex(walk, node, scope)?),
        "min_length" => Requirement::MinLength(length(walk)?),
        "max_length" => Requirement::MaxLength(length(walk)?),
        "language" => Requirement::Language(language(walk, node)?),
        "similar_to" => similar_to(walk, node, scope)?,
        "json" => json(walk, node, scope)?,
        "json_schema" => json_schema(walk, node)?,
        "any_of" => {
            let checks = checks(walk, node, scope)?;
            if checks.is_empty() {
                walk.note(Diagnostic::new(&node.at, "`any_of` is empty", "expected some checks"));
                return None;
            }
            Requirement::AnyOf(checks)
        }
        "tool_called" => tool_called(walk, node, scope)?,
        "has" => has(walk, node)?,
        "no_error_toast" => {
            if !walk.boolean(node)? {
                let expected = "expected `true`, or no such check";
                walk.note(Diagnostic::new(&node.at, "the check is `false`", expected));
                return None;
            }
            Requirement::NoErrorToast {}
        }
        _ => return None,
    })
}

/// A text as a prompt or a check means it.
fn trimmed_template(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Template> {
    let text = walk.text(node, "text")?;
    walk.template_in(node, without_line_end(text), scope)
}

/// A text without the line break that YAML adds to a block (`|` or `>`). Few replies end with one.
fn without_line_end(text: &str) -> &str {
    text.trim_end_matches('\n')
}

/// A text that is not empty: every reply contains the empty text.
fn some_text(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Template> {
    let template = trimmed_template(walk, node, scope)?;
    let empty = template.parts().is_empty();
    if empty {
        walk.note(Diagnostic::new(
            &node.at,
            "every reply contains the empty text",
            "expected some text",
        ));
    }
    (!empty).then_some(template)
}

/// A regex with template variables. Their values will be escaped, so a letter replaces them here.
fn regex(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Template> {
    let template = some_text(walk, node, scope)?;
    walk.regex(node, &with_placeholders(&template)).then_some(template)
}

/// The text with a letter for every variable.
fn with_placeholders(template: &Template) -> String {
    let Ok(filled) = template.fill(|_| Ok::<_, Infallible>(Some(Cow::Borrowed("x"))));
    filled.text().unwrap_or_default()
}

fn json_schema(walk: &mut Walk<'_>, node: &Node) -> Option<Requirement> {
    let schema = node.to_json();
    match domain::json_schema::check_schema(&schema) {
        Ok(()) => Some(Requirement::JsonSchema(schema)),
        Err(invalid) => {
            let mistake =
                Diagnostic::new(&node.place(), invalid.to_string(), "expected a JSON Schema");
            walk.note(mistake.hint("references (`$ref`) and `format` are not supported"));
            None
        }
    }
}

fn tool_called(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Requirement> {
    let place = node.place();
    let fields = walk.fields(node, &TOOL, &place)?;
    if fields.iter().next().is_none() {
        if node.entries().iter().all(|(key, _)| TOOL.has(&key.text)) {
            let expected = "expected `name`, `matches`, or both";
            walk.note(Diagnostic::new(&place, "the check names no tool", expected));
        }
        return None;
    }
    let name = match fields.get("name") {
        None => Some(None),
        Some(node) => some_text(walk, node, scope).map(Some),
    };
    let matches = match fields.get("matches") {
        None => Some(None),
        Some(node) => regex(walk, node, scope).map(Some),
    };
    Some(Requirement::ToolCalled(ToolCalled { name: name?, matches: matches? }))
}

fn has(walk: &mut Walk<'_>, node: &Node) -> Option<Requirement> {
    let text = walk.text(node, "`image`, `file` or `html`")?;
    let kind = PartKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    if kind.is_none() {
        let message = format!("`{text}` is not a kind of part");
        walk.note(Diagnostic::new(&node.at, message, "expected `image`, `file` or `html`"));
    }
    kind.map(Requirement::Has)
}

fn language(walk: &mut Walk<'_>, node: &Node) -> Option<String> {
    let code = walk.text(node, "text such as `fr`")?;
    if language::by_code(code).is_some() {
        return Some(code.to_owned());
    }
    let message = format!("`{code}` is not a language that can be recognised");
    let mistake =
        Diagnostic::new(&node.at, message, "expected an ISO 639-1 code such as `en` or `fr`");
    let named = code.to_lowercase();
    let meant = language::LANGUAGES.iter().find(|language| {
        language.name.to_lowercase() == named
            || language.long_code == named
            || named.split(['-', '_']).next() == Some(language.code)
    });
    walk.note(match meant {
        Some(language) => {
            mistake.hint(format!("did you mean `{}` ({})?", language.code, language.name))
        }
        None => mistake,
    });
    None
}

fn similar_to(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Requirement> {
    let fields = walk.fields(node, &SIMILAR, &node.place())?;
    let text = fields.get("text").and_then(|node| {
        let text = some_text(walk, node, scope)?;
        let length = text.to_string().chars().count();
        if length > LONGEST_SIMILAR {
            let message = format!("a text of {length} characters is too long to compare with");
            walk.note(Diagnostic::new(
                &node.at,
                message,
                format!("expected at most {LONGEST_SIMILAR}"),
            ));
            return None;
        }
        Some(text)
    });
    let at_least = fields.get("at_least").and_then(|node| walk.fraction(node));
    Some(Requirement::SimilarTo { text: text?, at_least: at_least? })
}

fn json(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Requirement> {
    let place: Place = node.place();
    let fields = walk.fields(node, &JSON, &place)?;
    let path = fields.get("path").and_then(|node| {
        let template = walk.template(node, scope)?;
        let path = with_placeholders(&template);
        let Err(error) = JsonPath::parse(&path) else { return Some(template) };
        let start = path.char_indices().nth(error.position()).map_or(0, |(at, _)| at);
        let at = walk.inside(node, &path[start..]);
        let expected = "expected a JSON path such as `$.items[0].name`";
        let mistake = Diagnostic::new(&at, format!("`{path}` is not a JSON path"), expected);
        walk.note(mistake.hint("the syntax is that of RFC 9535"));
        None
    });
    let mut tests = fields.iter().filter(|(key, _)| key.text != "path");
    let Some((key, value)) = tests.next() else {
        let known = node.entries().iter().all(|(key, _)| JSON.has(&key.text));
        if known {
            let expected = "expected `equals`, `matches` or `exists`";
            walk.note(Diagnostic::new(&place, "the check has no condition", expected));
        }
        return None;
    };
    if let Some((second, _)) = tests.next() {
        let message = format!("`{}` and `{}` in one check", key.text, second.text);
        walk.note(Diagnostic::new(&second.at, message, "expected one test in each check"));
    }
    let test = match key.text.as_str() {
        "equals" => {
            let before = walk.mistakes.len();
            texts(value, &mut |node, text| {
                walk.template_in(node, text, scope);
            });
            (walk.mistakes.len() == before).then(|| JsonTest::Equals(value.to_json()))
        }
        "matches" => regex(walk, value, scope).map(JsonTest::Matches),
        _ => walk.boolean(value).map(JsonTest::Exists),
    };
    if matches!(value.value, Value::Float(number) if !number.is_finite()) {
        walk.note(Diagnostic::new(
            &value.at,
            "JSON has no such number",
            "expected a finite number",
        ));
    }
    Some(Requirement::Json { path: path?, test: test? })
}

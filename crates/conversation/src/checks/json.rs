//! Finds the JSON in a reply.

use serde_json::Value;

/// Places at which a JSON value is looked for. Limits the work on a reply full of brackets.
const MOST_STARTS: usize = 100;

/// Why a reply has no JSON value to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoJson {
    None,
    Several,
}

/// The reply itself if it is JSON, else its only fenced block that is, else the only object in it, else
/// the only array.
pub(super) fn find_json(reply: &str) -> Result<Value, NoJson> {
    if let Ok(value) = serde_json::from_str(reply.trim()) {
        return Ok(value);
    }
    let fenced: Vec<Value> =
        fenced_blocks(reply).filter_map(|block| serde_json::from_str(block.trim()).ok()).collect();
    if !fenced.is_empty() {
        return only(fenced);
    }
    let (objects, arrays) = embedded(reply).into_iter().partition::<Vec<_>, _>(Value::is_object);
    match only(objects) {
        Err(NoJson::None) => only(arrays),
        found => found,
    }
}

fn only(mut values: Vec<Value>) -> Result<Value, NoJson> {
    match (values.pop(), values.len()) {
        (Some(value), 0) => Ok(value),
        (None, _) => Err(NoJson::None),
        _ => Err(NoJson::Several),
    }
}

/// The contents of the blocks between lines that begin with three backticks.
fn fenced_blocks(reply: &str) -> impl Iterator<Item = &str> {
    let mut parts = reply.split("```");
    // Text outside of blocks and blocks alternate.
    let _before = parts.next();
    parts.step_by(2).map(|block| {
        let language_end = block.find('\n').unwrap_or(0);
        let is_language = block[..language_end].trim().chars().all(char::is_alphanumeric);
        if is_language { &block[language_end..] } else { block }
    })
}

/// The outermost objects and arrays in a text.
fn embedded(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut from = 0;
    for _ in 0..MOST_STARTS {
        let Some(start) = text[from..].find(['{', '[']).map(|offset| from + offset) else { break };
        let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        from = match stream.next() {
            Some(Ok(value)) => {
                values.push(value);
                start + stream.byte_offset()
            }
            _ => start + 1,
        };
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_found_in_prose() {
        let ok = || json!({ "ok": true });
        for (reply, expected) in [
            (" {\"ok\": true} ", Ok(ok())),
            ("Sure!\n```json\n{\"ok\": true}\n```\nBye", Ok(ok())),
            ("```\n{\"ok\": true}\n```", Ok(ok())),
            ("```{\"ok\": true}```", Ok(ok())),
            ("The answer is {\"ok\": true}.", Ok(ok())),
            ("See [1]: {\"ok\": true}", Ok(ok())),
            ("The list is [1, 2].", Ok(json!([1, 2]))),
            ("The orders: [{\"id\": 1}, {\"id\": 2}].", Ok(json!([{ "id": 1 }, { "id": 2 }]))),
            ("One order: [{\"id\": 1}]", Ok(json!([{ "id": 1 }]))),
            ("Use [brackets] for {\"ok\": true}", Ok(ok())),
            ("\u{feff}{\"ok\": true}", Ok(ok())),
            ("{\"a\": {\"b\": 1}}, no more", Ok(json!({ "a": { "b": 1 } }))),
            ("{\"a\": 1} or {\"a\": 2}", Err(NoJson::Several)),
            ("```json\n1\n``` and ```json\n2\n```", Err(NoJson::Several)),
            ("a {b} [c", Err(NoJson::None)),
            ("", Err(NoJson::None)),
        ] {
            assert_eq!(find_json(reply), expected, "{reply}");
        }
    }

    #[test]
    fn many_brackets_are_parsed_within_a_limit() {
        assert_eq!(find_json(&"[".repeat(1_000_000)), Err(NoJson::None));
        assert_eq!(find_json(&"{\"a\":[".repeat(100_000)), Err(NoJson::None));
    }
}

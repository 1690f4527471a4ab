//! Keys of a probe file, from its JSON Schema.

use std::fmt::Write as _;

use serde_json::Value;

const INTRODUCTION: &str =
    "One file per probe, `probes/NAME.yaml`. Unknown keys are errors, with file, line and column. \
    `vigie check` validates files, and `vigie schema` prints the JSON Schema for editors.

Durations are written as `500ms`, `30s`, `2m`, `1h` or `1d`.

| placeholder | value | where |
| --- | --- | --- |
| `${UPPER_CASE}` | environment variable, or a value of the parameter `ProbeVariables` | any text |
| `${nonce}` | a word that is different in every run | prompts and checks |
| `${environment}` | name of the environment | prompts and checks |
| `${name}` | text saved by `save` in an earlier turn | prompts and checks |
| `${secret:ID#key}` | Secrets Manager secret; `#key` selects a key of a JSON secret | `target` |
| `${ssm:/path}` | Parameter Store parameter | `target` |
| `$${` | a literal `${` | any text |

Any value of `target` may be a map from environment to value.
";

pub(super) fn page() -> String {
    let schema = ::probe_file::schema();
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, "Top level", &schema);
    page
}

/// A table of the keys of a mapping, then a section for each key that is a mapping itself.
fn section(page: &mut String, title: &str, schema: &Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let keys = schema["properties"].as_object().expect("properties");
    let _ = write!(
        page,
        "\n## {title}\n\n| key | value | required | meaning |\n| --- | --- | --- | --- |\n"
    );
    for (key, value) in keys {
        let is_required = required.iter().any(|name| name == key);
        let meaning = super::cell(value["description"].as_str().unwrap_or_default());
        let _ = writeln!(
            page,
            "| `{key}` | {} | {} | {meaning} |",
            super::cell(&kind(value)),
            if is_required { "yes" } else { "" }
        );
    }
    for (key, value) in keys {
        if let Some(nested) = nested(value) {
            let title =
                if title == "Top level" { format!("`{key}`") } else { nested_title(title, key) };
            section(page, &title, nested);
        }
    }
}

fn nested_title(title: &str, key: &str) -> String {
    format!("{}.{key}`", title.trim_end_matches('`'))
}

/// The mapping with fixed keys in a value, in the items of a list, or in one of its alternatives.
fn nested(value: &Value) -> Option<&Value> {
    let has_keys = |value: &Value| value["properties"].is_object();
    if has_keys(value) {
        return Some(value);
    }
    if has_keys(&value["items"]) {
        return Some(&value["items"]);
    }
    value["anyOf"].as_array()?.iter().find(|one| has_keys(one))
}

/// The type of a value with its limits, in words.
fn kind(value: &Value) -> String {
    if let Some(values) = value["enum"].as_array() {
        let quoted = values.iter().filter_map(Value::as_str).map(|one| format!("`{one}`"));
        return quoted.collect::<Vec<_>>().join(", ");
    }
    if let Some(alternatives) = value["anyOf"].as_array() {
        return kind(&alternatives[0]);
    }
    let types: Vec<&str> = match &value["type"] {
        Value::String(one) => vec![one],
        several => several.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let mut text = match types.as_slice() {
        [] => return "any".to_owned(),
        ["object"] => return "mapping".to_owned(),
        ["array"] => return "list".to_owned(),
        several => several.join(" or "),
    };
    if let (Some(least), Some(most)) = (value["minimum"].as_f64(), value["maximum"].as_f64()) {
        let _ = write!(text, ", {least} to {most}");
    } else if let Some(least) = value["minimum"].as_f64() {
        let _ = write!(text, ", at least {least}");
    }
    if let Some(examples) = value["examples"].as_array() {
        let quoted = examples.iter().filter_map(Value::as_str).map(|one| format!("`{one}`"));
        let _ = write!(text, ", such as {}", quoted.collect::<Vec<_>>().join(", "));
    }
    text
}

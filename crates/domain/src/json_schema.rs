//! The part of JSON Schema (draft 2020-12) that the check `json_schema` supports.
//!
//! A schema with any other keyword is refused when the probe file is read, so that no requirement is
//! silently ignored. There are no references, so that every schema has a finite size.

use regex::Regex;
use serde_json::{Map, Value};

/// Keywords that describe and do not require anything.
const ANNOTATIONS: [&str; 7] =
    ["$schema", "$comment", "title", "description", "default", "examples", "deprecated"];

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "integer", "string"];

/// Why a value is not a supported schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct InvalidSchema {
    /// Where the mistake is: `$.properties.name`.
    pub path: String,
    pub reason: String,
}

/// Checks that every keyword of a schema is supported and has a valid value.
///
/// # Errors
/// The first mistake.
pub fn check_schema(schema: &Value) -> Result<(), InvalidSchema> {
    check_at(schema, "$")
}

fn check_at(schema: &Value, path: &str) -> Result<(), InvalidSchema> {
    let invalid = |reason: String| Err(InvalidSchema { path: path.to_owned(), reason });
    let schema = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(schema) => schema,
        _ => return invalid("expected a mapping, `true` or `false`".to_owned()),
    };
    for (keyword, value) in schema {
        let below = format!("{path}.{keyword}");
        let is_valid = match keyword.as_str() {
            "type" => one_or_many(value)
                .iter()
                .all(|name| name.as_str().is_some_and(|name| TYPES.contains(&name))),
            "enum" => value.is_array(),
            "const" => true,
            "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties"
            | "maxProperties" => value.is_u64(),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
            "pattern" => value.as_str().is_some_and(|pattern| Regex::new(pattern).is_ok()),
            "items" | "additionalProperties" | "not" => {
                check_at(value, &below)?;
                true
            }
            "properties" => match value.as_object() {
                None => false,
                Some(properties) => {
                    for (name, schema) in properties {
                        check_at(schema, &format!("{below}.{name}"))?;
                    }
                    true
                }
            },
            "anyOf" | "oneOf" | "allOf" => match value.as_array() {
                None => false,
                Some(schemas) => {
                    for (index, schema) in schemas.iter().enumerate() {
                        check_at(schema, &format!("{below}[{index}]"))?;
                    }
                    !schemas.is_empty()
                }
            },
            annotation if ANNOTATIONS.contains(&annotation) => true,
            _ => return invalid(format!("the keyword `{keyword}` is not supported")),
        };
        if !is_valid {
            return invalid(format!("`{keyword}` has an invalid value"));
        }
    }
    Ok(())
}

/// Why a value does not match a schema, with the place; `None` if it matches.
///
/// A keyword that [`check_schema`] refuses is ignored.
#[must_use]
pub fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    mismatch_at(schema, value, "$")
}

fn mismatch_at(schema: &Value, value: &Value, path: &str) -> Option<String> {
    let schema = match schema {
        Value::Bool(true) => return None,
        Value::Object(schema) => schema,
        _ => return Some(format!("{path} is not allowed")),
    };
    schema.iter().find_map(|(keyword, expected)| match keyword.as_str() {
        "type" => {
            let types = one_or_many(expected);
            let is_type =
                types.iter().any(|name| name.as_str().is_some_and(|t| has_type(value, t)));
            (!is_type).then(|| format!("{path} is {}, not {}", type_of(value), listed(&types)))
        }
        "enum" => {
            let allowed = expected.as_array().map_or(&[][..], Vec::as_slice);
            let is_allowed = allowed.iter().any(|one| same(one, value));
            (!is_allowed).then(|| format!("{path} is not one of the allowed values"))
        }
        "const" => (!same(expected, value)).then(|| format!("{path} is not {expected}")),
        "not" => mismatch_at(expected, value, path)
            .is_none()
            .then(|| format!("{path} matches a schema under `not`")),
        "allOf" => expected.as_array()?.iter().find_map(|one| mismatch_at(one, value, path)),
        "anyOf" | "oneOf" => {
            let matching = expected.as_array()?.iter();
            let count = matching.filter(|one| mismatch_at(one, value, path).is_none()).count();
            let is_enough = if keyword == "oneOf" { count == 1 } else { count > 0 };
            (!is_enough).then(|| format!("{path} matches {count} of the schemas under `{keyword}`"))
        }
        _ => match value {
            Value::Object(fields) => object_mismatch(schema, keyword, expected, fields, path),
            Value::Array(items) => array_mismatch(keyword, expected, items, path),
            Value::String(text) => text_mismatch(keyword, expected, text, path),
            Value::Number(number) => number_mismatch(keyword, expected, number.as_f64()?, path),
            Value::Null | Value::Bool(_) => None,
        },
    })
}

fn object_mismatch(
    schema: &Map<String, Value>,
    keyword: &str,
    expected: &Value,
    fields: &Map<String, Value>,
    path: &str,
) -> Option<String> {
    match keyword {
        "required" => {
            let names = expected.as_array()?.iter().filter_map(Value::as_str);
            let missing = names.clone().find(|name| !fields.contains_key(*name))?;
            Some(format!("{path} has no `{missing}`"))
        }
        "properties" => expected.as_object()?.iter().find_map(|(name, schema)| {
            mismatch_at(schema, fields.get(name)?, &format!("{path}.{name}"))
        }),
        "additionalProperties" => {
            let known = schema.get("properties").and_then(Value::as_object);
            let mut others = fields
                .iter()
                .filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
            others.find_map(|(name, value)| mismatch_at(expected, value, &format!("{path}.{name}")))
        }
        "minProperties" | "maxProperties" => {
            size_mismatch(keyword, expected, fields.len(), "fields", path)
        }
        _ => None,
    }
}

fn array_mismatch(keyword: &str, expected: &Value, items: &[Value], path: &str) -> Option<String> {
    match keyword {
        "items" => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| mismatch_at(expected, item, &format!("{path}[{index}]"))),
        "minItems" | "maxItems" => size_mismatch(keyword, expected, items.len(), "items", path),
        _ => None,
    }
}

fn text_mismatch(keyword: &str, expected: &Value, text: &str, path: &str) -> Option<String> {
    match keyword {
        "minLength" | "maxLength" => {
            size_mismatch(keyword, expected, text.chars().count(), "characters", path)
        }
        "pattern" => {
            let pattern = expected.as_str()?;
            let is_match = Regex::new(pattern).ok()?.is_match(text);
            (!is_match).then(|| format!("{path} does not match `{pattern}`"))
        }
        _ => None,
    }
}

fn size_mismatch(
    keyword: &str,
    expected: &Value,
    size: usize,
    unit: &str,
    path: &str,
) -> Option<String> {
    let limit = usize::try_from(expected.as_u64()?).unwrap_or(usize::MAX);
    let is_within = if keyword.starts_with("min") { limit <= size } else { size <= limit };
    (!is_within).then(|| format!("{path} has {size} {unit}; `{keyword}` is {limit}"))
}

fn number_mismatch(keyword: &str, expected: &Value, number: f64, path: &str) -> Option<String> {
    let limit = expected.as_f64()?;
    let is_within = match keyword {
        "minimum" => limit <= number,
        "maximum" => number <= limit,
        "exclusiveMinimum" => limit < number,
        "exclusiveMaximum" => number < limit,
        _ => true,
    };
    (!is_within).then(|| format!("{path} is {number}; `{keyword}` is {limit}"))
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

fn listed(types: &[&Value]) -> String {
    let names: Vec<&str> = types.iter().filter_map(|name| name.as_str()).collect();
    names.join(" or ")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        // 1.0 is an integer (JSON Schema Core, section 4.2.3).
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => type_of(value) == name,
    }
}

/// 1 and 1.0 are the same number.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_checked_against_every_keyword() {
        let schema = json!({
            "type": "object",
            "required": ["name", "age"],
            "properties": {
                "name": { "type": "string", "pattern": "^A", "minLength": 2 },
                "age": { "type": "integer", "minimum": 0 },
                "tags": { "type": "array", "items": { "enum": ["a", "b"] }, "maxItems": 2 },
                "id": { "anyOf": [{ "type": "null" }, { "const": 7 }] },
            },
            "additionalProperties": false,
        });
        check_schema(&schema).unwrap();
        for (value, expected) in [
            (json!({ "name": "Ada", "age": 36.0, "tags": ["a"], "id": 7.0 }), None),
            (json!([]), Some("$ is array, not object")),
            (json!({ "name": "Ada" }), Some("$ has no `age`")),
            (json!({ "name": "Bob", "age": 1 }), Some("$.name does not match `^A`")),
            (json!({ "name": "A", "age": 1 }), Some("$.name has 1 characters; `minLength` is 2")),
            (json!({ "name": "Ada", "age": 1.5 }), Some("$.age is number, not integer")),
            (json!({ "name": "Ada", "age": -1 }), Some("$.age is -1; `minimum` is 0")),
            (json!({ "name": "Ada", "age": 1, "x": 1 }), Some("$.x is not allowed")),
            (
                json!({ "name": "Ada", "age": 1, "tags": ["c"] }),
                Some("$.tags[0] is not one of the allowed values"),
            ),
            (
                json!({ "name": "Ada", "age": 1, "id": 8 }),
                Some("$.id matches 0 of the schemas under `anyOf`"),
            ),
        ] {
            assert_eq!(mismatch(&schema, &value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn unsupported_keywords_are_rejected_with_their_path() {
        for (schema, error) in [
            (json!({ "$ref": "#" }), "$: the keyword `$ref` is not supported"),
            (
                json!({ "properties": { "a": { "type": "text" } } }),
                "$.properties.a: `type` has an invalid value",
            ),
            (json!({ "pattern": "(" }), "$: `pattern` has an invalid value"),
            (json!(3), "$: expected a mapping, `true` or `false`"),
        ] {
            assert_eq!(check_schema(&schema).unwrap_err().to_string(), error);
        }
    }
}

//! What a table of keys is, and the schemas that several tables share.

use serde_json::{Value, json};

use crate::units::PATTERN;

/// One key of a mapping.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// Shown by editors. Names the default.
    pub(crate) meaning: &'static str,
    /// The schema of its value.
    pub(crate) schema: fn() -> Value,
}

/// The keys of one kind of mapping.
pub(crate) struct Keys {
    /// The mapping, for messages: `target`.
    pub(crate) place: &'static str,
    pub(crate) list: &'static [Key],
}

impl Keys {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.list.iter().any(|key| key.name == name)
    }

    /// The schema of a mapping with these keys and no others.
    pub(crate) fn schema(&self) -> Value {
        let described = |key: &Key| {
            let mut schema = (key.schema)();
            schema["description"] = key.meaning.into();
            (key.name.to_owned(), schema)
        };
        let mut schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": Value::Object(self.list.iter().map(described).collect()),
        });
        let required: Vec<&str> =
            self.list.iter().filter(|key| key.required).map(|key| key.name).collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }
}

pub(super) const fn needed(
    name: &'static str,
    meaning: &'static str,
    schema: fn() -> Value,
) -> Key {
    Key { name, required: true, meaning, schema }
}

pub(super) const fn optional(
    name: &'static str,
    meaning: &'static str,
    schema: fn() -> Value,
) -> Key {
    Key { name, required: false, meaning, schema }
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn some_text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

pub(super) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn count() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 1_048_576 })
}

pub(super) fn duration() -> Value {
    json!({ "type": "string", "pattern": PATTERN, "examples": ["500ms", "30s", "1m"] })
}

pub(super) fn m_of_n() -> Value {
    json!({ "type": "string", "pattern": "^[1-9][0-9]* of [1-9][0-9]*$", "examples": ["2 of 3"] })
}

pub(super) fn environment() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$" })
}

pub(super) fn per_environment(schema: &Value) -> Value {
    let by = json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": environment(),
        "additionalProperties": schema,
    });
    json!({ "anyOf": [schema, by] })
}

/// Exactly one of these keys is there.
pub(super) fn one_of(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "required": [name] })).collect()
}

//! The keys of a check on a reply.

use domain::check::PartKind;
use domain::language::LANGUAGES;
use serde_json::{Value, json};

use super::table::{Keys, boolean, count, needed, one_of, optional, some_text, text};

pub(crate) const MOST_CHECKS: usize = 50;
/// Longest text to compare with by `similar_to`.
pub(crate) const LONGEST_SIMILAR: usize = 4_096;

pub(crate) const CHECK: Keys = Keys {
    place: "a check",
    list: &[
        optional("contains", "The reply contains this text.", some_text),
        optional("not_contains", "The reply does not contain this text.", some_text),
        optional(
            "equals",
            "The reply is this text. White space at its start and end is ignored.",
            text,
        ),
        optional(
            "matches",
            "This regex is found in the reply (syntax of the Rust crate `regex`).",
            text,
        ),
        optional("not_matches", "This regex is not found in the reply.", text),
        optional("min_length", "Least number of characters of the reply.", count),
        optional("max_length", "Most characters of the reply.", count),
        optional(
            "language",
            "The reply is in this language (ISO 639-1). Fails only if it is certainly in another one.",
            || {
                let codes: Vec<&str> = LANGUAGES.iter().map(|language| language.code).collect();
                json!({ "type": "string", "enum": codes })
            },
        ),
        optional("similar_to", "The reply resembles a text.", || SIMILAR.schema()),
        optional(
            "json",
            "The JSON of the reply has a value. The JSON may be in a fenced block, or the only object in the text.",
            || {
                let mut schema = JSON.schema();
                schema["oneOf"] = one_of(&["equals", "matches", "exists"]);
                schema
            },
        ),
        optional(
            "json_schema",
            "The JSON of the reply matches this JSON Schema (without references).",
            || json!({ "type": ["object", "boolean"] }),
        ),
        optional(
            "any_of",
            "One of these checks passes.",
            || json!({ "type": "array", "items": { "$ref": "#/$defs/check" }, "minItems": 1, "maxItems": MOST_CHECKS }),
        ),
        optional(
            "tool_called",
            "The reply has a tool or thinking block with this title, or with text that matches.",
            || {
                let mut schema = TOOL.schema();
                schema["minProperties"] = 1.into();
                schema
            },
        ),
        optional(
            "has",
            "The reply has a part that is not text.",
            || json!({ "type": "string", "enum": PartKind::ALL.map(PartKind::as_str) }),
        ),
        optional(
            "no_error_toast",
            "The app showed no error or warning message (a toast) during the turn.",
            || json!({ "const": true }),
        ),
        optional("ignore_case", "Ignore the case of letters. Default: false.", boolean),
        optional(
            "exact",
            "Compare every character. Otherwise variants of quotes, spaces and dashes are equal, and Markdown emphasis and invisible characters are ignored. Default: false.",
            boolean,
        ),
    ],
};

pub(crate) const TOOL: Keys = Keys {
    place: "`tool_called`",
    list: &[
        optional("name", "Text in the title of the block; the case does not matter.", some_text),
        optional("matches", "A regex for the title or the text of the block.", some_text),
    ],
};

/// Keys of a check that are not a requirement.
pub(crate) const CHECK_OPTIONS: [&str; 2] = ["ignore_case", "exact"];

pub(crate) const SIMILAR: Keys = Keys {
    place: "`similar_to`",
    list: &[
        needed("text", "The text to resemble, at most 4,096 characters.", text),
        needed(
            "at_least",
            "Normalised Levenshtein similarity that is enough: 0 is nothing in common, 1 is equal.",
            || json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        ),
    ],
};

pub(crate) const JSON: Keys = Keys {
    place: "`json`",
    list: &[
        needed(
            "path",
            "JSON path (RFC 9535), such as $.items[0].name; true if any node matches.",
            || json!({ "type": "string", "pattern": "^\\$" }),
        ),
        optional("equals", "A node is this value.", || json!({})),
        optional("matches", "This regex is found in a node.", text),
        optional("exists", "Whether there is any such node.", boolean),
    ],
};

/// The schema of a check.
pub(crate) fn check() -> Value {
    let mut schema = CHECK.schema();
    let names = CHECK.list.iter().map(|key| key.name);
    let requirements: Vec<&str> = names.filter(|name| !CHECK_OPTIONS.contains(name)).collect();
    schema["oneOf"] = one_of(&requirements);
    schema
}

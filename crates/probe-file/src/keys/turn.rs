//! The keys of a turn of the conversation, and of its objectives.

use serde_json::{Value, json};

use super::check::check;
use super::table::{Keys, duration, needed, one_of, optional, some_text, text};

pub(crate) const MOST_FILES: usize = 4;
/// Most bytes of the files of a conversation. A run request holds them, and ten of them have to fit into one
/// message of 256 KiB.
pub(crate) const MOST_FILE_BYTES: usize = 16 * 1024;

pub(crate) const TURN: Keys = Keys {
    place: "a turn",
    list: &[
        needed(
            "say",
            "The prompt. ${nonce} is a new word in each run, so that no cache can answer; ${name} is a part that an earlier turn saved.",
            || json!({ "type": "string", "minLength": 1 }),
        ),
        optional(
            "files",
            "Files that are uploaded and sent with the prompt, for a message box that accepts files. At most 16 KiB in a conversation.",
            || json!({ "type": "array", "items": file(), "maxItems": MOST_FILES }),
        ),
        optional(
            "expect",
            "Checks on the reply. Every check must pass.",
            || json!({ "type": "array", "items": check() }),
        ),
        optional("objectives", "Overrides the probe's objectives for this turn.", || {
            OBJECTIVES.schema()
        }),
        optional(
            "save",
            "Parts of the reply to keep for later turns: name to regex. Group 1 of it, or the whole match. A regex without a match fails the turn.",
            || {
                json!({
                    "type": "object",
                    "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$", "not": { "enum": ["nonce", "environment"] } },
                    "additionalProperties": { "type": "string", "minLength": 1 },
                })
            },
        ),
    ],
};

pub(crate) const OBJECTIVES: Keys = Keys {
    place: "`objectives`",
    list: &[
        optional("first_chunk", "Prompt sent to first chunk of the reply.", duration),
        optional("reply", "Prompt sent to end of the reply.", duration),
        optional("inter_chunk", "Longest gap between two chunks.", duration),
        optional(
            "characters_per_second",
            "Lowest speed of the reply, from its first text to its end.",
            || json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 }),
        ),
    ],
};

pub(crate) const FILE: Keys = Keys {
    place: "a file",
    list: &[
        needed(
            "name",
            "Name of the file. Its ending says what it is, such as `.png`.",
            || json!({ "type": "string", "minLength": 1, "maxLength": 100 }),
        ),
        optional("text", "The content as text, with the variables of the prompt.", text),
        optional("base64", "The content in Base64, as `base64 -w0 FILE` writes it.", some_text),
    ],
};

fn file() -> Value {
    let mut schema = FILE.schema();
    schema["oneOf"] = one_of(&["text", "base64"]);
    schema
}

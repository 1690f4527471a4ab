//! The JSON Schema of a probe file, for YAML editors.

use serde_json::{Value, json};

use crate::keys::{PROBE, check};

/// The schema (draft 2020-12). It has every key, type and range. Only [`crate::parse`] checks the rules
/// that concern several keys, such as `timeout` and `every`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = PROBE.schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    // Free for anchors.
    schema["patternProperties"] = json!({ "^x-": {} });
    schema["$defs"] = json!({ "check": check() });
    schema["title"] = json!("Vigie probe");
    schema["description"] = json!("A conversation with a Gradio chatbot, and when Vigie runs it.");
    schema
}

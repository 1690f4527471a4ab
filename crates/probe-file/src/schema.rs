//! The JSON Schema of a probe file, for YAML editors.

use serde_json::{Value, json};

use crate::keys::PROBE;

/// The schema (draft 2020-12). It knows every key, type and range; rules that join several keys
/// (such as `timeout` against `every`) are the business of [`crate::parse`] alone.
#[must_use]
pub fn schema() -> Value {
    let mut schema = PROBE.schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Vigie probe");
    schema["description"] =
        json!("A conversation that Vigie holds with a Gradio chatbot, and when.");
    schema
}

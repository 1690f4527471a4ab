//! The JSON Schema of a probe file, for YAML editors.

use serde_json::{Value, json};

use crate::keys::{PROBE, check};

/// Each release has the schema as a file with this name.
const FILE: &str = "vigie-probe.schema.json";

/// The schema (draft 2020-12). It has every key, type and range. Only [`crate::parse`] checks the rules
/// that concern several keys, such as `timeout` and `every`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = PROBE.schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    let releases = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/latest/download");
    schema["$id"] = json!(format!("{releases}/{FILE}"));
    // Free for anchors.
    schema["patternProperties"] = json!({ "^x-": {} });
    schema["$defs"] = json!({ "check": check() });
    schema["title"] = json!("Vigie probe");
    schema["description"] = json!("A conversation with a Gradio chatbot, and when Vigie runs it.");
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_has_the_address_of_the_released_file() {
        let id = schema()["$id"].as_str().unwrap_or_default().to_owned();
        assert!(id.starts_with("https://") && id.ends_with(FILE), "{id}");
    }
}

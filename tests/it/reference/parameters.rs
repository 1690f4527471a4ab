//! Parameters of the stack, in the groups in which the console shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use testkit::template::CloudFormation;

const INTRODUCTION: &str = "Set them in `samconfig.toml`, one section per environment. A parameter without a default \
    must be set.\n";

pub(super) fn page() -> String {
    let template = CloudFormation::load("template.yaml");
    let parameters: BTreeMap<&str, &Value> = template.section("Parameters").collect();
    let (_, interface) = template
        .section("Metadata")
        .find(|(name, _)| *name == "AWS::CloudFormation::Interface")
        .expect("the groups of the parameters");
    let mut page = INTRODUCTION.to_owned();
    let mut listed = 0;
    for group in interface["ParameterGroups"].as_array().expect("groups") {
        let label = group["Label"]["default"].as_str().expect("a label");
        let _ = write!(
            page,
            "\n## {label}\n\n| parameter | default | meaning |\n| --- | --- | --- |\n"
        );
        for name in group["Parameters"].as_array().expect("parameters") {
            let name = name.as_str().expect("a name");
            let _ = writeln!(page, "{}", row(name, parameters[name]));
            listed += 1;
        }
    }
    assert_eq!(listed, parameters.len(), "a parameter is in no group of the template");
    page
}

fn row(name: &str, parameter: &Value) -> String {
    let default = match &parameter["Default"] {
        Value::Null => "required".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    let mut meaning = parameter["Description"].as_str().unwrap_or_default().trim().to_owned();
    if let Some(values) = parameter["AllowedValues"].as_array() {
        let quoted = values.iter().map(|value| match value {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        });
        let _ = write!(meaning, " Allowed values: {}.", quoted.collect::<Vec<_>>().join(", "));
    }
    if let (Some(least), Some(most)) =
        (parameter["MinValue"].as_u64(), parameter["MaxValue"].as_u64())
    {
        let _ = write!(meaning, " Range: {least} to {most}.");
    }
    format!("| `{name}` | {default} | {} |", super::cell(&meaning))
}

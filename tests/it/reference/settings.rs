//! Environment variables of the functions, as the template sets them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use testkit::dashboards::root;
use testkit::template::{CloudFormation, Resource, branches};

const INTRODUCTION: &str = "The template sets these environment variables; change the parameter, not the variable. A \
    function reads and validates them at start, before the first event. An invalid value stops the function with an \
    error that names the variable and an example.\n";

/// Variables with these prefixes are set by Lambda itself.
const OF_LAMBDA: [&str; 2] = ["AWS_", "LAMBDA_"];

pub(super) fn page() -> String {
    let template = CloudFormation::load("template.yaml");
    let mut page = INTRODUCTION.to_owned();
    let (_, globals) =
        template.section("Globals").find(|(name, _)| *name == "Function").expect("globals");
    let common = globals["Environment"]["Variables"].as_object().expect("variables");
    table(
        &mut page,
        "All functions",
        common.iter().map(|(name, value)| (name.as_str(), value)),
        &template,
    );
    for function in template.of_type("AWS::Serverless::Function") {
        let name = function.id.to_lowercase();
        let variables = function.get("/Environment/Variables").as_object().expect("variables");
        let rows: BTreeMap<&str, &Value> =
            variables.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let given: BTreeSet<&str> =
            rows.keys().copied().chain(common.keys().map(String::as_str)).collect();
        let unknown: Vec<String> =
            read_by(&name).into_iter().filter(|read| !given.contains(read.as_str())).collect();
        assert!(unknown.is_empty(), "{name} reads {unknown:?}, which the template does not set");
        let title = format!("`vigie-ENV-{name}`");
        table(&mut page, &title, rows.into_iter(), &template);
    }
    page
}

fn table<'a>(
    page: &mut String,
    title: &str,
    rows: impl Iterator<Item = (&'a str, &'a Value)>,
    template: &CloudFormation,
) {
    let _ = write!(page, "\n## {title}\n\n| variable | value |\n| --- | --- |\n");
    for (name, value) in rows {
        let _ = writeln!(page, "| `{name}` | {} |", super::cell(&meaning(value, template)));
    }
}

/// The variables in the settings code of a function, without its tests.
fn read_by(function: &str) -> BTreeSet<String> {
    let path = root().join(format!("functions/{function}/src/config.rs"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let quoted = code.split('"').skip(1).step_by(2);
    let is_variable = |text: &&str| {
        text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    quoted
        .filter(is_variable)
        .filter(|name| !OF_LAMBDA.iter().any(|prefix| name.starts_with(prefix)))
        .map(str::to_owned)
        .collect()
}

/// Where the value comes from, such as ``parameter `Metrics` ``.
fn meaning(value: &Value, template: &CloudFormation) -> String {
    if let Some(parts) = value["Fn::Join"][1].as_array() {
        let mut parts: Vec<String> = parts.iter().map(|part| meaning(part, template)).collect();
        parts.dedup();
        return format!("{}, separated by commas", parts.join(", "));
    }
    let mut texts: Vec<String> =
        branches(value).into_iter().map(|one| single(one, template)).collect();
    texts.dedup();
    if texts.is_empty() { "empty".to_owned() } else { texts.join(", or ") }
}

fn single(value: &Value, template: &CloudFormation) -> String {
    if let Some(name) = value["Ref"].as_str() {
        if template.section("Parameters").any(|(parameter, _)| parameter == name) {
            return format!("parameter `{name}`");
        }
        if name == "AWS::Region" {
            return "the region".to_owned();
        }
        return resource(template.resource(name));
    }
    if let Some(attribute) = value["Fn::GetAtt"].as_array() {
        let part = |index: usize| attribute.get(index).and_then(Value::as_str).unwrap_or_default();
        let output = part(1).strip_prefix("Outputs.").expect("an output of a nested stack");
        return format!("output `{output}` of the nested stack `{}`", part(0));
    }
    if let Some(text) = value["Fn::Sub"].as_str() {
        return format!("`{}`", text.replace("${Environment}", "ENV"));
    }
    match value.as_str() {
        Some("") => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
        None => format!("`{value}`"),
    }
}

fn resource(resource: Resource<'_>) -> String {
    let name = |pointer: &str| {
        let name = resource.get(pointer);
        name["Fn::Sub"].as_str().unwrap_or_default().replace("${Environment}", "ENV")
    };
    match resource.kind() {
        "AWS::SQS::Queue" => format!("URL of the queue `{}`", name("/QueueName")),
        "AWS::SNS::Topic" => format!("ARN of the topic `{}`", name("/TopicName")),
        "AWS::DynamoDB::Table" => format!("name of the table `{}`", name("/TableName")),
        "AWS::S3::Bucket" if resource.id == "StatusBucket" => {
            "name of the bucket of the status page".to_owned()
        }
        "AWS::S3::Bucket" => "name of the report bucket".to_owned(),
        other => format!("`{}` ({other})", resource.id),
    }
}

//! What `infra/routes.json` may contain.

use std::collections::{BTreeMap, BTreeSet};

use domain::EnvironmentName;
use receivers::Audience;
use receivers::config::{Kind, TopicFormat, parse};
use serde_json::{Value, json};
use testkit::vendors::Vendor;

use crate::support::settings;

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(receivers::ROUTES_SCHEMA).unwrap()).unwrap()
}

const PAGE: &str = include_str!("../../../../docs/receivers.md");

/// The cells in backticks that begin the rows of the table with this header.
fn documented(header: &str) -> BTreeSet<String> {
    let mut lines = PAGE.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = lines.by_ref().take_while(|line| line.starts_with("| `"));
    let names: BTreeSet<String> = rows.map(|row| words(row).swap_remove(0)).collect();
    assert!(!names.is_empty(), "no table `{header}`");
    names
}

/// The words in backticks of a line.
fn words(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The schema of each type, with its name.
fn types() -> BTreeMap<String, Value> {
    let schema: Value = serde_json::from_str(receivers::ROUTES_SCHEMA).unwrap();
    let all = schema["properties"]["receivers"]["items"]["oneOf"].as_array().unwrap().clone();
    let named = all.into_iter().map(|one| {
        let properties = one["properties"].clone();
        (properties["type"]["const"].as_str().unwrap().to_owned(), properties)
    });
    named.collect()
}

fn allowed(setting: &Value) -> BTreeSet<String> {
    let words = setting["enum"].as_array().unwrap().iter();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn documented_tables_equal_the_schema() {
    let types = types();
    let keys = |one: &Value| one.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let common = types.values().map(keys).reduce(|all, one| &all & &one).unwrap();
    assert_eq!(documented("| key | meaning |"), common);
    assert_eq!(documented("| `template` |"), allowed(&types["webhook"]["template"]));
    assert_eq!(documented("| `format` |"), allowed(&types["sns"]["format"]));
    let row = |name: &str| words(PAGE.lines().find(|line| line.starts_with(name)).unwrap());
    let listed: BTreeSet<String> = row("| `type` |").into_iter().skip(1).collect();
    assert_eq!(listed, types.keys().cloned().collect());
    for audience in &row("| `send` |")[1..4] {
        assert!(allowed(&types["slack"]["send"]["items"]).contains(audience), "{audience}");
    }
}

#[test]
fn documented_defaults_equal_those_of_the_reader() {
    let url = "https://a.example";
    let rows = [
        json!({ "name": "a", "type": "pagerduty", "routing_key": "k" }),
        json!({ "name": "a", "type": "slack", "url": url }),
        json!({ "name": "a", "type": "teams", "url": url }),
        json!({ "name": "a", "type": "webhook", "url": url }),
        json!({ "name": "a", "type": "sns", "topic": "arn:aws:sns:eu-west-1:123456789012:a" }),
    ];
    assert_eq!(rows.len(), types().len());
    for row in rows {
        let receiver = parse(&file(&row).to_string()).unwrap().receivers.remove(0);
        let tickets = row["type"] != "pagerduty";
        assert!(receiver.audiences.contains(&Audience::Page), "{row}");
        assert_eq!(receiver.audiences.contains(&Audience::Ticket), tickets, "{row}");
        assert!(!receiver.audiences.contains(&Audience::Escalation) && !receiver.reminders);
        if let Kind::Sns { format, .. } = receiver.kind {
            assert_eq!(format, TopicFormat::Json);
        }
    }
}

fn file(receiver: &Value) -> Value {
    json!({ "routes": [{ "match": { "team": "lab" }, "severity": "ticket" }], "receivers": [receiver] })
}

#[test]
fn schema_and_reader_accept_every_type() {
    let schema = schema();
    let topic = "arn:aws:sns:eu-west-1:123456789012:chat";
    let others = [
        json!({ "name": "a", "type": "slack", "url": { "prod": "https://a.example", "dev": "https://b.example" } }),
        json!({ "name": "a", "type": "sns", "topic": topic, "format": "amazon_q", "send": ["ticket"], "reminders": true }),
        json!({ "name": "a", "type": "webhook", "url": "https://a.example", "method": "PUT", "body": "{ \"t\": {{ title|tojson }} }", "environments": ["prod"] }),
    ];
    for receiver in Vendor::ALL.map(settings).into_iter().chain(others) {
        let file = file(&receiver);
        assert!(schema.is_valid(&file), "{file}");
        // Indented with tabs, as editors do with JSON.
        let mut text = Vec::new();
        let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, tabs);
        serde::Serialize::serialize(&file, &mut serializer).unwrap();
        for text in [file.to_string(), String::from_utf8(text).unwrap()] {
            let parsed = parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
            assert_eq!((parsed.routes.routes.len(), parsed.receivers.len()), (1, 1));
        }
    }
}

#[track_caller]
fn check(receiver: &str, underlined: &str, message: &str) {
    let text = format!("{{ \"receivers\": [\n  {receiver}\n] }}");
    let mistakes = parse(&text).unwrap_err();
    let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
    assert!(mistake.message.contains(message), "{mistake:?}");
    assert!(
        text[mistake.at.clone()].starts_with(underlined),
        "{mistake:?} {:?}",
        &text[mistake.at.clone()]
    );
}

#[test]
fn mistake_is_reported_at_its_place() {
    let rows = [
        // receiver, underlined, message
        (r#"{ "type": "slack", "url": "x" }"#, "{", "a receiver has no `name`"),
        (r#"{ "name": "A b", "type": "slack", "url": "x" }"#, "\"A b\"", "`name` is `A b`"),
        (
            r#"{ "name": "tickets", "type": "slack", "url": "x" }"#,
            "\"tickets\"",
            "a topic of the stack",
        ),
        (r#"{ "name": "a", "type": "slak", "url": "x" }"#, "\"slak\"", "`type` is `slak`"),
        (r#"{ "name": "a", "type": "slack" }"#, "{", "has no `url`"),
        (r#"{ "name": "a", "type": "slack", "url": "" }"#, "\"\"", "is empty"),
        (
            r#"{ "name": "a", "type": "slack", "url": "${secret:}" }"#,
            "\"${secret:}\"",
            "is not known",
        ),
        (r#"{ "name": "a", "type": "slack", "url": "${URL}" }"#, "\"${URL}\"", "has no value here"),
        (
            r#"{ "name": "a", "type": "slack", "url": "x", "routing_key": "k" }"#,
            "\"k\"",
            "has no `routing_key`",
        ),
        (
            r#"{ "name": "a", "type": "slack", "url": "x", "send": ["pages"] }"#,
            "\"pages\"",
            "`send` has `pages`",
        ),
        (
            r#"{ "name": "a", "type": "slack", "url": "x", "send": ["page", "escalation"] }"#,
            "[",
            "`send` has `page` and `escalation`",
        ),
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "method": "GET" }"#,
            "\"GET\"",
            "`method` is `GET`",
        ),
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "template": "ops" }"#,
            "\"ops\"",
            "`template` is `ops`",
        ),
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "headers": { "Host": "h" } }"#,
            "\"h\"",
            "cannot be set",
        ),
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "body": "{{ titel }}" }"#,
            "\"{{ titel",
            "`body` is not usable",
        ),
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "body": "{% if %}" }"#,
            "\"{% if",
            "`body` is not usable",
        ),
        // It is JSON with the sample, but not with a quotation mark in the title.
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "body": "{ \"t\": \"{{ title }}\" }" }"#,
            "\"{ ",
            "is not JSON",
        ),
        (
            r#"{ "name": "a", "type": "webhook", "url": "x", "body": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}" }"#,
            "\"{% for",
            "`body` is not usable",
        ),
        (
            r#"{ "name": "a", "type": "sns", "topic": "t", "format": "xml" }"#,
            "\"xml\"",
            "`format` is `xml`",
        ),
        (r#"{ "name": "a", "type": "slack", "uri": "x" }"#, "", "uri"),
    ];
    for (receiver, underlined, message) in rows {
        check(receiver, underlined, message);
    }
}

#[test]
fn every_mistake_is_reported() {
    let text = r#"{ "receivers": [
        { "name": "a", "type": "slack" },
        { "name": "a", "type": "mail" },
        { "name": "a", "type": "slack", "url": "x" },
        { "name": "a", "type": "slack", "url": "x" }
    ] }"#;
    let messages: Vec<String> =
        parse(text).unwrap_err().into_iter().map(|one| one.message).collect();
    assert_eq!(
        messages,
        ["the receiver has no `url`", "`type` is `mail`", "two receivers have the name `a`"]
    );
}

#[test]
fn schema_rejects_what_the_reader_rejects() {
    let schema = schema();
    for receiver in [
        json!({ "name": "a", "type": "slack" }),
        json!({ "name": "a", "type": "slak", "url": "x" }),
        json!({ "name": "A", "type": "slack", "url": "x" }),
        json!({ "name": "a", "type": "slack", "url": "x", "routing_key": "k" }),
        json!({ "name": "a", "type": "webhook", "url": "x", "body": "b", "template": "ntfy" }),
    ] {
        let file = file(&receiver);
        assert!(!schema.is_valid(&file) && parse(&file.to_string()).is_err(), "{file}");
    }
}

#[test]
fn receiver_without_a_value_for_an_environment_is_not_used() {
    let file =
        file(&json!({ "name": "a", "type": "slack", "url": { "prod": "https://a.example" } }));
    let receiver = parse(&file.to_string()).unwrap().receivers.remove(0);
    let is_in = |name: &str| receiver.is_in(&name.parse::<EnvironmentName>().unwrap());
    assert!(is_in("prod") && !is_in("dev"));
}

#[test]
fn unusable_value_is_an_error_without_the_value() {
    let secret = "canary-4711-value";
    let rows = [
        (json!({ "name": "a", "type": "slack", "url": secret }), "not a URL"),
        (
            json!({ "name": "a", "type": "slack", "url": format!("http://example.com/{secret}") }),
            "without encryption",
        ),
        (
            json!({ "name": "a", "type": "pagerduty", "routing_key": secret }),
            "not an integration key",
        ),
        (json!({ "name": "a", "type": "sns", "topic": secret }), "not an ARN"),
        (
            json!({ "name": "a", "type": "webhook", "url": "https://a.example", "headers": { "A": format!("{secret}\n\nb") } }),
            "not a header",
        ),
        (json!({ "name": "a", "type": "slack", "url": "${secret:x}" }), "was not fetched"),
    ];
    for (receiver, message) in rows {
        let receiver = parse(&file(&receiver).to_string()).unwrap().receivers.remove(0);
        let error = receiver.resolve(&crate::support::prod(), &[].into()).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(message) && !text.contains("canary"), "{text}");
    }
}

//! What `infra/routes.json` may contain.

use domain::EnvironmentName;
use receivers::config::parse;
use serde_json::{Value, json};
use testkit::vendors::Vendor;

use crate::support::settings;

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(receivers::ROUTES_SCHEMA).unwrap()).unwrap()
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

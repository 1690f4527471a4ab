//! `[[receivers]]` and `[[routes]]` of the settings file: those of `infra/routes.json`, with environment variables.

use anyhow::{Context as _, bail};
use domain::template::Part;
use domain::{EnvironmentName, Template};
use receivers::Configuration;
use receivers::config::Mistake;
use serde::Serialize;
use serde_json::Value;
use toml::Table;

/// The keys whose texts may contain `${NAME}`. A body is a template of another language.
const KEYS: [&str; 5] = ["routing_key", "url", "headers", "signing_key", "topic"];

/// The lines before the receivers in the text that is checked.
const LINES_BEFORE: usize = 2;

/// Checks the tables and replaces `${NAME}` by the value of the environment variable.
pub(crate) fn configuration(
    routes: &[Table],
    receivers: &[Table],
    environment: &EnvironmentName,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Configuration> {
    let filled = receivers.iter().map(|one| receiver(one, environment, &variable));
    let filled = filled.collect::<anyhow::Result<Vec<String>>>()?;
    // Each receiver has a line of its own, which identifies the receiver of a mistake.
    let text =
        format!("{{\"routes\":{},\n\"receivers\":[\n{}\n]}}", json(routes)?, filled.join(",\n"));
    receivers::config::parse(&text).or_else(|mistakes| {
        let named: Vec<String> = mistakes.iter().map(|one| named(one, &text, receivers)).collect();
        bail!("{}", named.join("\n"))
    })
}

fn receiver(
    table: &Table,
    environment: &EnvironmentName,
    variable: &impl Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(table).context("a receiver is not valid")?;
    for key in KEYS {
        if let Some(setting) = value.get_mut(key) {
            fill(setting, environment, variable)
                .with_context(|| format!("receiver `{}` is not valid", name(table)))?;
        }
    }
    json(&value)
}

fn fill(
    value: &mut Value,
    environment: &EnvironmentName,
    variable: &impl Fn(&str) -> Option<String>,
) -> anyhow::Result<()> {
    match value {
        Value::String(text) => *text = filled(text, environment, variable)?,
        Value::Object(fields) => {
            for field in fields.values_mut() {
                fill(field, environment, variable)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The text with its variables. Mistakes in other places are found by the check of the receiver.
fn filled(
    text: &str,
    environment: &EnvironmentName,
    variable: &impl Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    // `${environment}` may be part of the name of a secret.
    let text = text.replace("${environment}", environment.as_str());
    let Ok(template) = text.parse::<Template>() else { return Ok(text) };
    let template = template.fill(|part| match part {
        Part::Variable(name) => {
            let value = variable(name).filter(|value| !value.trim().is_empty());
            let value = value.with_context(|| {
                format!("`${{{name}}}` has no value; expected the environment variable `{name}`")
            })?;
            anyhow::Ok(Some(value.trim().to_owned().into()))
        }
        _ => Ok(None),
    })?;
    Ok(template.to_string())
}

fn json(value: &(impl Serialize + ?Sized)) -> anyhow::Result<String> {
    serde_json::to_string(value).context("a receiver or route is not valid")
}

fn name(table: &Table) -> &str {
    table.get("name").and_then(toml::Value::as_str).unwrap_or("without a name")
}

/// The mistake with the name of its receiver.
fn named(mistake: &Mistake, text: &str, receivers: &[Table]) -> String {
    let start = text.floor_char_boundary(mistake.at.start);
    let line = text[..start].matches('\n').count();
    let receiver = line.checked_sub(LINES_BEFORE).and_then(|index| receivers.get(index));
    let place = receiver.map(|table| format!("receiver `{}`: ", name(table))).unwrap_or_default();
    format!("{place}{}; {}", mistake.message, mistake.expected)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(text: &str) -> Result<Configuration, String> {
        let table: Table = text.parse().unwrap();
        let list = |key: &str| match table.get(key) {
            Some(list) => list.clone().try_into::<Vec<Table>>().unwrap(),
            None => Vec::new(),
        };
        let variable = |name: &str| match name {
            "SLACK_URL" => Some("https://hooks.slack.com/${x}\n".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let environment = "local".parse().unwrap();
        configuration(&list("routes"), &list("receivers"), &environment, variable)
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn receivers_and_routes_are_those_of_routes_json() {
        let configuration = read(
            "[[routes]]\nmatch = { team = \"lab\" }\nseverity = \"ticket\"\n\
             [[receivers]]\nname = \"chat\"\ntype = \"slack\"\nurl = \"${SLACK_URL}\"\n\
             send = [\"page\", \"ticket\"]\n\
             [[receivers]]\nname = \"hook\"\ntype = \"webhook\"\n\
             url = { prod = \"${secret:vigie/${environment}/hook}\" }\n\
             body = '{ \"text\": {{ title|tojson }} }'\n",
        )
        .unwrap();
        assert_eq!(configuration.routes.routes.len(), 1);
        let [chat, hook] = &configuration.receivers[..] else { panic!("{configuration:?}") };
        let local = "local".parse().unwrap();
        assert!(chat.is_in(&local) && !hook.is_in(&local));
        // The value of a variable is text, also if it looks like a place to fill in.
        assert!(chat.resolve(&local, &HashMap::new()).is_ok());
        let prod = "prod".parse().unwrap();
        assert_eq!(hook.secrets(&prod)[0].to_string(), "secret:vigie/local/hook");
    }

    #[test]
    fn mistake_names_its_receiver() {
        let slack = "[[receivers]]\nname = \"chat\"\ntype = \"slack\"\n";
        let cases = [
            (
                format!(
                    "{slack}url = \"${{SLACK_URL}}\"\n[[receivers]]\nname = \"b\"\ntype = \"slak\"\n"
                ),
                "receiver `b`: `type` is `slak`; expected `pagerduty`",
            ),
            (
                slack.to_owned(),
                "receiver `chat`: the receiver has no `url`; expected the key `url`",
            ),
            (
                format!("{slack}url = \"${{NOWHERE}}\"\n"),
                "receiver `chat` is not valid: `${NOWHERE}` has no value; expected the environment variable `NOWHERE`",
            ),
            (format!("{slack}url = \"${{EMPTY}}\"\n"), "`${EMPTY}` has no value"),
            (format!("{slack}url = \"${{AWS_SECRET_ACCESS_KEY}}\"\n"), "`AWS_…` variables"),
            (format!("{slack}adress = \"x\"\n"), "unknown field `adress`"),
            ("[[routes]]\nseverity = \"urgent\"\n".to_owned(), "unknown variant `urgent`"),
        ];
        for (text, expected) in cases {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}

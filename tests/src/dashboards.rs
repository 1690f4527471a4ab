//! Every `PromQL` expression that the repository ships: panels, alert rules, recording rules.
//!
//! Tests without a network check the names in them; the end-to-end run asks them of a real Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One expression, ready to be asked: Grafana's variables are replaced.
#[derive(Clone, Debug)]
pub struct Expression {
    /// File name, such as `vigie-fleet.json`.
    pub file: String,
    /// What a failing test should name: a panel's title and query, or a rule.
    pub place: String,
    pub promql: String,
    pub kind: Kind,
}

/// Where an expression is used, which decides how it is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A panel that shows the current value.
    Instant,
    /// A panel that shows a stretch of time.
    Range,
    Alert,
    Recording,
}

impl Expression {
    /// The vector selectors in it, such as `up{job="gradio_chatbot"}`, ranges and offsets left out.
    #[must_use]
    pub fn selectors(&self) -> Vec<String> {
        selectors(&self.promql)
    }

    /// The metric names in it.
    #[must_use]
    pub fn metrics(&self) -> BTreeSet<String> {
        let name = |selector: &String| selector.split('{').next().unwrap_or_default().to_owned();
        self.selectors().iter().map(name).collect()
    }
}

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Expressions of all dashboards and all rules.
///
/// # Panics
/// When a file cannot be read or is invalid; the message names the file.
#[must_use]
pub fn expressions() -> Vec<Expression> {
    let mut found = Vec::new();
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap_or("?");
            for target in panel["targets"].as_array().into_iter().flatten() {
                let Some(expr) = target["expr"].as_str() else { continue };
                let kind = if target["instant"] == true { Kind::Instant } else { Kind::Range };
                let query = target["refId"].as_str().unwrap_or("?");
                found.push(Expression {
                    file: file.clone(),
                    place: format!("panel `{title}`, query {query}"),
                    promql: substitute(expr),
                    kind,
                });
            }
        }
    }
    for (file, rules) in rule_files() {
        for rule in rules.groups.into_iter().flat_map(|group| group.rules) {
            let (kind, name) = match (&rule.alert, &rule.record) {
                (Some(alert), _) => (Kind::Alert, alert),
                (None, Some(record)) => (Kind::Recording, record),
                (None, None) => panic!("{file}: a rule without `alert` or `record`"),
            };
            let place = format!("rule `{name}`");
            found.push(Expression { file: file.clone(), place, promql: rule.expr, kind });
        }
    }
    found
}

/// A variable of a dashboard that lists the values of a label: `label_values(SELECTOR, LABEL)`.
#[derive(Clone, Debug)]
pub struct Choice {
    pub file: String,
    pub variable: String,
    pub selector: String,
    pub label: String,
}

/// The variables of all dashboards whose values come from Prometheus.
///
/// # Panics
/// When a variable does not use `label_values`.
#[must_use]
pub fn choices() -> Vec<Choice> {
    let mut found = Vec::new();
    for (file, dashboard) in dashboards() {
        for variable in dashboard["templating"]["list"].as_array().into_iter().flatten() {
            let Some(asked) = variable["query"]["query"].as_str() else { continue };
            let inner = asked.strip_prefix("label_values(").and_then(|a| a.strip_suffix(')'));
            let parts = inner.and_then(|inner| inner.rsplit_once(", "));
            let (selector, label) =
                parts.unwrap_or_else(|| panic!("{file}: `{asked}` is not `label_values(…)`"));
            found.push(Choice {
                file: file.clone(),
                variable: variable["name"].as_str().unwrap_or("?").to_owned(),
                selector: substitute(selector),
                label: label.to_owned(),
            });
        }
    }
    found
}

/// CloudWatch's `SEARCH` expressions of Grafana's dashboards, as for environment `local`: file name, text.
#[must_use]
pub fn searches() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let targets = panel["targets"].as_array().into_iter().flatten();
            let asked = targets.filter_map(|target| target["expression"].as_str());
            let asked = asked.map(|text| text.replace("$environment", "local"));
            found.extend(asked.map(|text| (file.clone(), text)));
        }
    }
    found
}

/// All dashboards: file name, parsed.
#[must_use]
pub fn dashboards() -> Vec<(String, Value)> {
    let read = |path: PathBuf| {
        let text = read(&path);
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name(&path), value)
    };
    files("infra/observability/grafana/dashboards", ".json").into_iter().map(read).collect()
}

/// The panels of a dashboard, rows left out.
pub fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let nested =
        |panel: &'_ Value| panel["panels"].as_array().is_some_and(|inner| !inner.is_empty());
    let all = dashboard["panels"].as_array().into_iter().flatten();
    all.inspect(move |panel| {
        assert!(!nested(panel), "a collapsed row hides its panels from the tests");
    })
    .filter(|panel| panel["type"] != "row")
}

/// A file of Prometheus rules, what the tests need of it.
#[derive(Debug, Deserialize)]
pub struct RuleFile {
    pub groups: Vec<RuleGroup>,
}

#[derive(Debug, Deserialize)]
pub struct RuleGroup {
    pub rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
pub struct Rule {
    pub alert: Option<String>,
    pub record: Option<String>,
    pub expr: String,
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// All files of rules: file name, parsed.
#[must_use]
pub fn rule_files() -> Vec<(String, RuleFile)> {
    let paths = files("infra/observability/rules", ".yml").into_iter();
    paths.map(|path| (name(&path), yaml(&path))).collect()
}

/// A YAML file of the repository, parsed.
///
/// # Panics
/// When it cannot be read or is not a `T`.
#[must_use]
pub fn yaml<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_saphyr::from_str(&read(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder of the repository with this ending, in order of their names.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let listed =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listed
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| name(path).ends_with(ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}: no file ends with `{ending}`", folder.display());
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces Grafana's variables by their initial values.
fn substitute(expr: &str) -> String {
    let mut parts = expr.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end =
            part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(part.len());
        let (variable, rest) = part.split_at(end);
        out.push_str(match variable {
            "environment" | "probe" | "location" | "instance" => ".+",
            "lookback" => "10m",
            "objective" => "0.995",
            "window" => "30m",
            "__interval" => "1m",
            unknown => panic!("variable `${unknown}` is not known to the tests; in `{expr}`"),
        });
        out.push_str(rest);
    }
    out
}

/// Words of `PromQL` that look like metric names.
const KEYWORDS: &[&str] = &["and", "or", "unless", "offset", "bool", "inf", "nan"];
/// These are followed by a list of labels.
const GROUPINGS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

fn selectors(promql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = promql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => string_length(rest),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            '{' => braces_length(rest),
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let word = word_length(rest);
                let (name, after) = rest.split_at(word);
                let following = after.trim_start();
                if GROUPINGS.contains(&name) {
                    let skipped = after.find(')').map_or(after.len(), |end| end + 1);
                    word + if following.starts_with('(') { skipped } else { 0 }
                } else if KEYWORDS.contains(&name.to_ascii_lowercase().as_str())
                    || following.starts_with('(')
                    // An aggregation with its grouping before its argument: `sum by (probe) (…)`.
                    || GROUPINGS.contains(&&following[..word_length(following)])
                {
                    word
                } else {
                    let matchers = if after.starts_with('{') { braces_length(after) } else { 0 };
                    found.push(rest[..word + matchers].to_owned());
                    word + matchers
                }
            }
            // A number, or a duration after `offset`.
            c if c.is_ascii_digit() => word_length(rest).max(1),
            c => c.len_utf8(),
        };
        rest = &rest[length..];
    }
    found
}

fn word_length(text: &str) -> usize {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.find(|c| !in_word(c)).unwrap_or(text.len())
}

/// Length of the string literal that `text` starts with, quotes included.
fn string_length(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if byte == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of the matchers that `text` starts with, braces included.
fn braces_length(text: &str) -> usize {
    let mut index = 1;
    while index < text.len() {
        match text.as_bytes()[index] {
            b'}' => return index + 1,
            b'"' | b'\'' => index += string_length(&text[index..]),
            _ => index += 1,
        }
    }
    text.len()
}

/// The metric and the dimensions of `SEARCH('{Vigie,Environment,Probe} MetricName="Success" …`; `None`
/// for another namespace.
#[must_use]
pub fn searched_metric(expression: &str) -> Option<(String, BTreeSet<String>)> {
    let schema = expression.split_once("{Vigie,")?.1;
    let (dimensions, rest) = schema.split_once('}')?;
    let name = rest.split_once("MetricName=\"")?.1.split('"').next()?;
    Some((name.to_owned(), dimensions.split(',').map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_names_its_metric_and_dimensions() {
        let search = r#"100*SEARCH('{Vigie,Environment,Probe} MetricName="Success" Environment="local"', 'Average', 300)"#;
        let dimensions = ["Environment".to_owned(), "Probe".to_owned()].into();
        assert_eq!(searched_metric(search), Some(("Success".to_owned(), dimensions)));
        let other = "SEARCH('{AWS/SQS,QueueName} MetricName=\"X\"', 'Sum', 60)";
        assert_eq!(searched_metric(other), None);
    }

    #[track_caller]
    fn check(promql: &str, expected: &[&str]) {
        assert_eq!(selectors(promql), expected, "{promql}");
    }

    #[test]
    fn selectors_are_found_in_expressions() {
        check("up", &["up"]);
        check(r#"up{job="a, b{c}"} == 0"#, &[r#"up{job="a, b{c}"}"#]);
        check("sum by (le, probe) (rate(x_bucket[5m]))", &["x_bucket"]);
        check("sum(rate(x[5m])) by (le)", &["x"]);
        check("a / on (probe) group_left (team) b offset 1h", &["a", "b"]);
        check("time() - max(x) > 14 * 86400 and vector(1)", &["x"]);
        check("probe:error_ratio:5m > 14.4 * 0.005", &["probe:error_ratio:5m"]);
        check(r"max_over_time(timestamp(x{a='b\'}'})[2d:1m])", &[r"x{a='b\'}'}"]);
    }

    #[test]
    fn variables_are_replaced() {
        assert_eq!(substitute(r#"x{a=~"$probe"}[$lookback]"#), r#"x{a=~".+"}[10m]"#);
    }
}

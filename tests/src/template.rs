//! Loads a CloudFormation template, short forms such as `!Ref` included, for the tests
//! of `infra/`: lists the resources, and finds the actions that a policy allows on a resource.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Tag};

/// A template with its short forms written out: `!Ref X` is `{"Ref": "X"}`.
#[derive(Clone, Debug)]
pub struct CloudFormation(Value);

/// A resource and its logical id.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub id: &'a str,
    body: &'a Value,
}

impl CloudFormation {
    /// The template in a file of `infra/`.
    #[must_use]
    pub fn load(name: &str) -> Self {
        let path = crate::dashboards::root().join("infra").join(name);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(read(&text))
    }

    /// A section, such as `Parameters`; empty when there is none.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let entries = self.0[name].as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), value))
    }

    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.section("Resources").map(|(id, body)| Resource { id, body })
    }

    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Resource<'a>> {
        self.resources().filter(move |resource| resource.kind() == kind)
    }

    #[must_use]
    pub fn resource(&self, id: &str) -> Resource<'_> {
        self.resources()
            .find(|found| found.id == id)
            .unwrap_or_else(|| panic!("no resource `{id}`"))
    }
}

impl<'a> Resource<'a> {
    #[must_use]
    pub fn kind(self) -> &'a str {
        self.body["Type"].as_str().unwrap_or_default()
    }

    /// A property by its path; `Null` when it is not set.
    #[must_use]
    pub fn get(self, pointer: &str) -> &'a Value {
        self.body["Properties"].pointer(pointer).unwrap_or(&Value::Null)
    }

    /// An attribute beside the properties, such as `Condition`.
    #[must_use]
    pub fn attribute(self, name: &str) -> &'a Value {
        &self.body[name]
    }

    /// The statements of every policy of a role, of both branches of a condition.
    #[must_use]
    pub fn role_statements(self) -> Vec<Statement<'a>> {
        let policies = self.get("/Policies").as_array().into_iter().flatten();
        policies.flat_map(|policy| statements(&policy["PolicyDocument"])).collect()
    }
}

/// One statement of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a>(&'a Value);

/// The statements of a policy document, of both branches of a condition.
#[must_use]
pub fn statements(document: &Value) -> Vec<Statement<'_>> {
    let listed = document["Statement"].as_array().into_iter().flatten();
    listed.flat_map(branches).filter(|one| one.is_object()).map(Statement).collect()
}

impl<'a> Statement<'a> {
    #[must_use]
    pub fn sid(self) -> &'a str {
        self.0["Sid"].as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn actions(self) -> Vec<&'a str> {
        match &self.0["Action"] {
            Value::String(one) => vec![one],
            several => several.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        }
    }

    /// Whether the action is allowed, a `*` at the end of a pattern taken into account.
    #[must_use]
    pub fn allows(self, action: &str) -> bool {
        self.0["Effect"] == "Allow"
            && self.actions().into_iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => action.starts_with(start),
                None => pattern == action,
            })
    }

    #[must_use]
    pub fn denies(self) -> bool {
        self.0["Effect"] == "Deny"
    }

    /// The resources as the template writes them.
    #[must_use]
    pub fn raw_resources(self) -> Vec<&'a Value> {
        let resource = &self.0["Resource"];
        resource.as_array().map_or_else(|| vec![resource], |list| list.iter().collect())
    }

    /// The logical ids of its resources; `*` and ARNs are unchanged.
    #[must_use]
    pub fn resources(self) -> BTreeSet<String> {
        let resource = &self.0["Resource"];
        let listed =
            resource.as_array().map_or_else(|| vec![resource], |list| list.iter().collect());
        listed.into_iter().flat_map(branches).filter_map(target).collect()
    }

    #[must_use]
    pub fn services(self) -> Vec<&'a str> {
        let service = &self.0["Principal"]["Service"];
        let listed = service.as_array().map_or_else(|| vec![service], |list| list.iter().collect());
        listed
            .into_iter()
            .filter_map(|one| one.as_str().or_else(|| one["Fn::Sub"].as_str()))
            .collect()
    }

    /// The keys of all its conditions.
    #[must_use]
    pub fn condition_keys(self) -> BTreeSet<&'a str> {
        let operators = branches(&self.0["Condition"]).into_iter().filter_map(Value::as_object);
        let keys = operators.flat_map(Map::values).filter_map(Value::as_object).flat_map(Map::keys);
        keys.map(String::as_str).collect()
    }

    /// A condition, such as `StringEquals` on `aws:SourceAccount`; `Null` when it is not set.
    #[must_use]
    pub fn condition(self, operator: &str, key: &str) -> &'a Value {
        let found = branches(&self.0["Condition"]).into_iter().map(|branch| &branch[operator][key]);
        found.into_iter().find(|value| !value.is_null()).unwrap_or(&Value::Null)
    }
}

/// A value, or both branches of a condition; `AWS::NoValue` is omitted.
#[must_use]
pub fn branches(value: &Value) -> Vec<&Value> {
    match value["Fn::If"].as_array().map(Vec::as_slice) {
        Some([_, yes, no]) => branches(yes).into_iter().chain(branches(no)).collect(),
        _ if value["Ref"] == "AWS::NoValue" => Vec::new(),
        _ => vec![value],
    }
}

/// The targets of the branches of a value, see [`target`].
#[must_use]
pub fn targets(value: &Value) -> BTreeSet<String> {
    branches(value).into_iter().filter_map(target).collect()
}

/// The target of a value: the logical id in `!Ref X`, `!GetAtt X.Arn` or `!Sub ${X.Arn}/*`,
/// the text itself otherwise.
#[must_use]
pub fn target(value: &Value) -> Option<String> {
    let of_text = |text: &str| match text.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
        Some((name, _)) if !name.starts_with("AWS::") => {
            name.split('.').next().unwrap_or_default().to_owned()
        }
        _ => text.to_owned(),
    };
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => {
            let id = value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str());
            let sub = value["Fn::Sub"].as_str().or_else(|| value["Fn::Sub"][0].as_str());
            id.map(str::to_owned).or_else(|| sub.map(of_text))
        }
        _ => None,
    }
}

/// Reads YAML with CloudFormation's tags.
///
/// # Panics
/// When it is not valid YAML. The files in `infra/` are part of the repository.
#[must_use]
pub fn read(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.expect("valid YAML").0);
    events.by_ref().find(|event| matches!(event, Event::DocumentStart(..)));
    let first = events.next().expect("a document");
    node(first, &mut events)
}

fn node<'input>(first: Event<'input>, events: &mut impl Iterator<Item = Event<'input>>) -> Value {
    match first {
        Event::Scalar(text, style, _, tag) => {
            tagged(scalar(&text, style, tag.is_some()), tag.as_deref())
        }
        Event::SequenceStart(_, _, tag) => {
            let mut items = Vec::new();
            loop {
                match events.next().expect("the end of the sequence") {
                    Event::SequenceEnd => return tagged(Value::Array(items), tag.as_deref()),
                    next => items.push(node(next, events)),
                }
            }
        }
        Event::MappingStart(_, _, tag) => {
            let mut entries = Map::new();
            loop {
                match events.next().expect("the end of the mapping") {
                    Event::MappingEnd => return tagged(Value::Object(entries), tag.as_deref()),
                    Event::Scalar(key, ..) => {
                        let key = key.into_owned();
                        let value = events.next().expect("a value");
                        let value = node(value, events);
                        assert!(
                            entries.insert(key.clone(), value).is_none(),
                            "`{key}` is given twice"
                        );
                    }
                    other => panic!("a key that is not a string: {other:?}"),
                }
            }
        }
        other => panic!("expected a value, found {other:?}"),
    }
}

fn scalar(text: &str, style: ScalarStyle, tagged: bool) -> Value {
    if style != ScalarStyle::Plain || tagged {
        return Value::String(text.to_owned());
    }
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "" | "null" | "~" => Value::Null,
        _ => text.parse::<serde_json::Number>().map_or_else(|_| json!(text), Value::Number),
    }
}

/// `!Ref` and `!Condition` keep their names, every other short form is `Fn::…`.
fn tagged(value: Value, tag: Option<&Tag>) -> Value {
    let Some(tag) = tag.filter(|tag| tag.handle() == "!") else { return value };
    let (name, value) = match (tag.suffix(), value) {
        (name @ ("Ref" | "Condition"), value) => (name.to_owned(), value),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').expect("!GetAtt RESOURCE.ATTRIBUTE");
            ("Fn::GetAtt".to_owned(), json!([resource, attribute]))
        }
        (name, value) => (format!("Fn::{name}"), value),
    };
    json!({ name: value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let text = "A: !If [C, !Ref X, !GetAtt Y.Outputs.Z]\nB: !Join\n  - ''\n  - - !Sub '${Q}/*'\nN: 3\nS: '3'\n";
        assert_eq!(
            read(text),
            json!({
                "A": { "Fn::If": ["C", { "Ref": "X" }, { "Fn::GetAtt": ["Y", "Outputs.Z"] }] },
                "B": { "Fn::Join": ["", [{ "Fn::Sub": "${Q}/*" }]] },
                "N": 3,
                "S": "3",
            })
        );
    }

    #[test]
    fn target_is_the_resource_of_an_arn() {
        let of = |text: &str| target(&read(text)).unwrap();
        assert_eq!(of("!Ref Queue"), "Queue");
        assert_eq!(of("!GetAtt Queue.Arn"), "Queue");
        assert_eq!(of("!Sub '${Bucket.Arn}/reports/*'"), "Bucket");
        assert_eq!(of("!Sub 'arn:${AWS::Partition}:x'"), "arn:${AWS::Partition}:x");
        assert_eq!(of("'*'"), "*");
    }
}

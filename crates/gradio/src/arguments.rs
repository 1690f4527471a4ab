//! Component values that a browser would hold, and the arguments made from them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::config::{AppConfig, Dependency, Id};
use crate::endpoint::Plan;
use crate::endpoint::kinds::{is_chat, is_secret, takes_files};
use crate::failure::{Failure, Fault};
use crate::value_limit::size_of_value;

/// One of the app's inputs besides the message.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Parameter name in the app's API; `None` when `/info` does not have it.
    pub name: Option<String>,
    /// Label on the page.
    pub label: Option<String>,
    /// The component's type, such as `slider`.
    pub kind: String,
    /// Initial value.
    pub default: Value,
    /// Value to send: the default or the configured value.
    pub value: Value,
    /// Whether the value is a secret: the page hides it, or the label is that of a key or password.
    pub is_secret: bool,
}

/// Values of components that differ from the initial ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(HashMap<Id, Value>);

impl Values {
    pub(crate) fn set(&mut self, id: Id, value: Value) {
        self.0.insert(id, value);
    }

    /// Puts a message into its box, as far as the box takes it; `files` are the values of uploaded
    /// files.
    pub(crate) fn set_message(&mut self, config: &AppConfig, id: Id, text: &str, files: &[Value]) {
        let text = typed(config, id, text);
        let value = if self.accepts_files(config, id) {
            json!({ "text": text, "files": files })
        } else {
            Value::from(text)
        };
        self.set(id, value);
    }

    /// Whether the value of a message box has files beside the text.
    pub(crate) fn accepts_files(&self, config: &AppConfig, id: Id) -> bool {
        let has_files =
            || matches!(self.get(config, id), Value::Object(value) if value.contains_key("files"));
        takes_files(config.kind(id)) || has_files()
    }

    pub(crate) fn get(&self, config: &AppConfig, id: Id) -> Value {
        self.0.get(&id).cloned().unwrap_or_else(|| first_value(config, id))
    }

    /// Values for the inputs of a function. State is kept by the server under the session; its value
    /// is null.
    pub(crate) fn arguments(&self, config: &AppConfig, function: &Dependency) -> Vec<Value> {
        let value = |&id: &Id| match config.kind(id) {
            "state" => Value::Null,
            // JavaScript of the function supplies it, for example from the address of the page.
            "json" if function.runs_javascript() && self.get(config, id).is_null() => json!({}),
            // Browsers send the text of an empty box.
            "textbox" if self.get(config, id).is_null() => json!(""),
            _ => self.get(config, id),
        };
        function.inputs.iter().map(value).collect()
    }

    /// Bytes of all values.
    pub(crate) fn size(&self) -> usize {
        self.0.values().map(size_of_value).sum()
    }

    /// Adds configured values.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Stores the outputs of a function for later functions. Returns the components whose value
    /// changed.
    pub(crate) fn keep(
        &mut self,
        config: &AppConfig,
        function: &Dependency,
        outputs: Vec<Value>,
    ) -> Vec<Id> {
        let mut changed = Vec::new();
        for (&id, output) in function.outputs.iter().zip(outputs) {
            if config.kind(id) == "state" {
                continue;
            }
            let value = match output {
                Value::Object(mut map) if map.get("__type__") == Some(&Value::from("update")) => {
                    map.remove("value")
                }
                value => Some(value),
            };
            if let Some(value) = value {
                if self.get(config, id) != value {
                    changed.push(id);
                }
                self.set(id, value);
            }
        }
        changed
    }
}

/// The part of a text that a user can type into a box.
pub(crate) fn typed<'t>(config: &AppConfig, id: Id, text: &'t str) -> &'t str {
    let limit = config.props(id).and_then(|props| props.max_length).unwrap_or(usize::MAX);
    let mut length = 0;
    let end = text.char_indices().find(|(_, character)| {
        length += character.len_utf16();
        length > limit
    });
    end.map_or(text, |(at, _)| &text[..at])
}

fn first_value(config: &AppConfig, id: Id) -> Value {
    let Some(props) = config.props(id) else { return Value::Null };
    match config.kind(id) {
        "browserstate" if props.value.is_null() => props.default_value.clone(),
        // The page sends what the empty box holds.
        "textbox" | "code" if props.value.is_null() => json!(""),
        "number" if props.value.is_null() && config.is_visible(id) => json!(0),
        _ => props.value.clone(),
    }
}

/// Components that the user can set: inputs of the steps except message, history and state.
pub(crate) fn further(config: &AppConfig, plan: &Plan) -> Vec<Id> {
    let mut seen = BTreeSet::from([plan.message]);
    let inputs = plan.functions(config).flat_map(|one| &one.inputs);
    let inputs = inputs
        .copied()
        .filter(|&id| !matches!(config.kind(id), "state" | "browserstate" | ""))
        .filter(|&id| !is_chat(config.kind(id)));
    inputs.filter(|&id| seen.insert(id)).collect()
}

/// Components whose label is one of the configured names.
pub(crate) fn labelled(config: &AppConfig, given: &[(String, Value)]) -> BTreeSet<Id> {
    let matches = |id: Id| given.iter().any(|(name, _)| is_called(config, id, name));
    config.components.keys().copied().filter(|&id| matches(id)).collect()
}

/// Whether the label of a component is this name, also in the form of a parameter name.
fn is_called(config: &AppConfig, id: Id, name: &str) -> bool {
    let label = config.props(id).and_then(|props| props.label.as_deref()).unwrap_or_default();
    !label.is_empty() && (label.eq_ignore_ascii_case(name) || as_parameter(label) == name)
}

fn as_parameter(label: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    label.trim().chars().map(plain).collect()
}

/// Parameter names of an endpoint, from `/info`.
pub(crate) fn parameter_names(
    config: &AppConfig,
    function: &Dependency,
    info: &Value,
) -> HashMap<Id, String> {
    let name = function.api_name.as_ref().map(|name| format!("/{name}"));
    let endpoint = name
        .and_then(|name| info.get("named_endpoints")?.get(name))
        .or_else(|| info.get("unnamed_endpoints")?.get(function.id().to_string()));
    let parameters = endpoint.and_then(|one| one.get("parameters")?.as_array());
    let parameters = parameters.map(Vec::as_slice).unwrap_or_default();
    let in_api = |id: &&Id| {
        let skip = config.components.get(id).and_then(|one| one.skip_api);
        !skip.unwrap_or(config.kind(**id) == "state")
    };
    let ids: Vec<Id> = function.inputs.iter().filter(in_api).copied().collect();
    if ids.len() != parameters.len() {
        return HashMap::new();
    }
    let named = ids.into_iter().zip(parameters);
    named
        .filter_map(|(id, one)| Some((id, one.get("parameter_name")?.as_str()?.to_owned())))
        .collect()
}

/// Maps the configured values to components.
pub(crate) fn resolve(
    config: &AppConfig,
    ids: &[Id],
    names: &HashMap<Id, String>,
    given: &[(String, Value)],
) -> Result<Values, Fault> {
    let mut values = Values::default();
    for (name, value) in given {
        let named = ids.iter().find(|id| names.get(id).is_some_and(|own| own == name));
        let called = || ids.iter().find(|&&id| is_called(config, id, name));
        let Some(&id) = named.or_else(called) else {
            let known: Vec<_> = inputs(config, ids, names, &values).iter().map(shown).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let prose = format!("the chat has no input `{name}`; its inputs are: {known}");
            return Err(Fault::new(Failure::Settings, prose));
        };
        values.set(id, value.clone());
    }
    Ok(values)
}

fn shown(input: &Input) -> String {
    match (&input.name, &input.label) {
        (Some(name), Some(label)) if name != label => format!("`{name}` (`{label}`)"),
        (Some(name), _) | (None, Some(name)) => format!("`{name}`"),
        (None, None) => format!("a {} without a name", input.kind),
    }
}

/// The inputs, for display.
pub(crate) fn inputs(
    config: &AppConfig,
    ids: &[Id],
    names: &HashMap<Id, String>,
    values: &Values,
) -> Vec<Input> {
    let one = |&id: &Id| Input {
        name: names.get(&id).cloned(),
        label: config.props(id).and_then(|props| props.label.clone()).filter(|one| !one.is_empty()),
        kind: config.kind(id).to_owned(),
        default: first_value(config, id),
        value: values.get(config, id),
        is_secret: is_secret(config, id),
    };
    ids.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Choice, choose};

    fn app() -> AppConfig {
        let config = json!({
            "mode": "chat_interface",
            "components": [
                { "id": 1, "type": "textbox", "props": { "label": "Message" } },
                { "id": 2, "type": "state", "skip_api": true },
                { "id": 3, "type": "textbox", "props": { "label": "System prompt", "value": "Be kind." } },
                { "id": 4, "type": "slider", "props": { "label": "Temperature", "value": 0.7 } },
                { "id": 5, "type": "json" },
                { "id": 6, "type": "browserstate", "props": { "default_value": [7] } },
            ],
            "dependencies": [
                { "targets": [[9, "click"]], "inputs": [1, 2, 3, 4, 6], "outputs": [5, 2, 6, 4], "api_name": "chat" },
            ],
        });
        AppConfig::parse(config.to_string().as_bytes()).unwrap()
    }

    fn resolved(given: &[(&str, Value)]) -> Result<Vec<Value>, String> {
        let config = app();
        let plan = choose(&config, &Choice::default()).unwrap();
        let info = json!({ "named_endpoints": { "/chat": { "parameters": [
            { "parameter_name": "message" }, { "parameter_name": "system" }, { "parameter_name": "heat" },
            { "parameter_name": "kept" },
        ] } } });
        let names = parameter_names(&config, &config.dependencies[0], &info);
        let given: Vec<_> =
            given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let ids = further(&config, &plan);
        let mut values = resolve(&config, &ids, &names, &given).map_err(|fault| fault.prose)?;
        values.set_message(&config, plan.message, "hello", &[]);
        Ok(values.arguments(&config, &config.dependencies[0]))
    }

    #[test]
    fn inputs_are_set_by_parameter_name_or_label() {
        let with = |prompt: Value, heat: Value| {
            Ok(vec![json!("hello"), Value::Null, prompt, heat, json!([7])])
        };
        assert_eq!(resolved(&[]), with(json!("Be kind."), json!(0.7)));
        assert_eq!(resolved(&[("heat", json!(0))]), with(json!("Be kind."), json!(0)));
        assert_eq!(resolved(&[("temperature", json!(0))]), with(json!("Be kind."), json!(0)));
        assert_eq!(resolved(&[("System prompt", json!(""))]), with(json!(""), json!(0.7)));
        assert_eq!(resolved(&[("system_prompt", json!(""))]), with(json!(""), json!(0.7)));
    }

    #[test]
    fn unknown_input_is_rejected_with_the_known_ones() {
        assert_eq!(
            resolved(&[("tone", json!(0))]).unwrap_err(),
            "the chat has no input `tone`; its inputs are: `system` (`System prompt`), \
             `heat` (`Temperature`)"
        );
    }

    #[test]
    fn outputs_except_state_are_stored() {
        let config = app();
        let function = &config.dependencies[0];
        let mut values = Values::default();
        let update = json!({ "__type__": "update", "value": 0.1 });
        values.keep(&config, function, vec![json!("reply"), json!("x"), json!([8]), update]);
        values.keep(
            &config,
            function,
            vec![json!("reply"), json!("x"), json!([8]), json!({ "__type__": "update" })],
        );
        assert_eq!(
            values.arguments(&config, function),
            [json!(""), json!(null), json!("Be kind."), json!(0.1), json!([8])]
        );
    }

    #[test]
    fn empty_components_have_the_values_of_the_page() {
        for (kind, visible, expected) in [
            ("textbox", true, json!("")),
            ("code", true, json!("")),
            ("number", true, json!(0)),
            ("number", false, json!(null)),
            ("json", true, json!(null)),
        ] {
            let component = json!({ "id": 1, "type": kind, "props": { "visible": visible } });
            let config = json!({ "components": [component], "dependencies": [] });
            let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
            assert_eq!(Values::default().get(&config, 1), expected, "{kind}");
        }
    }

    #[test]
    fn message_is_cut_where_the_box_is_full() {
        for (limit, expected) in [(json!(null), "hé😀!"), (json!(4), "hé😀"), (json!(3), "hé")]
        {
            let config = json!({
                "components": [{ "id": 1, "type": "textbox", "props": { "max_length": limit } }],
                "dependencies": [],
            });
            let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
            let mut values = Values::default();
            values.set_message(&config, 1, "hé😀!", &[]);
            assert_eq!(values.get(&config, 1), json!(expected));
        }
    }

    #[test]
    fn multimodal_message_has_text_and_files() {
        let config = AppConfig::parse(
            br#"{"components":[{"id":1,"type":"multimodaltextbox"}],"dependencies":[]}"#,
        )
        .unwrap();
        let mut values = Values::default();
        values.set_message(&config, 1, "hello", &[]);
        assert_eq!(values.get(&config, 1), json!({ "text": "hello", "files": [] }));
    }
}

//! The components of a page.

use serde::Deserialize;
use serde_json::Value;

use super::Id;
use super::loose::{label, loose};

/// A component of the page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Component {
    /// Unique within the app.
    #[serde(deserialize_with = "loose")]
    pub id: Option<Id>,
    /// `textbox`, `chatbot`, `state` …
    #[serde(rename = "type", deserialize_with = "loose")]
    pub kind: String,
    /// Its settings. They can have megabytes, so only the named ones are kept.
    pub props: Option<Props>,
    /// Whether the API leaves the component out, such as state.
    #[serde(deserialize_with = "loose")]
    pub skip_api: Option<bool>,
    /// The `gr.render` function that returned it.
    #[serde(deserialize_with = "loose")]
    pub(super) rendered_in: Option<Id>,
}

/// The settings of a component that this crate uses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Props {
    /// Initial value.
    pub value: Value,
    /// Initial value of a browser state.
    pub default_value: Value,
    /// Label on the page.
    #[serde(deserialize_with = "label")]
    pub label: Option<String>,
    /// Text shown in an empty box.
    #[serde(deserialize_with = "loose")]
    pub placeholder: Option<String>,
    /// Name for style sheets.
    #[serde(deserialize_with = "loose")]
    pub elem_id: Option<String>,
    /// Such as `password` for a text box.
    #[serde(rename = "type", deserialize_with = "loose")]
    pub kind: Option<String>,
    /// False or `"hidden"` when the page does not show the component.
    pub visible: Value,
    /// False when the user cannot change the component.
    #[serde(deserialize_with = "loose")]
    pub interactive: Option<bool>,
    /// Start and end of thoughts in the text of a chatbot. Its page shows them collapsed.
    #[serde(deserialize_with = "loose")]
    pub reasoning_tags: Vec<(String, String)>,
    /// Longest text that a user can type, in UTF-16 code units.
    #[serde(deserialize_with = "loose")]
    pub max_length: Option<usize>,
    /// Template that the page fills with the value of an HTML component, since 6.0.
    #[serde(deserialize_with = "loose")]
    html_template: Option<String>,
    #[serde(deserialize_with = "loose")]
    js_on_load: Option<String>,
    /// False when a timer does not tick.
    #[serde(deserialize_with = "loose")]
    pub active: Option<bool>,
}

/// Whether a component of this type shows a conversation. Types of custom components are recognised by their
/// ending, because their values have the same shapes.
pub(crate) fn is_chat(kind: &str) -> bool {
    kind.contains("chatbot") || kind.ends_with("chat")
}

impl Props {
    /// Whether the page draws the component without its value: the template of an HTML component has neither
    /// `${…}` nor `{{…}}`, and its script does not use the value.
    #[must_use]
    pub fn is_static(&self) -> bool {
        let template = self.html_template.as_deref();
        let drawn_by_script = self.js_on_load.as_ref().is_some_and(|js| js.contains("value"));
        template.is_some_and(|html| !html.contains("${") && !html.contains("{{"))
            && !drawn_by_script
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn template_without_placeholders_is_static() {
        let rows = [
            (json!({}), false),
            (json!({ "html_template": "${value}" }), false),
            (json!({ "html_template": "<p>{{value.text}}</p>" }), false),
            (json!({ "html_template": "<p>A bot</p>" }), true),
            (json!({ "html_template": "<p></p>", "js_on_load": "draw(props.value)" }), false),
        ];
        for (props, is_static) in rows {
            let read: Props = serde_json::from_value(props.clone()).unwrap();
            assert_eq!(read.is_static(), is_static, "{props}");
        }
    }
}

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
    /// False when a timer does not tick.
    #[serde(deserialize_with = "loose")]
    pub active: Option<bool>,
}

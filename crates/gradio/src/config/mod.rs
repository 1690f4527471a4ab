//! The app's description, as `/config` returns it in Gradio 3 to 6.
//!
//! A field of an unexpected type counts as absent, because the format changed with every release.

mod component;
mod dependency;
mod loose;
mod protocol;
mod wire;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Map, Value};

pub(crate) use component::is_chat;
pub use component::{Component, Props};
pub use dependency::Dependency;
pub use protocol::Protocol;
use wire::{Rendered, Wire, add_parents};

/// Id of a component or function.
pub type Id = u64;

/// Ids of pseudo-components, far above those of real ones: this bit and the id of a `gr.render`
/// function.
const RENDERED: Id = 1 << 62;

/// Type of the pseudo-components.
pub(crate) const RENDERED_KIND: &str = "rendered";

/// The part of an app's description that is needed to talk to it.
#[expect(clippy::struct_excessive_bools, reason = "the description has these fields")]
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Such as `6.31.0`; empty when the app does not report it.
    pub version: String,
    /// Protocol of the queue.
    pub protocol: Protocol,
    /// `/gradio_api` since 5.0, empty before.
    pub api_prefix: String,
    /// `chat_interface`, `blocks`, `interface` …
    pub mode: String,
    /// Title of the page.
    pub title: Option<String>,
    /// `owner/name` on Hugging Face Spaces.
    pub space_id: Option<String>,
    /// Changes with every start of the app.
    pub app_id: Option<String>,
    /// Whether functions use the queue by default.
    pub enable_queue: bool,
    /// Whether the app requires a login. The description then has no components.
    pub auth_required: bool,
    /// Address that the page sends its requests to; empty or a path before 4.19.
    pub root: Option<String>,
    /// Page that the description was embedded in; empty for the first one.
    pub current_page: String,
    /// Whether browsers keep a heartbeat request open, so that the server notices their end.
    pub connect_heartbeat: bool,
    /// Ids of the functions of each page of a multi-page app.
    pub pages: HashMap<String, BTreeSet<Id>>,
    /// By id.
    pub components: HashMap<Id, Component>,
    /// The functions, with the events that trigger them; `id` is filled in where it was absent.
    pub dependencies: Vec<Dependency>,
    /// Whether the functions that follow a function without server code run. The page of Gradio 3
    /// to 5 starts them when the server reports the end of the function, which then never happens.
    pub follows_javascript: bool,
    /// The component that contains each component.
    parents: HashMap<Id, Id>,
}

impl AppConfig {
    /// Parses a description; `None` when it is not the JSON of a Gradio app.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let wire: Wire = serde_json::from_slice(json).ok()?;
        let mut dependencies = wire.dependencies?;
        for (position, dependency) in dependencies.iter_mut().enumerate() {
            dependency.id.get_or_insert(position as Id);
        }
        let components = wire.components?.into_iter();
        let mut parents = HashMap::new();
        add_parents(&wire.layout, &mut parents);
        for page in wire.page.values() {
            add_parents(&page.layout, &mut parents);
        }
        let pages = wire.page.into_iter();
        let version = wire.version.unwrap_or_default();
        Some(Self {
            follows_javascript: !matches!(release(&version).0, 3..=5),
            root: wire.root.filter(|root| !root.is_empty()),
            current_page: wire.current_page.unwrap_or_default(),
            connect_heartbeat: wire.connect_heartbeat.unwrap_or(false),
            pages: pages.map(|(name, page)| (name, page.dependencies)).collect(),
            parents,
            protocol: Protocol::from_name(wire.protocol.as_deref()),
            version,
            api_prefix: wire.api_prefix.unwrap_or_default().trim_end_matches('/').to_owned(),
            mode: wire.mode.unwrap_or_default(),
            title: wire.title.filter(|title| !title.is_empty()),
            space_id: wire.space_id.filter(|space| !space.is_empty()),
            app_id: match wire.app_id {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            },
            enable_queue: wire.enable_queue.unwrap_or(true),
            auth_required: wire.auth_required.unwrap_or(false),
            components: components.filter_map(|one| Some((one.id?, one))).collect(),
            dependencies,
        })
    }

    /// Settings of a component.
    #[must_use]
    pub fn props(&self, id: Id) -> Option<&Props> {
        self.components.get(&id)?.props.as_ref()
    }

    /// Type of a component; empty when it does not exist. What a `gr.render` function returns is of the
    /// type `rendered`.
    #[must_use]
    pub fn kind(&self, id: Id) -> &str {
        if id & RENDERED != 0 {
            return RENDERED_KIND;
        }
        self.components.get(&id).map_or("", |component| &component.kind)
    }

    /// Whether the page shows a component, with the components that contain it.
    #[must_use]
    pub fn is_visible(&self, id: Id) -> bool {
        self.chain_of_parents(id).all(|id| {
            let visible = self.props(id).map(|props| &props.visible);
            visible.is_none_or(|visible| !hides(self.kind(id), visible, self.release()))
        })
    }

    /// Whether a user can type into a component. A tab can be locked too.
    #[must_use]
    pub fn is_interactive(&self, id: Id) -> bool {
        let is_locked = |id| self.props(id).and_then(|props| props.interactive) == Some(false);
        !self.chain_of_parents(id).any(is_locked)
    }

    /// The component and those that contain it.
    pub fn chain_of_parents(&self, id: Id) -> impl Iterator<Item = Id> {
        /// No layout is deeper; a cycle ends here.
        const MAX_DEPTH: usize = 128;
        std::iter::successors(Some(id), |id| self.parents.get(id).copied()).take(MAX_DEPTH)
    }

    /// Applies an update (`{"__type__": "update", …}`) to the settings of a component.
    pub fn update(&mut self, id: Id, update: &Map<String, Value>) {
        let Some(component) = self.components.get_mut(&id) else { return };
        let props = component.props.get_or_insert_default();
        if let Some(visible) = update.get("visible").filter(|visible| !visible.is_null()) {
            props.visible = visible.clone();
        }
        let flag = |name: &str| update.get(name).and_then(Value::as_bool);
        props.interactive = flag("interactive").or(props.interactive);
        props.active = flag("active").or(props.active);
    }

    /// Whether the page runs a function when it loads. The page of Gradio 6 also selects the first tab.
    #[must_use]
    pub fn runs_at_load(&self, function: &Dependency) -> bool {
        let is_first_tab = |id: Id| {
            let parent = self.parents.get(&id);
            let siblings = self.parents.iter().filter(|(_, other)| Some(*other) == parent);
            parent.is_some()
                && self.kind(id) == "tabitem"
                && siblings.map(|(sibling, _)| *sibling).min() == Some(id)
        };
        let mut selects = function.targets().filter(|(_, event)| *event == "select");
        function.has_event("load")
            || (self.release().0 >= 6 && selects.any(|(id, _)| id.is_some_and(is_first_tab)))
    }

    /// Whether a function that follows another one runs after an error of that one. The page of
    /// Gradio 6 does not run `.then` functions after an error.
    #[must_use]
    pub fn runs_after_error(&self, follower: &Dependency) -> bool {
        follower.trigger_only_on_failure
            || (!follower.trigger_only_on_success && self.release().0 < 6)
    }

    /// Adds the components and functions that a `gr.render` function returned. They replace those
    /// that it returned before.
    pub fn add_rendered(&mut self, rendered: Value) {
        let Ok(rendered) = serde_json::from_value::<Rendered>(rendered) else { return };
        if let Some(render) = rendered.render_id {
            self.components.retain(|_, old| old.rendered_in != Some(render));
            self.dependencies.retain(|old| old.rendered_in != Some(render));
        }
        add_parents(&rendered.layout, &mut self.parents);
        let components = rendered.components.into_iter();
        self.components.extend(components.filter_map(|one| Some((one.id?, one))));
        let new = rendered.dependencies.into_iter().filter(|one| one.id.is_some());
        let new: Vec<_> = new.collect();
        self.dependencies.retain(|old| new.iter().all(|one| one.id != old.id));
        self.dependencies.extend(new);
    }

    /// Whether calls of this function use the queue.
    #[must_use]
    pub fn is_queued(&self, dependency: &Dependency) -> bool {
        dependency.queue.unwrap_or(self.enable_queue)
    }

    /// The first two numbers of the version; zero where they are missing.
    #[must_use]
    pub fn release(&self) -> (u32, u32) {
        release(&self.version)
    }
}

/// Whether a component of this type is hidden. Some containers hide their content only for `False`, and not for
/// `"hidden"`, which is new in 5.46 (measured with 5.50 and 6.31).
pub(crate) fn hides(kind: &str, visible: &Value, release: (u32, u32)) -> bool {
    let shows_hidden =
        matches!(kind, "column" | "row") || (release.0 < 6 && matches!(kind, "group" | "tabitem"));
    *visible == Value::Bool(false) || (visible == "hidden" && !shows_hidden)
}

fn release(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// A positive duration in seconds; `None` for zero and for anything that is not a duration.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok().filter(|duration| !duration.is_zero())
}

/// The description embedded in an app's page as `window.gradio_config = {…};`.
#[must_use]
pub fn embedded(page: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b"window.gradio_config";
    let after = find(page, MARK)? + MARK.len();
    let brace = after + find(&page[after..], b"{")?;
    // The stream deserializer stops at the end of the object.
    let mut objects =
        serde_json::Deserializer::from_slice(&page[brace..]).into_iter::<serde::de::IgnoredAny>();
    objects.next()?.ok()?;
    Some(&page[brace..brace + objects.byte_offset()])
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_types_count_as_absent() {
        let config = AppConfig::parse(
            br#"{"version":6,"protocol":null,"api_prefix":false,"title":{},
                "components":[{"id":1,"type":"textbox","props":null},{"id":"x"}],
                "dependencies":[{"inputs":"none","api_name":false,"queue":null,"targets":[[1,"submit"],7]}]}"#,
        )
        .unwrap();
        assert_eq!(config.protocol, Protocol::Ws);
        assert_eq!(config.kind(1), "textbox");
        assert_eq!(config.dependencies[0].targets().collect::<Vec<_>>(), [(Some(1), "submit")]);
        assert_eq!(config.dependencies[0].api_name, None);
        assert!(config.enable_queue);
    }

    #[test]
    fn translated_label_is_the_last_part_of_its_key() {
        let cases = [
            ("Chatbot", "Chatbot"),
            (
                r#"__i18n__{"__type__": "translation_metadata", "key": "chat_interface.chatbot"}"#,
                "chatbot",
            ),
            ("__i18n__{", "__i18n__{"),
        ];
        for (label, expected) in cases {
            let config = serde_json::json!({
                "components": [{ "id": 1, "props": { "label": label } }], "dependencies": [],
            });
            let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
            assert_eq!(config.props(1).unwrap().label.as_deref(), Some(expected));
        }
    }

    #[test]
    fn function_without_id_gets_its_position() {
        let config =
            AppConfig::parse(br#"{"components":[],"dependencies":[{},{"id":9},{}]}"#).unwrap();
        assert_eq!(config.dependencies.iter().map(Dependency::id).collect::<Vec<_>>(), [0, 9, 2]);
    }

    #[test]
    fn json_without_components_is_not_an_app() {
        for other in ["{}", "[]", "null", "\"x\"", "<html>", r#"{"components":[]}"#] {
            assert!(AppConfig::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn description_is_extracted_from_the_page() {
        let page = br#"<script>window.gradio_config = {"a":"};</script>","b":{}};</script><p>"#;
        assert_eq!(embedded(page).unwrap(), br#"{"a":"};</script>","b":{}}"#);
        assert_eq!(embedded(b"window.gradio_config = {"), None);
        assert_eq!(embedded(b"<html></html>"), None);
    }
}

//! The functions of an app.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::loose::loose;
use super::{Id, RENDERED, seconds};

/// A function with the events that trigger it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// Absent before 4.38; then it is the position.
    #[serde(deserialize_with = "loose")]
    pub id: Option<Id>,
    #[serde(deserialize_with = "loose")]
    targets: Vec<Value>,
    #[serde(deserialize_with = "loose")]
    trigger: Option<String>,
    /// Components that it reads.
    #[serde(deserialize_with = "loose")]
    pub inputs: Vec<Id>,
    /// Components that it writes.
    #[serde(deserialize_with = "loose")]
    pub outputs: Vec<Id>,
    #[serde(deserialize_with = "loose")]
    backend_fn: Option<bool>,
    /// `None`: the app's `enable_queue` applies.
    #[serde(deserialize_with = "loose")]
    pub queue: Option<bool>,
    /// `None` for a private function (`false` in the JSON).
    #[serde(deserialize_with = "loose")]
    pub api_name: Option<String>,
    #[serde(deserialize_with = "loose")]
    show_api: Option<bool>,
    #[serde(deserialize_with = "loose")]
    api_visibility: Option<String>,
    /// Id of the function that this one follows (`.then`, `.success`).
    #[serde(deserialize_with = "loose")]
    pub trigger_after: Option<Id>,
    /// JavaScript that the browser runs before the function, or instead of it.
    js: Value,
    /// Whether it runs only if the previous function succeeded (`.success`).
    #[serde(deserialize_with = "loose")]
    pub trigger_only_on_success: bool,
    /// Whether it runs only if the previous function failed (`.failure`).
    #[serde(deserialize_with = "loose")]
    pub trigger_only_on_failure: bool,
    /// Set for a `gr.render` function, whose output is components.
    #[serde(deserialize_with = "loose")]
    pub render_id: Option<Id>,
    /// The `gr.render` function that returned this function.
    #[serde(deserialize_with = "loose")]
    pub(super) rendered_in: Option<Id>,
    /// `full`, `minimal` or `hidden`.
    #[serde(deserialize_with = "loose")]
    show_progress: Option<String>,
    /// The components that show progress and errors instead of the outputs.
    #[serde(deserialize_with = "loose")]
    show_progress_on: Option<Vec<Id>>,
    /// Seconds after which the server runs the function again, while the client is connected. Up to
    /// 4.35; later versions use a timer.
    #[serde(deserialize_with = "loose")]
    every: Option<f64>,
    #[serde(deserialize_with = "loose")]
    types: Types,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Types {
    #[serde(deserialize_with = "loose")]
    generator: Option<bool>,
}

impl Dependency {
    /// Its id. [`AppConfig::parse`] fills in an absent one.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id.unwrap_or_default()
    }

    /// Whether it has server code; some functions are JavaScript only.
    #[must_use]
    pub fn runs_on_server(&self) -> bool {
        self.backend_fn.unwrap_or(true)
    }

    /// Whether the browser runs JavaScript before the function or instead of it.
    #[must_use]
    pub fn runs_javascript(&self) -> bool {
        self.js.as_str().is_some_and(|js| !js.trim().is_empty())
    }

    /// The components on which the page shows that the function has failed.
    #[must_use]
    pub fn shows_errors_on(&self) -> &[Id] {
        if self.show_progress.as_deref() == Some("hidden") {
            return &[];
        }
        self.show_progress_on.as_deref().unwrap_or(&self.outputs)
    }

    /// Whether it is a `gr.render` function.
    #[must_use]
    pub fn renders(&self) -> bool {
        self.render_id.is_some()
    }

    /// The pseudo-component that stands for what a `gr.render` function returns.
    #[must_use]
    pub fn rendered(&self) -> Option<Id> {
        self.render_id.map(|_| RENDERED | self.id())
    }

    /// Interval at which the server runs the function again until the client leaves.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.every.and_then(seconds)
    }

    /// Whether this event of any component triggers it.
    #[must_use]
    pub fn has_event(&self, event: &str) -> bool {
        self.targets().any(|(_, name)| name == event)
    }

    /// Whether it is part of the public API.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.api_name.is_some()
            && match &self.api_visibility {
                Some(visibility) => visibility == "public",
                None => self.show_api != Some(false),
            }
    }

    /// Pairs of component and event. Before 3.50 the event was a separate key.
    pub fn targets(&self) -> impl Iterator<Item = (Option<Id>, &str)> {
        self.targets.iter().filter_map(|target| match target {
            Value::Array(pair) => {
                Some((pair.first().and_then(Value::as_u64), pair.get(1)?.as_str()?))
            }
            other => Some((Some(other.as_u64()?), self.trigger.as_deref()?)),
        })
    }

    /// Whether it streams. Always false before 4.19.
    #[must_use]
    pub fn is_generator(&self) -> Option<bool> {
        self.types.generator
    }
}

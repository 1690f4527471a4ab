//! The JSON of a description. A field of an unexpected type counts as absent.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::loose::loose;
use super::{Component, Dependency, Id};

/// A container of the layout, or a component in it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    #[serde(deserialize_with = "loose")]
    pub(super) id: Option<Id>,
    #[serde(deserialize_with = "loose")]
    pub(super) children: Vec<Node>,
}

pub(super) fn add_parents(node: &Node, parents: &mut HashMap<Id, Id>) {
    for child in &node.children {
        if let (Some(child), Some(parent)) = (child.id, node.id) {
            parents.insert(child, parent);
        }
        add_parents(child, parents);
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    #[serde(deserialize_with = "loose")]
    pub(super) dependencies: BTreeSet<Id>,
    #[serde(deserialize_with = "loose")]
    pub(super) layout: Node,
}

/// Output of a `gr.render` function.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Rendered {
    #[serde(deserialize_with = "loose")]
    pub(super) components: Vec<Component>,
    #[serde(deserialize_with = "loose")]
    pub(super) dependencies: Vec<Dependency>,
    #[serde(deserialize_with = "loose")]
    pub(super) layout: Node,
    #[serde(deserialize_with = "loose")]
    pub(super) render_id: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct Wire {
    #[serde(default, deserialize_with = "loose")]
    pub(super) root: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) current_page: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) connect_heartbeat: Option<bool>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) page: HashMap<String, Page>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) layout: Node,
    #[serde(default, deserialize_with = "loose")]
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) protocol: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) api_prefix: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) mode: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) space_id: Option<String>,
    #[serde(default)]
    pub(super) app_id: Value,
    #[serde(default, deserialize_with = "loose")]
    pub(super) enable_queue: Option<bool>,
    #[serde(default, deserialize_with = "loose")]
    pub(super) auth_required: Option<bool>,
    pub(super) components: Option<Vec<Component>>,
    pub(super) dependencies: Option<Vec<Dependency>>,
}

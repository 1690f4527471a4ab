//! The keys that say where runs are made.

use domain::location::MOST_LOCATIONS;
use domain::{LocationName, Placement};

use crate::diagnostic::Diagnostic;
use crate::node::Node;
use crate::walk::{Fields, Walk};

/// `locations` and `spread`.
pub(crate) fn placement(walk: &mut Walk<'_>, fields: &Fields<'_>) -> Option<Placement> {
    let locations = match fields.get("locations") {
        Some(node) => locations(walk, node).map(Some),
        None => Some(None),
    };
    let spread = fields.get("spread").map_or(Some(false), |node| walk.boolean(node));
    Some(Placement { locations: locations?, spread: spread? })
}

fn locations(walk: &mut Walk<'_>, node: &Node) -> Option<Vec<LocationName>> {
    let expected = "a list of locations such as `[eu-west-3, office]`";
    let items = walk.items(node, expected)?;
    if items.is_empty() {
        let message = "`locations` is empty";
        walk.note(Diagnostic::new(&node.at, message, format!("expected {expected}")));
        return None;
    }
    if items.len() > MOST_LOCATIONS {
        let message = format!("{} locations are too many", items.len());
        let expected = format!("expected at most {MOST_LOCATIONS}");
        walk.note(Diagnostic::new(&node.at, message, expected));
    }
    let mut names: Vec<LocationName> = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = location(walk, item) else { continue };
        if names.contains(&name) {
            let message = format!("`{name}` is listed twice");
            walk.note(Diagnostic::new(&item.at, message, "expected each location once"));
        } else {
            names.push(name);
        }
    }
    Some(names)
}

fn location(walk: &mut Walk<'_>, node: &Node) -> Option<LocationName> {
    let text = walk.text(node, "text such as `eu-west-3`")?;
    let name = text.parse().ok();
    if name.is_none() {
        let message = format!("`{text}` is not the name of a location");
        let expected = format!(
            "expected 1 to {} of a-z, 0-9 and -, such as `eu-west-3` or `office`",
            LocationName::LONGEST
        );
        walk.note(Diagnostic::new(&node.at, message, expected));
    }
    name
}

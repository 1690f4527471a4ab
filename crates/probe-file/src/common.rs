//! What several parts of the reader need.

use std::time::Duration;

use domain::{EnvironmentName, Objectives, TargetUrl};

use crate::diagnostic::Diagnostic;
use crate::keys::OBJECTIVES;
use crate::label;
use crate::node::{Node, Place, Value};
use crate::units::written;
use crate::walk::Walk;

/// An environment's name, or `None` with a mistake noted.
pub(crate) fn environment(walk: &mut Walk<'_>, at: &Place, text: &str) -> Option<EnvironmentName> {
    let name = text.parse().ok();
    if name.is_none() {
        let message = format!("`{text}` is not the name of an environment");
        let expected = format!(
            "expected 1 to {} of a-z, 0-9 and -, such as `staging`",
            EnvironmentName::LONGEST
        );
        walk.note(Diagnostic::new(at, message, expected));
    }
    name
}

/// Whether a text is an address with the scheme `https` or `http`.
pub(crate) fn is_url(text: &str) -> bool {
    text.parse::<TargetUrl>().is_ok()
}

/// Calls `see` for every text in a value.
pub(crate) fn texts(node: &Node, see: &mut impl FnMut(&Node, &str)) {
    match &node.value {
        Value::Text(text) => see(node, text),
        Value::List(items) => items.iter().for_each(|item| texts(item, see)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| texts(value, see)),
        _ => {}
    }
}

/// Objectives of the probe or of a turn.
pub(crate) fn objectives(
    walk: &mut Walk<'_>,
    node: &Node,
    timeout: Option<Duration>,
) -> Option<Objectives> {
    let fields = walk.fields(node, &OBJECTIVES, &node.place())?;
    let mut time = |name: &str| {
        let Some(node) = fields.get(name) else { return Some(None) };
        let time = walk.duration(node)?;
        let longest = timeout.unwrap_or(Duration::MAX);
        if !time.is_zero() && time <= longest {
            return Some(Some(time));
        }
        let message = format!(
            "an objective of `{}` can never be {}",
            walk.at(&node.at),
            if time.is_zero() { "met" } else { "missed" }
        );
        let expected = match timeout {
            Some(timeout) => {
                format!("expected more than `0s` and at most the timeout, `{}`", written(timeout))
            }
            None => "expected more than `0s`".to_owned(),
        };
        walk.note(Diagnostic::new(&node.at, message, expected));
        None
    };
    let (first_chunk, reply, inter_chunk) =
        (time("first_chunk"), time("reply"), time("inter_chunk"));
    let characters_per_second = match fields.get("characters_per_second") {
        None => Some(None),
        Some(node) => walk.integer(node, 1..=1_000_000).map(Some),
    };
    Some(Objectives {
        first_chunk: first_chunk?,
        reply: reply?,
        inter_chunk: inter_chunk?,
        characters_per_second: characters_per_second?,
    })
}

pub(crate) fn label_value<'n>(walk: &mut Walk<'_>, node: &'n Node) -> Option<&'n str> {
    let value = walk.plain(node, "text")?;
    let good = label::is_value(value);
    if !good {
        let message = format!("`{}` is not the value of a label", walk.at(&node.at));
        walk.note(Diagnostic::new(&node.at, message, label::VALUE));
    }
    good.then_some(value)
}

//! Refuses YAML tags such as `!include`.

use crate::diagnostic::Diagnostic;
use crate::node::{Node, Value};
use crate::walk::Walk;

/// Notes every tag of the application, and those of YAML that a probe file can't have, such as `!!binary`.
pub(crate) fn refuse(walk: &mut Walk<'_>, node: &Node) {
    if let Some(at) = walk.tag_of(node) {
        let message = format!("the tag `{}` is not supported", walk.at(&at));
        let mistake = Diagnostic::new(&at, message, "expected a value without a tag");
        walk.note(
            mistake.hint("values can come from `${VARIABLE}`, `${secret:ID}` or `${ssm:/path}`"),
        );
    }
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| refuse(walk, item)),
        Value::Map(entries) => {
            for (_, value) in entries {
                refuse(walk, value);
            }
        }
        _ => {}
    }
}

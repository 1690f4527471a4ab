//! Refuses YAML tags such as `!include`, which serde-saphyr ignores.

use crate::diagnostic::Diagnostic;
use crate::node::{Node, Place, Value};
use crate::walk::Walk;

/// Notes every tag of the application. Tags of YAML itself, such as `!!str`, are allowed.
pub(crate) fn refuse_unknown(walk: &mut Walk<'_>, node: &Node) {
    if let Some(at) = walk.tag_of(node) {
        let message = format!("the tag `{}` is not supported", walk.at(&at));
        let mistake = Diagnostic::new(&at, message, "expected a value without a tag");
        walk.note(
            mistake.hint("values can come from `${VARIABLE}`, `${secret:ID}` or `${ssm:/path}`"),
        );
    }
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| refuse_unknown(walk, item)),
        Value::Map(entries) => {
            for (_, value) in entries {
                refuse_unknown(walk, value);
            }
        }
        _ => {}
    }
}

/// The tag at the end of the text before a value.
pub(crate) fn tag_before(before: &str) -> Option<Place> {
    let mut end = before.trim_end().len();
    let mut start = word_start(&before[..end]);
    if before[start..end].starts_with('&') {
        end = before[..start].trim_end().len();
        start = word_start(&before[..end]);
    }
    is_unknown_tag(&before[start..end]).then_some(start..end)
}

fn word_start(text: &str) -> usize {
    text.rfind(|character: char| character.is_whitespace() || "[{,".contains(character))
        .map_or(0, |index| index + text[index..].chars().next().map_or(1, char::len_utf8))
}

pub(crate) fn is_unknown_tag(word: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || "_./:-<>!".contains(character))
    };
    word.strip_prefix('!').is_some_and(|name| !name.starts_with('!') && is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_before_a_value() {
        for (before, tag) in [
            ("say: !include ", Some("!include")),
            ("say: !env &x ", Some("!env")),
            ("[a, !x ", Some("!x")),
            ("target: !x\n  ", Some("!x")),
            ("say: !!str ", None),
            ("say: ", None),
            ("[\"a !\", ", None),
            ("say: Hello!\nexpect: ", None),
        ] {
            assert_eq!(tag_before(before).map(|at| &before[at]), tag, "{before}");
        }
    }
}

//! Finds YAML tags such as `!include`, which serde-saphyr ignores.

use crate::node::Place;

/// Tags of YAML itself that do not change a value which a probe file can have.
const STANDARD: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];

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
    word.strip_prefix('!').is_some_and(|name| match name.strip_prefix('!') {
        Some(standard) => is_name(standard) && !STANDARD.contains(&standard),
        None => is_name(name),
    })
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
            ("say: !!binary ", Some("!!binary")),
            ("say: ", None),
            ("[\"a !\", ", None),
            ("say: Hello!\nexpect: ", None),
        ] {
            assert_eq!(tag_before(before).map(|at| &before[at]), tag, "{before}");
        }
    }
}

//! What may be a label: what every receiver stores under a name that is not Prometheus's own.

/// Longest name in bytes, and longest value in characters.
pub(crate) const LONGEST: usize = 200;

/// The format of a label name, for messages.
pub const NAME: &str = "expected letters, digits and `_`, not beginning with a digit or `__`";
/// What its value looks like, for messages.
pub const VALUE: &str = "expected 1 to 200 characters in one line";

/// Whether a label may be called so; Prometheus's own names begin with `__`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first && rest && !name.starts_with("__") && name.len() <= LONGEST
}

/// Whether a label may have this value.
#[must_use]
pub fn is_value(value: &str) -> bool {
    (1..=LONGEST).contains(&value.chars().count()) && !value.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_limited_to_what_every_receiver_stores() {
        for (name, good) in [("team", true), ("_1", true), ("1", false), ("a-b", false)] {
            assert_eq!(is_name(name), good, "{name}");
        }
        assert!(!is_name("__name__") && !is_name("") && !is_name(&"a".repeat(LONGEST + 1)));
        assert!(is_value("é") && is_value(&"é".repeat(LONGEST)));
        assert!(!is_value("") && !is_value("a\nb") && !is_value(&"é".repeat(LONGEST + 1)));
        assert!(VALUE.contains(&format!(" {LONGEST} ")));
    }
}

//! Replacement texts with groups, such as `${1}-$name`, as Go expands them.

use regex::Captures;

/// The template with the text of its groups. A group that does not exist is empty; a dollar sign without a group is kept,
/// and `$$` is one.
pub(crate) fn expand(template: &str, found: &Captures<'_>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = group(after) {
            out.push_str(text_of(name, found));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// The name after a dollar sign, as long as possible or in braces, and what follows it.
fn group(text: &str) -> Option<(&str, &str)> {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    let inside = text.strip_prefix('{');
    let text = inside.unwrap_or(text);
    let (name, rest) = text.split_at(text.find(|char| !is_part(char)).unwrap_or(text.len()));
    let rest = if inside.is_some() { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

fn text_of<'t>(name: &str, found: &Captures<'t>) -> &'t str {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = name.len() > 1 && name.starts_with('0');
    let matched = if is_number && !has_leading_zero {
        name.parse().ok().and_then(|number| found.get(number))
    } else {
        found.name(name)
    };
    matched.map_or("", |matched| matched.as_str())
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::expand;

    #[test]
    fn template_is_expanded_as_by_go() {
        let regex = Regex::new("^(a+)(?P<name>b)?(c)$").unwrap();
        let found = regex.captures("aac").unwrap();
        let cases = [
            ("$1-${3}", "aa-c"),
            ("$0", "aac"),
            ("$name.$missing.$9", ".."),
            ("$1x", ""),
            ("${1}x", "aax"),
            ("$$1", "$1"),
            ("$", "$"),
            ("$-${}${1", "$-${}${1"),
            ("${a b}", "${a b}"),
            ("${01}", ""),
            ("$1é", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(expand(template, &found), expected, "{template}");
        }
    }
}

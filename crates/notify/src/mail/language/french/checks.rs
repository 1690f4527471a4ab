//! What a check required and what it found, in French. A report has both as English lines. A line that begins with a
//! known phrase is translated; any other line, which is mostly the bot's own text, is not.

/// Each key of the probe file with its French text: the part before its value, and the part after.
const REQUIREMENTS: [(&str, &str, &str); 14] = [
    ("contains", "contient", ""),
    ("not_contains", "ne contient pas", ""),
    ("equals", "égal à", ""),
    ("matches", "correspond à", ""),
    ("not_matches", "ne correspond pas à", ""),
    ("min_length", "au moins", " caractères"),
    ("max_length", "au plus", " caractères"),
    ("language", "langue", ""),
    ("similar_to", "semblable à", ""),
    ("json", "JSON", ""),
    ("json_schema", "conforme au schéma JSON", ""),
    ("tool_called", "outil appelé", ""),
    ("has", "contient un élément", ""),
    ("no_error_toast", "aucun message d’erreur affiché", ""),
];

/// The start of a finding, in English and in French.
const FINDINGS: [(&str, &str); 10] = [
    ("it contains ", "contient "),
    ("it matches at ", "correspond à "),
    ("language ", "langue "),
    ("similarity ", "similarité "),
    ("no JSON", "pas de JSON"),
    ("nothing at ", "rien à "),
    ("several JSON values", "plusieurs valeurs JSON"),
    ("an empty reply", "une réponse vide"),
    ("no tool or thinking block", "aucun bloc d’outil ou de réflexion"),
    ("only text", "seulement du texte"),
];

pub(super) fn expected(check: &str) -> String {
    if let Some(checks) = check.strip_prefix("any_of: ") {
        let checks: Vec<String> = checks.split(", or ").map(expected).collect();
        return checks.join(", ou ");
    }
    let suffixes = [
        (" (ignoring case, exact)", " (exact, sans tenir compte de la casse)"),
        (" (ignoring case)", " (sans tenir compte de la casse)"),
        (" (exact)", " (exact)"),
    ];
    let stripped = suffixes
        .iter()
        .find_map(|(english, french)| check.strip_suffix(english).map(|check| (check, *french)));
    let (check, case) = stripped.unwrap_or((check, ""));
    // Every reply must be non-empty, without a key in the probe file.
    if check == "an answer" {
        return "une réponse".to_owned();
    }
    if let Some(name) = check.strip_prefix("something to save as ") {
        return format!("une valeur à enregistrer sous {name}");
    }
    let (name, rest) = check.split_once(' ').unwrap_or((check, ""));
    let Some((_, before, after)) = REQUIREMENTS.iter().find(|(key, ..)| *key == name) else {
        return format!("{check}{case}");
    };
    if rest.is_empty() {
        return format!("{before}{case}");
    }
    let rest = match rest.rsplit_once(" at least ") {
        Some((text, share)) if name == "similar_to" => format!("{text}, au moins {share}"),
        _ => rest.to_owned(),
    };
    format!("{before} {rest}{after}{case}")
}

pub(super) fn found(found: &str) -> String {
    if let Some(count) = found.strip_suffix(" characters")
        && count.bytes().all(|byte| byte.is_ascii_digit())
    {
        return format!("{count} caractères");
    }
    if let Some((reply, difference)) = found.rsplit_once("\", with ")
        && let Some((found, expected)) = difference.split_once(" instead of ")
    {
        return format!("{reply}\", avec {found} au lieu de {expected}");
    }
    let known = FINDINGS.iter().find_map(|(english, french)| {
        let rest = found.strip_prefix(english)?;
        let (head, tail) = rest.split_once(": ").unwrap_or((rest, ""));
        let colon = if head.len() < rest.len() { "\u{a0}: " } else { "" };
        Some(format!("{french}{head}{colon}{tail}"))
    });
    known.unwrap_or_else(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::Template;
    use domain::check::{Check, JsonTest, PartKind, Requirement, ToolCalled};

    use super::*;

    #[test]
    fn every_kind_of_check_is_translated() {
        let text = || Template::literal("Ada at least");
        let json = |test| Requirement::Json { path: Template::literal("$.a"), test };
        let cases = [
            (Requirement::Contains(text()), "contient \"Ada at least\""),
            (Requirement::NotContains(text()), "ne contient pas \"Ada at least\""),
            (Requirement::Equals(text()), "égal à \"Ada at least\""),
            (Requirement::Matches(text()), "correspond à \"Ada at least\""),
            (Requirement::NotMatches(text()), "ne correspond pas à \"Ada at least\""),
            (Requirement::MinLength(10), "au moins 10 caractères"),
            (Requirement::MaxLength(10), "au plus 10 caractères"),
            (Requirement::Language("fr".to_owned()), "langue fr"),
            (
                Requirement::SimilarTo { text: text(), at_least: 0.8 },
                "semblable à \"Ada at least\", au moins 0.8",
            ),
            (json(JsonTest::Exists(true)), "JSON $.a exists"),
            (Requirement::JsonSchema(true.into()), "conforme au schéma JSON"),
            (Requirement::Has(PartKind::Image), "contient un élément image"),
            (Requirement::NoErrorToast {}, "aucun message d’erreur affiché"),
            (
                Requirement::ToolCalled(ToolCalled { name: Some(text()), matches: None }),
                "outil appelé \"Ada at least\"",
            ),
        ];
        let kinds: std::collections::BTreeSet<_> =
            cases.iter().map(|(requirement, _)| requirement.name()).collect();
        assert_eq!(kinds, REQUIREMENTS.iter().map(|(key, ..)| *key).collect());
        for (requirement, french) in cases {
            let check = Check { requirement, ignore_case: true, exact: false };
            let french = format!("{french} (sans tenir compte de la casse)");
            assert_eq!(expected(&check.to_string()), french);
        }
    }

    #[test]
    fn combined_checks_are_translated() {
        for (english, french) in [
            (
                "any_of: contains \"yes\", or contains \"oui\"",
                "contient \"yes\", ou contient \"oui\"",
            ),
            ("contains \"a\" (exact)", "contient \"a\" (exact)"),
            ("something to save as `order`", "une valeur à enregistrer sous `order`"),
        ] {
            assert_eq!(expected(english), french);
        }
    }

    #[test]
    fn findings_are_translated_except_the_bots_text() {
        let cases = [
            ("it contains \"sorry\"", "contient \"sorry\""),
            ("12 characters", "12 caractères"),
            ("language en: \"Hi: all\"", "langue en : \"Hi: all\""),
            ("similarity 0.42: \"Hi\"", "similarité 0.42 : \"Hi\""),
            ("no JSON: \"Hi\"", "pas de JSON : \"Hi\""),
            (
                "\"Yes\", with \"Y\" (U+0059) instead of \"y\" (U+0079)",
                "\"Yes\", avec \"Y\" (U+0059) au lieu de \"y\" (U+0079)",
            ),
            ("an empty reply", "une réponse vide"),
            (
                "\"language en: it contains 3 characters\"",
                "\"language en: it contains 3 characters\"",
            ),
            ("$.a is 5", "$.a is 5"),
        ];
        for (english, french) in cases {
            assert_eq!(found(english), french.replace(" :", "\u{a0}:"));
        }
    }
}

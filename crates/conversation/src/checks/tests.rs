use super::*;
use domain::Template;
use serde_json::json;

/// `expected`: `None` passes, otherwise what was found.
#[track_caller]
fn check(check: serde_json::Value, reply: &str, expected: Option<&str>) {
    check_answer(check, &Answer { text: reply, ..Answer::default() }, expected);
}

#[track_caller]
fn check_answer(check: serde_json::Value, answer: &Answer<'_>, expected: Option<&str>) {
    let read: Check = serde_json::from_value(check).unwrap();
    let report = carry_out(&read, answer).unwrap();
    assert_eq!(report.passed, expected.is_none(), "{report:?}");
    assert_eq!(report.found, expected.unwrap_or_default());
}

#[test]
fn composed_and_decomposed_accents_are_equal() {
    check(json!({ "contains": "é" }), "caf\u{65}\u{301}", None);
    check(json!({ "equals": " caf\u{65}\u{301} " }), "café\n", None);
    check(json!({ "contains": "é", "exact": true }), "caf\u{65}\u{301}", None);
}

#[test]
fn typographic_variants_are_equal_unless_exact() {
    for (check_text, reply) in [
        ("je m'appelle Bot", "je m\u{2019}appelle Bot"),
        ("Bonjour Ada !", "Bonjour Ada\u{202f}!"),
        ("Ada Lovelace", "**Ada** Lovelace"),
        ("Ada Lovelace", "_Ada_ `Lovelace`"),
        ("cooperate", "co\u{ad}operate"),
        ("9-18 h", "9\u{2013}18\u{a0}h"),
    ] {
        check(json!({ "contains": check_text }), &format!("So: {reply}"), None);
        check(json!({ "equals": check_text }), reply, None);
        check(json!({ "matches": regex::escape(check_text) }), reply, None);
        check(json!({ "not_contains": reply }), "another reply", None);
        let exact = json!({ "contains": check_text, "exact": true });
        let report = carry_out(
            &serde_json::from_value(exact).unwrap(),
            &Answer { text: reply, ..Answer::default() },
        );
        assert!(!report.unwrap().passed, "{reply}");
    }
    check(
        json!({ "not_contains": "l'erreur" }),
        "l\u{2019}erreur",
        Some("it contains \"l'erreur\""),
    );
    check(json!({ "not_matches": "l'err" }), "l\u{2019}erreur", Some("it matches at \"l'err\""));
}

#[test]
fn typography_of_a_pattern_is_folded_too() {
    for (pattern, reply) in [
        ("9\u{2013}18 h", "9-18 h"),
        ("9\u{2013}18 h", "9\u{2014}18\u{a0}h"),
        (r"\d+\u2013\d+", "9-18 h"),
        ("^9[\u{2013}\u{2014}]18", "9-18"),
        ("9[\u{2010}-\u{2015}]18", "9-18"),
        ("l\u{2019}\u{e9}t\u{e9}", "l'été"),
        ("\u{ab}\u{202f}oui\u{202f}\u{bb}", "\" oui \""),
        ("Please wait\u{2026}$", "Please wait..."),
        ("Please wait[!\u{2026}]+$", "Please wait..."),
        ("co\u{ad}operate", "cooperate"),
        ("one\\n- two", "one\n\u{2013} two"),
        ("one\\n\\n- two", "one\n\n\u{2013} two"),
        ("(?x) 9 \u{2013} 18 \\u{a0} h", "9-18 h"),
        ("^[^\\n]+ 9-18", "From 9\u{2013}18"),
        ("cafe\u{301}", "caf\u{e9}"),
    ] {
        check(json!({ "matches": pattern }), reply, None);
        let exact = json!({ "matches": pattern, "exact": true });
        check(exact, reply, Some(&shown(reply)));
        let found = carry_out(
            &serde_json::from_value(json!({ "not_matches": pattern })).unwrap(),
            &Answer { text: reply, ..Answer::default() },
        );
        assert!(!found.unwrap().passed, "{pattern}");
    }
    assert_eq!(find_part("(\\d+\u{2013}\\d+)", "9-18 h").unwrap().as_deref(), Some("9-18"));
    // Folded, the ends of this range are in the wrong order.
    check(json!({ "matches": "[\u{2019}-\u{201c}]x" }), "no", Some("\"no\""));
}

#[test]
fn reply_is_compared_as_the_page_shows_it() {
    for (check_text, reply) in [
        ("AT&T", "Our partners are AT&amp;T."),
        ("Ada Lovelace", "[Ada](https://example.com) Lovelace"),
        ("snake_case.md", "the file snake\\_case.md"),
        ("Hello Ada", "Hello<br>Ada"),
        ("[Ada](https://example.com)", "[Ada](https://example.com) Lovelace"),
        ("Vec<String>", "Use `Vec<String>`."),
    ] {
        check(json!({ "contains": check_text }), reply, None);
        check(json!({ "matches": regex::escape(check_text) }), reply, None);
    }
    check(json!({ "not_contains": "AT&T" }), "AT&amp;T", Some("it contains \"AT&T\""));
}

#[test]
fn mismatch_names_the_differing_character() {
    check(json!({ "contains": "Ada" }), "I do not know.", Some("\"I do not know.\""));
    check(json!({ "contains": "Ada" }), " \u{200b} ", Some("an empty reply"));
    check(
        json!({ "equals": "yes" }),
        "Yes",
        Some("\"Yes\", with \"Y\" (U+0059) instead of \"y\" (U+0079)"),
    );
    check(
        json!({ "contains": "Bonjour Ada !", "exact": true }),
        "Bonjour Ada\u{202f}!",
        Some("\"Bonjour Ada\u{202f}!\", with U+202F instead of U+0020"),
    );
}

#[test]
fn case_is_ignored_if_the_check_says_so() {
    for requirement in [
        json!({ "contains": "ÉTÉ" }),
        json!({ "equals": "L'ÉTÉ" }),
        json!({ "matches": "ÉTÉ$" }),
        json!({ "similar_to": { "text": "L'ÉTÉ", "at_least": 1.0 } }),
        json!({ "any_of": [{ "contains": "x" }, { "contains": "ÉTÉ" }] }),
    ] {
        let mut with_case = requirement;
        with_case["ignore_case"] = true.into();
        check(with_case, "l'été", None);
    }
}

#[test]
fn regexes_are_unanchored() {
    check(json!({ "matches": "[0-9]+ apples" }), "I have 12 apples.", None);
    check(
        json!({ "not_matches": "(?i)error|traceback" }),
        "Oh: Traceback!",
        Some("it matches at \"Traceback\""),
    );
    check(json!({ "not_matches": "(?i)error" }), "fine", None);
    check(json!({ "matches": "^- .*\\n- " }), "- one\n- two", None);
}

#[test]
fn lengths_count_visible_characters() {
    check(json!({ "min_length": 4 }), "été!", None);
    check(json!({ "min_length": 5 }), "été!", Some("4 characters"));
    check(json!({ "max_length": 3 }), "été!", Some("4 characters"));
    check(json!({ "min_length": 1 }), " \n\u{200b}\u{feff} ", Some("0 characters"));
    check(json!({ "max_length": 2 }), "\u{200b}ab\n", None);
}

#[test]
fn language_fails_only_with_evidence() {
    let english = "Of course, I can help you to find your order right now, no problem.";
    check(json!({ "language": "en" }), english, None);
    check(json!({ "language": "fr" }), english, Some(&format!("language en: \"{english}\"")));
    let undecided = carry_out(
        &serde_json::from_value(json!({ "language": "fr" })).unwrap(),
        &Answer { text: "42", ..Answer::default() },
    );
    let undecided = undecided.unwrap();
    assert!(undecided.passed);
    assert_eq!(undecided.found, "language undecided");
}

#[test]
fn similarity_is_a_share_of_equal_characters() {
    let close =
        json!({ "similar_to": { "text": "Paris is the capital of France.", "at_least": 0.8 } });
    check(close.clone(), "Paris is the capital of France!", None);
    check(close.clone(), "London", Some("similarity 0.06: \"London\""));
    let long = "x".repeat(LONGEST_SIMILAR + 1);
    check(close, &long, Some("a reply of over 4096 characters, which is not compared"));
}

#[test]
fn json_path_passes_if_any_node_passes() {
    let reply = r#"Here: {"items":[{"n":1},{"n":2.0}],"name":"Ada L’"} "#;
    let path = |path: &str, test: &str, value: serde_json::Value| json!({ "json": { "path": path, test: value } });
    check(path("$.items[*].n", "equals", 2.into()), reply, None);
    check(path("$.name", "matches", "^A".into()), reply, None);
    check(path("$.name", "equals", "Ada L'".into()), reply, None);
    check(path("$.name", "exists", true.into()), reply, None);
    check(path("$.missing", "exists", false.into()), reply, None);
    check(path("$.name", "equals", "Bob".into()), reply, Some("$.name is \"Ada L’\""));
    check(path("$.missing", "equals", 1.into()), reply, Some("nothing at $.missing"));
    check(path("$.a", "exists", true.into()), "sorry", Some("no JSON: \"sorry\""));
    check(
        path("$.a", "exists", true.into()),
        "{\"a\":1} {\"a\":2}",
        Some("several JSON values: \"{\"a\":1} {\"a\":2}\""),
    );
}

#[test]
fn json_schema_names_the_first_mismatch() {
    let schema = json!({ "json_schema": { "type": "object", "required": ["ok"] } });
    check(schema.clone(), "```json\n{\"ok\": true}\n```", None);
    check(schema.clone(), "{}", Some("$ has no `ok`"));
    check(schema, "no", Some("no JSON: \"no\""));
}

#[test]
fn any_of_passes_if_one_check_passes() {
    let yes = json!({ "any_of": [{ "contains": "yes" }, { "contains": "oui" }] });
    check(yes.clone(), "Mais oui.", None);
    check(yes, "Non.", Some("\"Non.\""));
}

#[test]
fn tool_called_reads_titles_and_texts_of_blocks() {
    let tools = [Thought {
        title: "🛠️ Used tool search_orders".to_owned(),
        text: "{\"id\": 4711}".to_owned(),
        ..Thought::default()
    }];
    let answer = Answer { text: "It is on its way.", tools: &tools, ..Answer::default() };
    check_answer(json!({ "tool_called": { "name": "Search_Orders" } }), &answer, None);
    check_answer(json!({ "tool_called": { "name": "search", "matches": "4711" } }), &answer, None);
    check_answer(
        json!({ "tool_called": { "name": "weather" } }),
        &answer,
        Some("the blocks \"🛠️ Used tool search_orders\""),
    );
    check(json!({ "tool_called": { "name": "x" } }), "x", Some("no tool or thinking block"));
}

#[test]
fn has_reads_the_parts_of_a_reply() {
    let part = |kind: &str, name: &str| Part {
        kind: kind.to_owned(),
        name: (!name.is_empty()).then(|| name.to_owned()),
    };
    for (parts, kind, found) in [
        (vec![part("image", "")], "image", None),
        (vec![part("file", "cat.PNG")], "image", None),
        (vec![part("file", "a.pdf")], "file", None),
        (vec![part("image", "")], "file", None),
        (vec![part("html", "")], "html", None),
        (vec![part("file", "a.pdf")], "image", Some("file")),
        (vec![], "html", Some("only text")),
    ] {
        let answer = Answer { text: "x", parts: &parts, ..Answer::default() };
        check_answer(json!({ "has": kind }), &answer, found);
    }
}

#[test]
fn error_toast_fails() {
    let toast = |level: &str| Toast {
        level: level.to_owned(),
        title: "Error".to_owned(),
        text: "No credit left".to_owned(),
    };
    for (level, found) in [
        ("info", None),
        ("warning", Some("warning toast \"No credit left\"")),
        ("error", Some("error toast \"No credit left\"")),
    ] {
        let toasts = [toast(level)];
        let answer = Answer { text: "x", toasts: &toasts, ..Answer::default() };
        check_answer(json!({ "no_error_toast": {} }), &answer, found);
    }
}

#[test]
fn long_finding_is_cut() {
    let check: Check = serde_json::from_value(json!({ "contains": "x" })).unwrap();
    let report = carry_out(&check, &Answer { text: &"é".repeat(999), ..Answer::default() });
    assert_eq!(report.unwrap().found.chars().count(), SHOWN + 3);
}

#[test]
fn broken_check_is_a_fault_of_the_probe() {
    let broken = |check: serde_json::Value| {
        let check: Check = serde_json::from_value(check).unwrap();
        carry_out(&check, &Answer { text: "x", ..Answer::default() }).unwrap_err().to_string()
    };
    assert_eq!(broken(json!({ "matches": "(" })), "the regex `(` is not valid: unclosed group");
    assert_eq!(broken(json!({ "contains": "${other}" })), "`${other}` in a check has no value");
    let unfilled: Template = "${other}".parse().unwrap();
    assert!(filled(&unfilled).is_err());
}

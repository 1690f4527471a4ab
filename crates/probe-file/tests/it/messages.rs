use std::collections::BTreeMap;
use std::time::Duration;

use domain::probe::PerEnvironment;
use domain::{AvailabilityObjective, MOfN, Severity};

use crate::fixtures;

/// The exact message of every bad file, one snapshot for all, so that they can be read side by side.
#[test]
fn mistakes_have_a_position_and_the_expected_value() {
    let mut shown = String::new();
    for (file, text) in fixtures("bad") {
        let mistakes = probe_file::parse(&text, &file).unwrap_err();
        shown.extend([mistakes.to_string(), "\n".to_owned()]);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn good_files_are_read() {
    for (file, text) in fixtures("good") {
        if let Err(mistakes) = probe_file::parse(&text, &file) {
            panic!("{mistakes}");
        }
    }
}

#[test]
fn all_keys_are_read_into_the_probe() {
    let files: BTreeMap<String, String> = fixtures("good").into_iter().collect();
    let probe = probe_file::parse(&files["everything.yaml"], "everything.yaml").unwrap();
    assert_eq!(probe.name.as_str(), "support-bot");
    assert_eq!((probe.every, probe.timeout), (Duration::from_secs(60), Duration::from_secs(30)));
    let url = |environment: &str| {
        probe.target.url.get(&environment.parse().unwrap()).map(ToString::to_string)
    };
    assert_eq!(url("prod").as_deref(), Some("https://${CHAT_HOST}/bot"));
    assert_eq!(url("dev"), None);
    let Some(PerEnvironment::Same(auth)) = &probe.target.auth else { panic!("no auth") };
    assert!(auth.login.is_some());
    assert!(matches!(probe.target.inputs["top_k"], PerEnvironment::By(_)));
    assert_eq!(probe.target.inputs["temperature"], PerEnvironment::Same(0.2.into()));
    let checks: Vec<String> =
        probe.conversation.iter().flat_map(|turn| &turn.expect).map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(checks);
    assert_eq!(probe.conversation[1].objectives.first_chunk, Some(Duration::from_secs(5)));
    assert_eq!(probe.alarm.down, MOfN::new(2, 3).unwrap());
    assert_eq!((probe.alarm.severity, probe.alarm.locations), (Severity::Page, Some(1)));
    assert!(probe.placement.spread && probe.placement.has(&"eu-west-3".parse().unwrap()));
    assert!(!probe.placement.has(&"us-east-1".parse().unwrap()));
    assert_eq!(probe.objective, AvailabilityObjective::from_percent(99.5));
    let public = probe.public;
    assert!(public.reasons && public.address && !public.conversation);
    let [window] = &probe.maintenance[..] else { panic!("{:?}", probe.maintenance) };
    assert_eq!(window.cron.to_string(), "0 2 * * SUN");
    assert_eq!((window.length.as_secs(), window.time_zone.as_str()), (3_600, "Europe/Paris"));
}

#[test]
fn missing_key_has_its_default() {
    let files: BTreeMap<String, String> = fixtures("good").into_iter().collect();
    let probe = probe_file::parse(&files["smallest.yaml"], "smallest.yaml").unwrap();
    assert_eq!(probe.timeout, Duration::from_secs(30));
    assert_eq!((probe.retry.attempts, probe.enabled), (1, true));
    assert_eq!(probe.retry.wait, Duration::from_secs(20));
    assert_eq!((probe.environments.as_ref(), probe.scrape.len()), (None, 0));
    assert_eq!(probe.alarm, domain::AlarmRule::default());
    assert!(probe.public.is_nothing());
}

#[test]
fn block_text_has_no_line_break_at_its_end() {
    let files: BTreeMap<String, String> = fixtures("good").into_iter().collect();
    let marked = format!("\u{feff}{}", files["left-out.yaml"]);
    let probe = probe_file::parse(&marked, "left-out.yaml").unwrap();
    let turn = &probe.conversation[1];
    assert_eq!(turn.say.to_string(), "What is my name?");
    let checks: Vec<String> = turn.expect.iter().map(ToString::to_string).collect();
    assert_eq!(checks, ["contains \"Ada\"", "matches \"Ada|Lovelace\""]);
    assert_eq!(turn.save.keys().collect::<Vec<_>>(), ["name"]);
    assert_eq!(probe.labels.keys().collect::<Vec<_>>(), ["tier"]);
}

#[test]
fn object_input_is_not_a_map_by_environment() {
    let files: BTreeMap<String, String> = fixtures("good").into_iter().collect();
    let probe = probe_file::parse(&files["fast.yaml"], "fast.yaml").unwrap();
    let settings = serde_json::json!({ "mode": "quick", "depth": 2 });
    assert_eq!(probe.target.inputs["settings"], PerEnvironment::Same(settings));
}

#[test]
fn probe_name_in_two_files_is_rejected() {
    let text = &fixtures("good")[0].1;
    let mistakes =
        probe_file::parse_all([("a.yaml", text.as_str()), ("b.yaml", text.as_str())]).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    insta::assert_snapshot!(mistakes[0]);
}

#[test]
fn oversized_file_is_not_read() {
    let text = format!("probe: bot\n# {}", "x".repeat(probe_file::LARGEST_FILE));
    let mistakes = probe_file::parse(&text, "large.yaml").unwrap_err();
    assert_eq!(mistakes.list[0].expected, "expected at most 262144");
}

#[test]
fn every_language_code_is_known_to_whatlang() {
    for language in domain::language::LANGUAGES {
        assert!(whatlang::Lang::from_code(language.long_code).is_some(), "{}", language.code);
    }
    assert_eq!(whatlang::Lang::all().len(), domain::language::LANGUAGES.len());
}

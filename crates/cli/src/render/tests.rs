//! Tests of the rendered stack: refused probes, stable names, and a snapshot of the text.

use std::time::Duration;

use domain::alarm_note::Note;
use domain::probe::PerEnvironment;
use domain::{
    AlarmRule, AvailabilityObjective, Maintenance, Probe, ProbeSpec, Severity, TargetSpec,
};

use super::*;

pub(super) fn probe(name: &str, every_seconds: u64) -> ProbeSpec {
    let every = match every_seconds {
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    };
    let text = format!(
        "probe: {name}\nevery: {every}\ntimeout: 5s\ntarget: {{ url: \"https://chat.example.com\" }}\nconversation: [ {{ say: hello }} ]\n"
    );
    probe_file::parse(&text, "probe.yaml").unwrap()
}

pub(super) fn limited_to(environments: &[&str], probe: ProbeSpec) -> ProbeSpec {
    let environments = environments.iter().map(|name| name.parse().unwrap()).collect();
    Probe { environments: Some(environments), ..probe }
}

fn ruled(down: &str, degraded: &str, probe: ProbeSpec) -> ProbeSpec {
    let (down, degraded) = (down.parse().unwrap(), degraded.parse().unwrap());
    Probe {
        alarm: AlarmRule { down, degraded, severity: Severity::Page, locations: None },
        ..probe
    }
}

pub(super) fn window(cron: &str, minutes: u64, time_zone: &str) -> Maintenance {
    Maintenance {
        cron: cron.parse().unwrap(),
        length: Duration::from_secs(60 * minutes),
        time_zone: time_zone.parse().unwrap(),
    }
}

fn many(count: u32) -> Vec<ProbeSpec> {
    (0..count).map(|number| probe(&format!("bot-{number}"), 60)).collect()
}

fn only(probes: &[ProbeSpec]) -> String {
    let files = render(probes, &DeployedLocations::default(), Shards::ONE).unwrap();
    assert_eq!(files.len(), 1);
    files[0].text.clone()
}

#[test]
fn rendered_stack_matches_its_snapshot() {
    let labelled = Probe {
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        runbook: Some("https://wiki.example.com/\"bots\"".to_owned()),
        objective: AvailabilityObjective::from_percent(99.5),
        maintenance: vec![window("0 2 ? * SUN *", 60, "Europe/Paris")],
        ..ruled("3 of 4", "5 of 10", probe("support-bot", 300))
    };
    let probes = [
        probe("everywhere", 60),
        limited_to(&["local"], probe("demo", 10)),
        limited_to(&["prod", "staging"], labelled),
        Probe { enabled: false, ..probe("switched-off", 60) },
        limited_to(&[], probe("nowhere", 60)),
    ];
    insta::assert_snapshot!(only(&probes));
}

#[test]
fn maintenance_window_mutes_the_alarms_of_its_probe() {
    let windows =
        vec![window("30 22 * * *", 90, "UTC"), window("0 2 1 * ? *", 1_440, "Asia/Tokyo")];
    let text = only(&[probe("other", 60), Probe { maintenance: windows, ..probe("bot", 60) }]);
    let rules = text.split("\n  ").filter(|part| part.starts_with("BotMaintenance")).count();
    assert_eq!(rules, 2, "{text}");
    for line in [
        "  OnAws: !Equals [!Ref Platform, aws]",
        "    Condition: OnAws",
        "      Name: !Sub vigie-${Environment}-bot-maintenance-2",
        "          Expression: \"cron(0 2 1 * *)\"",
        "          Duration: PT1440M",
        "          Timezone: Asia/Tokyo",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let (_, rule) = text.split_once("  BotMaintenance1:").unwrap();
    let rule = rule.lines().skip(1).take_while(|line| line.starts_with("    "));
    let targets: Vec<&str> = rule.filter_map(|line| line.trim().strip_prefix("- !Ref ")).collect();
    assert_eq!(targets, ["BotDown", "BotDegraded", "BotCertificate21d", "BotCertificate3d"]);
}

#[test]
fn certificate_has_alarms_if_the_target_may_use_tls() {
    let at = |url: &str| {
        let target = TargetSpec::new(PerEnvironment::Same(url.parse().unwrap()));
        only(&[Probe { target, ..probe("bot", 60) }])
    };
    let count = |text: &str| text.matches("MetricName: CertificateDaysLeft").count();
    assert_eq!(count(&at("https://chat.example.com")), 2);
    assert_eq!(count(&at("${BOT_URL}")), 2, "the address is not known here");
    assert_eq!(count(&at("http://127.0.0.1:7860")), 0);
}

#[test]
fn objective_has_alarms_that_can_rise() {
    let parts = |percent: f64, every_seconds: u64| {
        let objective = AvailabilityObjective::from_percent(percent);
        let text = only(&[Probe { objective, ..probe("bot", every_seconds) }]);
        ["BudgetLong", "BudgetShort", "BudgetFast", "BudgetSlow"]
            .map(|part| usize::from(text.contains(&format!("\n  Bot{part}:\n"))))
    };
    assert_eq!(parts(99.5, 60), [1, 1, 1, 1]);
    assert_eq!(parts(99.5, 1_200), [1, 1, 1, 1], "three runs an hour");
    assert_eq!(parts(99.5, 1_260), [0, 0, 0, 1], "an hour has too few runs");
    assert_eq!(parts(90.0, 60), [0, 0, 0, 1], "14.4 times 10 % is over 100 %");
    assert_eq!(parts(60.0, 60), [0, 0, 0, 0]);
}

#[test]
fn stack_without_probes_has_a_resource() {
    let text = only(&[]);
    assert!(text.contains("AWS::CloudFormation::WaitConditionHandle"), "{text}");
    assert!(!text.contains("AWS::CloudWatch::Alarm"), "{text}");
    for part in 1..=4 {
        assert!(text.contains(&format!("  Alarms{part}:\n")), "the template reads part {part}");
    }
}

#[test]
fn order_of_files_does_not_change_the_stack() {
    let forth = [probe("a", 60), probe("b", 60), limited_to(&["dev"], probe("c", 60))];
    let mut back = forth.clone();
    back.reverse();
    assert_eq!(only(&forth), only(&back));
}

#[track_caller]
fn check(probe: &ProbeSpec, expected: Result<(), &str>) {
    let actual = render(std::slice::from_ref(probe), &DeployedLocations::default(), Shards::ONE);
    let actual = actual
        .map(drop)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    assert_eq!(actual, expected.map_err(str::to_owned));
}

#[test]
fn alarm_beyond_cloudwatch_limits_is_refused() {
    check(&ruled("2 of 3", "3 of 5", probe("daily", 86_400)), Ok(()));
    check(&ruled("7 of 7", "7 of 7", probe("week", 86_400)), Ok(()));
    check(&ruled("2 of 48", "3 of 48", probe("half-hourly", 1_800)), Ok(()));
    check(&ruled("2 of 8640", "1 of 1", probe("ten-seconds", 10)), Ok(()));
    check(
        &ruled("2 of 49", "1 of 1", probe("half-hourly", 1_800)),
        Err(
            "probe `half-hourly`: alarm `down: 2 of 49` with a period of 1800 s evaluates 88200 s; \
             CloudWatch allows at most 86400 s for a period below one hour\n\
             hint: use fewer periods or a shorter `every`",
        ),
    );
    check(
        &ruled("2 of 3", "3 of 8", probe("daily", 86_400)),
        Err(
            "probe `daily`: alarm `degraded: 3 of 8` with a period of 86400 s evaluates 691200 s; \
             CloudWatch allows at most 604800 s for a period of one hour or more\n\
             hint: use fewer periods or a shorter `every`",
        ),
    );
    check(
        &Probe { runbook: Some("x".repeat(1_024)), ..probe("wordy", 60) },
        Err("probe `wordy`: the alarm's description has 1179 characters; \
             CloudWatch allows 1024\nhint: shorten `labels` or `runbook`"),
    );
}

#[test]
fn two_probes_with_one_name_are_refused() {
    let errors =
        render(&[probe("bot", 60), probe("bot", 10)], &DeployedLocations::default(), Shards::ONE)
            .unwrap_err();
    assert_eq!(errors[0].to_string(), "probe `bot` is in two files; expected a unique name");
}

#[test]
fn too_many_resources_suggest_shards() {
    let one = DeployedLocations::default();
    assert!(render(&many(123), &one, Shards::ONE).is_ok());
    let errors = render(&many(125), &one, Shards::ONE).unwrap_err();
    let error = errors[0].to_string();
    assert!(
        error.starts_with("`alarms.yaml` has 506 resources; CloudFormation allows 500"),
        "{error}"
    );
    assert!(error.contains("--shards 4"), "{error}");
}

#[test]
fn new_probe_changes_one_shard() {
    let shards = Shards::new(16).unwrap();
    let mut probes = many(1_000);
    let before = render(&probes, &DeployedLocations::default(), shards).unwrap();
    probes.push(probe("newcomer", 60));
    let after = render(&probes, &DeployedLocations::default(), shards).unwrap();
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.text != after.text)
        .map(|(before, _)| before.name.as_str())
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(after.len(), 17, "the list and sixteen shards");
    let homes = after.iter().filter(|file| file.text.contains("-newcomer-down")).count();
    assert_eq!(homes, 1);
}

#[test]
fn thirty_two_shards_hold_3000_probes() {
    assert!(render(&many(3_000), &DeployedLocations::default(), Shards::new(32).unwrap()).is_ok());
}

#[test]
fn number_of_shards_is_recorded_in_the_file() {
    for count in [1, 4, 8, 16, 32] {
        let shards = Shards::new(count).unwrap();
        for file in render(&many(3), &DeployedLocations::default(), shards).unwrap() {
            assert_eq!(Shards::of_rendered(&file.text), Some(shards), "{}", file.name);
        }
    }
    assert_eq!(Shards::new(3), None);
    assert_eq!(Shards::of_rendered("Resources: {}\n"), None);
}

#[test]
fn logical_ids_are_unique() {
    let names =
        ["ab1", "ab-1", "a-b1", "a-b-1", "ab-1x", "1", "support-bot", "supportbot", "0-0", "00"];
    let ids: std::collections::BTreeSet<String> =
        names.iter().map(|name| alarm::logical_id(name, AlarmKind::Down)).collect();
    assert_eq!(ids.len(), names.len(), "{ids:?}");
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{ids:?}");
    assert_eq!(alarm::logical_id("support-bot", AlarmKind::Down), "SupportBotDown");
}

#[test]
fn similar_environments_have_different_conditions() {
    let probes = [limited_to(&["a-b"], probe("x", 60)), limited_to(&["a", "b"], probe("y", 60))];
    let text = only(&probes);
    assert!(text.contains("  InAB: !Equals [!Ref Environment, \"a-b\"]\n"), "{text}");
    assert!(text.contains("  InAOrB: !Or ["), "{text}");
}

#[test]
fn description_has_the_fields_for_routing() {
    let labelled = Probe {
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        runbook: Some("https://wiki.example.com".to_owned()),
        ..probe("bot", 60)
    };
    let text = only(&[labelled]);
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("AlarmDescription: "));
    let notes: Vec<Note> =
        lines.map(|line| Note::split(&serde_json::from_str::<String>(line).unwrap()).1).collect();
    let severities: Vec<_> = notes.iter().map(|note| note.severity).collect();
    let expected = [Severity::Page, Severity::Ticket, Severity::Ticket, Severity::Page];
    assert_eq!(severities, expected.map(Some), "down, degraded, and twice the certificate");
    assert!(notes.iter().all(|note| note.labels["team"] == "chat"));
    assert!(notes.iter().all(|note| note.runbook.as_deref() == Some("https://wiki.example.com")));
}

#[test]
fn check_lists_changes_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("alarms-07.yaml"), "old shard").unwrap();
    std::fs::write(file("alarms-mine.yaml"), "another file").unwrap();
    let files = render(&many(2), &DeployedLocations::default(), Shards::ONE).unwrap();
    let apply = |check| {
        let mut out = Vec::new();
        let up_to_date = apply(&files, folder.path(), check, &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        (up_to_date, said.replace(&folder.path().display().to_string(), "infra"))
    };

    let differs = "not needed: infra/alarms-07.yaml\n\
                   out of date: infra/alarms.yaml\n";
    assert_eq!(apply(true), (false, differs.to_owned()));
    assert!(!file("alarms.yaml").exists(), "--check writes nothing");

    let changed = "removed infra/alarms-07.yaml\nwrote infra/alarms.yaml\n";
    assert_eq!(apply(false), (false, changed.to_owned()));
    assert_eq!(apply(true), (true, String::new()));
    assert!(file("alarms-mine.yaml").exists(), "other files are kept");
}

#[test]
fn committed_alarms_match_the_probe_files() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root.join("probes")).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
    }
    let probes = probe_file::parse_all(files.iter().map(|(name, text)| (&**name, &**text)));
    let probes = probes.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let infra = root.join("infra");
    let committed = std::fs::read_to_string(infra.join(ALARMS_FILE)).unwrap();
    let rendered =
        render(&probes, &DeployedLocations::default(), Shards::of_rendered(&committed).unwrap())
            .unwrap();

    let mut said = Vec::new();
    let up_to_date = apply(&rendered, &infra, true, &mut said).unwrap();
    assert!(up_to_date, "run `vigie render`: {}", String::from_utf8_lossy(&said));
}

//! The values of the panels, evaluated by `promtool test rules` with the rules of infra/observability.

use std::fs;
use std::process::Command;

use domain::metrics::PUBLISHED;
use serde_json::{Value, json};
use testkit::dashboards::{expressions, root};

use crate::runbook::tools_are_missing;

/// A series and its samples, in promtool's notation.
type Series = (String, &'static str);

/// At this time each expression has this value (the sum of its series), rounded to three decimals.
#[track_caller]
fn check(every: &str, stored: &[Series], at: &str, wanted: &[(String, f64)]) {
    let series = stored.iter().map(|(name, values)| json!({ "series": name, "values": values }));
    let asked = wanted.iter().map(|(promql, value)| {
        json!({
            "expr": format!("round(1000 * sum({promql}))"),
            "eval_time": at,
            "exp_samples": [{ "labels": "{}", "value": (1_000.0 * value).round() }],
        })
    });
    let test = json!({
        "rule_files": [root().join("infra/observability/rules/probes.yml")],
        // Less than five minutes, after which Prometheus does not return a recorded value.
        "evaluation_interval": "4m",
        "tests": [{
            "interval": every,
            "input_series": series.collect::<Vec<Value>>(),
            "promql_expr_test": asked.collect::<Vec<Value>>(),
        }],
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("panels.test.yml");
    // JSON is YAML too.
    fs::write(&file, test.to_string()).expect("a file");
    let mut promtool = Command::new("promtool");
    let output = promtool.args(["test", "rules"]).arg(&file).output().expect("promtool runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The expressions of the panels with this title, of one of their queries.
#[track_caller]
fn of_panel(file: &str, title: &str, query: &str) -> Vec<String> {
    let place = format!("panel `{title}`, query {query}");
    let found = expressions().into_iter().filter(|one| one.file == file && one.place == place);
    let found: Vec<String> = found.map(|one| one.promql).collect();
    assert!(!found.is_empty(), "{file}: no {place}");
    found
}

/// A series of a probe `bot` in prod.
fn of_bot(name: &str, more: &str) -> String {
    format!(r#"{name}{{probe="bot", environment="prod", {more}}}"#)
}

const FLEET: &str = "vigie-fleet.json";
const PROBE: &str = "vigie-probe.json";

#[test]
fn daily_probe_has_values_between_its_runs() {
    if tools_are_missing() {
        return;
    }
    let labels = |published: &domain::metrics::Published| {
        let own = published.labels.iter().map(|label| match *label {
            "phase" => r#", phase="queue""#,
            "turn" => r#", turn="1""#,
            "quantile" => r#", quantile="0.5""#,
            "reason" => r#", reason="dns""#,
            other => panic!("`{other}` is new here"),
        });
        format!(r#"location="paris"{}"#, own.collect::<String>())
    };
    // Two runs, a day apart; every value is 1.
    let stored = PUBLISHED.iter().map(|one| (of_bot(one.name, &labels(one)), "1 _x23 1"));
    let stored: Vec<Series> = stored.collect();
    let asked = expressions().into_iter().filter(|one| one.file == FLEET || one.file == PROBE);
    // A count of failures per interval has no value between two runs, and the metrics of the app are scraped
    // independently of the interval of the probe.
    let asked = asked.filter(|one| !one.promql.contains("[1m]"));
    let asked = asked.filter(|one| !one.promql.contains("chatbot_"));
    let shown: Vec<(String, f64)> =
        asked.map(|one| (format!("count({}) > bool 0", one.promql), 1.0)).collect();
    assert!(shown.len() > 30, "{}", shown.len());
    // 23 hours after the second one.
    check("1h", &stored, "47h", &shown);
    let age = of_panel(FLEET, "Newest result", "A").remove(0);
    check("1h", &stored, "47h", &[(format!("round(({age}) / 3600)"), 23.0)]);
}

#[test]
fn removed_fast_probe_is_not_shown_for_two_days() {
    if tools_are_missing() {
        return;
    }
    let stored = [
        (of_bot("probe_success", r#"location="paris""#), "0x60 stale"),
        (of_bot("probe_degraded", r#"location="paris""#), "0x60 stale"),
    ];
    let down = of_panel(FLEET, "Down", "A").remove(0);
    check("1m", &stored, "65m", &[(down.clone(), 1.0)]);
    check("1m", &stored, "3h", &[(format!("count({down}) or vector(0)"), 0.0)]);
}

#[test]
fn availability_counts_runs_and_not_addresses() {
    if tools_are_missing() {
        return;
    }
    // A thousand good runs, then ten bad ones under another address.
    let stored = [
        (of_bot("probe_success", r#"location="paris", instance="old:443""#), "1x999 stale"),
        (of_bot("probe_success", r#"location="paris", instance="new:443""#), "_x1000 0x9"),
    ];
    let share = 1_000.0 / 1_010.0;
    let mut wanted = vec![
        (of_panel(FLEET, "Probes", "D").remove(0), share),
        (of_panel(FLEET, "Probes", "E").remove(0), 1.0 - (1.0 - share) / 0.005),
        (of_panel(PROBE, "Budget left, 30 d", "A").remove(0), 1.0 - (1.0 - share) / 0.005),
    ];
    for window in ["24h", "30d"] {
        let title = format!("Availability, {window}");
        wanted.push((of_panel(PROBE, &title, "A").remove(0), share));
    }
    check("1m", &stored, "1015m", &wanted);
}

#[test]
fn budget_is_that_of_the_objective_in_the_probe_file() {
    if tools_are_missing() {
        return;
    }
    let own = r#"location="paris", instance="chat:443""#;
    let stored = [
        (of_bot("probe_success", own), "1x989 0x9"),
        (of_bot("probe_objective_ratio", own), "0.95x999"),
    ];
    let left = 1.0 - 0.01 / 0.05;
    let wanted = [
        (FLEET, "Probes", "E"),
        (FLEET, "Error budget left, 30 d", "A"),
        (PROBE, "Budget left, 30 d", "A"),
    ]
    .map(|(file, title, query)| (of_panel(file, title, query).remove(0), left));
    check("1m", &stored, "1015m", &wanted);
}

#[test]
fn state_is_the_worst_of_all_locations_and_addresses() {
    if tools_are_missing() {
        return;
    }
    let state = |location: &str, success, degraded| {
        let more = format!(r#"location="{location}", instance="chat:443""#);
        [(of_bot("probe_success", &more), success), (of_bot("probe_degraded", &more), degraded)]
    };
    let of = |file| of_panel(file, "State", "A");
    let (number, timeline) = (of(PROBE)[0].clone(), of(PROBE)[1].clone());
    // One up, one degraded.
    let stored = [state("paris", "1x10", "0x10"), state("dublin", "1x10", "1x10")].concat();
    let wanted = [(number.clone(), 1.0), (timeline, 1.0), (of(FLEET).remove(0), 1.0)];
    check("1m", &stored, "10m", &wanted);
    let degraded = of_panel(FLEET, "Degraded", "A").remove(0);
    check("1m", &stored, "10m", &[(degraded, 1.0)]);
    // Up at the address that it had, down at the new one.
    let mut stored = state("paris", "1x4 stale", "0x4 stale").to_vec();
    let moved = r#"location="paris", instance="moved:443""#;
    stored.push((of_bot("probe_success", moved), "_x5 0x5"));
    stored.push((of_bot("probe_degraded", moved), "_x5 0x5"));
    let down = of_panel(FLEET, "Down", "A").remove(0);
    check("1m", &stored, "10m", &[(of(FLEET).remove(0), 2.0), (number, 2.0), (down, 1.0)]);
}

#[test]
fn app_metrics_are_those_of_the_probed_instance() {
    if tools_are_missing() {
        return;
    }
    let app = |part: &str, instance: &str, values| {
        let name = format!("chatbot_request_duration_seconds_{part}");
        (format!(r#"{name}{{job="gradio_chatbot", instance="{instance}"}}"#), values)
    };
    let stored = [
        (of_bot("probe_success", r#"location="paris", instance="chat:443""#), "1x40"),
        app("sum", "chat:443", "0+0.5x40"),
        app("count", "chat:443", "0+1x40"),
        app("sum", "other:443", "0+9x40"),
        app("count", "other:443", "0+1x40"),
    ];
    let own = of_panel(PROBE, "App metrics and probe results", "A").remove(0);
    check("15s", &stored, "10m", &[(own, 0.5)]);
}

//! Dashboards and rules agree with what Vigie publishes. `runbook` runs
//! infra/observability/check.sh, which validates the files with promtool and amtool.

mod alertmanager;
mod exchange;
mod panels;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use domain::metrics::{COMMON_LABELS, PUBLISHED};
use serde::Deserialize;
use serde_json::Value;
use testkit::dashboards::{
    Expression, Kind, dashboards, expressions, files, panels, root, rule_files, searches, yaml,
};
use testkit::runbook::{Heading, Runbook};

/// The metrics of examples/gradio-metrics; a test below compares them with the module.
const SERVED_BY_THE_APP: &[&str] = &[
    "chatbot_requests_total",
    "chatbot_request_duration_seconds",
    "chatbot_first_chunk_seconds",
    "chatbot_requests_in_progress",
    "chatbot_queue_size",
];

/// A histogram's series are named after it.
fn family(name: &str) -> &str {
    let of = |suffix| name.strip_suffix(suffix).filter(|base| SERVED_BY_THE_APP.contains(base));
    of("_bucket").or_else(|| of("_sum")).or_else(|| of("_count")).unwrap_or(name)
}

#[test]
fn expressions_query_existing_series() {
    let all = expressions();
    let recorded: BTreeSet<String> = rule_files()
        .into_iter()
        .flat_map(|(_, file)| file.groups)
        .flat_map(|group| group.rules)
        .filter_map(|rule| rule.record)
        .collect();
    let known = |name: &str| {
        PUBLISHED.iter().any(|published| published.name == name)
            || recorded.contains(name)
            || SERVED_BY_THE_APP.contains(&family(name))
    };
    for expression in &all {
        let metrics = expression.metrics();
        let constant = expression.promql.starts_with("vector(");
        assert!(constant || !metrics.is_empty(), "{} {}", expression.file, expression.place);
        for name in metrics {
            let Expression { file, place, promql, .. } = expression;
            assert!(known(&name), "{file}, {place}: `{name}` is not published; in `{promql}`");
        }
    }
    let of = |kind| all.iter().filter(|expression| expression.kind == kind).count();
    assert!(of(Kind::Instant) > 10 && of(Kind::Range) > 10 && of(Kind::Alert) > 5);
}

#[test]
fn every_published_series_is_queried() {
    let shown: BTreeSet<String> = expressions().iter().flat_map(Expression::metrics).collect();
    for published in PUBLISHED {
        assert!(shown.contains(published.name), "no panel and no rule uses `{}`", published.name);
    }
}

#[test]
fn matchers_use_labels_of_their_series() {
    for expression in expressions() {
        for selector in expression.selectors() {
            let Some((name, matchers)) = selector.split_once('{') else { continue };
            let own = PUBLISHED.iter().find(|published| published.name == name);
            let allowed = |label: &str| {
                COMMON_LABELS.contains(&label)
                    || own.is_some_and(|published| published.labels.contains(&label))
                    || (own.is_none() && label == "outcome")
            };
            for matcher in matchers.trim_end_matches('}').split(", ") {
                let label = matcher.split(['=', '!']).next().unwrap_or_default();
                assert!(allowed(label), "{} {}: {selector}", expression.file, expression.place);
            }
        }
    }
}

#[test]
fn panels_are_described_and_grey_without_data() {
    for (file, dashboard) in dashboards() {
        assert_ne!(dashboard["uid"], Value::Null, "{file}");
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap_or("?");
            let defaults = &panel["fieldConfig"]["defaults"];
            let says = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            assert!(says(&panel["description"]), "{file}, `{title}`: no description");
            assert!(says(&defaults["noValue"]), "{file}, `{title}`: no text without data");
            if panel["type"] != "table" {
                assert!(says(&defaults["unit"]), "{file}, `{title}`: no unit");
            }
            assert_grey_without_data(&file, title, &defaults["mappings"]);
            // In a table each column may have its own thresholds.
            for column in panel["fieldConfig"]["overrides"].as_array().into_iter().flatten() {
                let properties = column["properties"].as_array().expect("a list");
                let property = |id: &str| properties.iter().find(|property| property["id"] == id);
                if property("thresholds").is_some() {
                    let mappings = property("mappings").expect("mappings beside thresholds");
                    assert_grey_without_data(&file, title, &mappings["value"]);
                }
            }
            ids.insert(panel["gridPos"].to_string());
        }
        assert_eq!(ids.len(), panels(&dashboard).count(), "{file}: two panels in one place");
    }
}

#[track_caller]
fn assert_grey_without_data(file: &str, title: &str, mappings: &Value) {
    let nothing =
        mappings.as_array().into_iter().flatten().find(|mapping| {
            mapping["type"] == "special" && mapping["options"]["match"] == "null+nan"
        });
    let colour = nothing.map(|mapping| &mapping["options"]["result"]["color"]);
    assert_eq!(colour, Some(&Value::from("text")), "{file}, `{title}`");
}

#[test]
fn gauges_are_queried_over_a_window() {
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let Some(expr) = target["expr"].as_str() else { continue };
                // The panel of the runbook has the runbook's expression, so it shows the gaps.
                if expr.starts_with("up{") && file == "vigie-runbook.json" {
                    continue;
                }
                for published in PUBLISHED {
                    let name = published.name;
                    for (at, _) in expr.match_indices(&format!("{name}{{")) {
                        let windowed = [
                            "_over_time(",
                            "_over_time(0.5, ",
                            "_over_time(0.95, ",
                            // The age of the newest sample; an `or` with a window follows.
                            "max(timestamp(",
                        ];
                        let before = &expr[..at];
                        assert!(
                            windowed.iter().any(|call| before.ends_with(call)),
                            "{file}: `{expr}`"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn fleet_links_to_one_probe_and_keeps_the_variables() {
    let boards = dashboards();
    let board = |file: &str| &boards.iter().find(|(name, _)| name == file).expect(file).1;
    let variables = &board("vigie-probe.json")["templating"]["list"];
    let names: Vec<&str> =
        variables.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    let at = |name: &str| &variables[names.iter().position(|one| *one == name).expect(name)];
    // Two environments would be averaged, and their lines have the same name.
    assert_eq!(
        (&at("environment")["multi"], &at("probe")["multi"]),
        (&false.into(), &false.into())
    );
    let fleet = board("vigie-fleet.json").to_string();
    let (_, link) = fleet.split_once("/d/vigie-probe?").expect("a link");
    let (link, _) = link.split_once('"').expect("its end");
    for name in ["probe", "environment", "location"] {
        assert!(link.contains(&format!("var-{name}=${{__data.fields.{name}}}")), "{name}: {link}");
    }
    for name in ["datasource", "lookback", "objective"] {
        assert!(
            names.contains(&name) && link.contains(&format!("${{{name}:queryparam}}")),
            "{link}"
        );
    }
}

#[test]
fn every_alert_is_in_the_runbook() {
    let anchors: BTreeSet<String> =
        Runbook::read("docs/runbook.md").headings.iter().map(Heading::anchor).collect();
    for (file, rules) in rule_files() {
        for rule in rules.groups.into_iter().flat_map(|group| group.rules) {
            let Some(alert) = rule.alert else { continue };
            let severity = rule.labels.get("severity").map(String::as_str);
            assert!(matches!(severity, Some("page" | "ticket" | "none")), "{file}: {alert}");
            for annotation in ["summary", "description"] {
                assert!(rule.annotations.contains_key(annotation), "{file}: {alert}: {annotation}");
            }
            let url = rule.annotations.get("runbook_url").expect("every alert has a runbook_url");
            let (page, anchor) = url.split_once('#').expect("it names a section");
            assert!(page.ends_with("/docs/runbook.md"), "{alert}: {url}");
            assert_eq!(anchor, alert.to_lowercase());
            assert!(anchors.contains(anchor), "{alert}: the runbook has no section `{anchor}`");
        }
    }
}

/// A file for `promtool test rules`.
#[derive(Deserialize)]
struct RuleTests {
    tests: Vec<RuleTest>,
}
#[derive(Deserialize)]
struct RuleTest {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}
#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<Value>,
}

#[test]
fn every_alert_is_tested_firing_and_not_firing() {
    let mut seen: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for path in files("infra/observability/rules/tests", ".test.yml") {
        for case in yaml::<RuleTests>(&path).tests.into_iter().flat_map(|test| test.alert_rule_test)
        {
            let (fires, rests) = seen.entry(case.alertname).or_default();
            *fires |= !case.exp_alerts.is_empty();
            *rests |= case.exp_alerts.is_empty();
        }
    }
    for (file, rules) in rule_files() {
        for alert in
            rules.groups.into_iter().flat_map(|group| group.rules).filter_map(|rule| rule.alert)
        {
            let (fires, rests) = seen.get(&alert).copied().unwrap_or_default();
            assert!(fires, "{file}: no test in which `{alert}` fires");
            // The watchdog always fires.
            assert!(rests || alert == "Watchdog", "{file}: no test in which `{alert}` is quiet");
        }
    }
}

#[test]
fn example_module_serves_the_metrics_of_the_panels() {
    let module =
        std::fs::read_to_string(root().join("examples/gradio-metrics/gradio_metrics.py")).unwrap();
    for name in SERVED_BY_THE_APP {
        // prometheus_client appends `_total` to the name of a counter.
        let declared = format!("\"{}\"", name.trim_end_matches("_total"));
        assert!(module.contains(&declared), "examples/gradio-metrics does not declare {declared}");
    }
}

#[test]
fn grafana_has_no_default_password() {
    let compose: Value = yaml(&root().join("infra/observability/compose.yaml"));
    let environment = &compose["services"]["grafana"]["environment"];
    let password = environment["GF_SECURITY_ADMIN_PASSWORD"].as_str().unwrap();
    assert!(password.starts_with("${GRAFANA_ADMIN_PASSWORD:?"), "{password}");
    for (service, settings) in compose["services"].as_object().unwrap() {
        let image = settings["image"].as_str().unwrap();
        let (_, tag) = image.split_once(':').expect("an image with a version");
        assert!(tag.contains('.') && !tag.contains("latest"), "{service}: {image} is not pinned");
        for port in settings["ports"].as_array().unwrap() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{service}: {port}");
        }
    }
}

/// The release publishes the image under this name; `docker load` gives it the same one.
#[test]
fn compose_uses_the_image_of_the_command() {
    let compose: Value = yaml(&root().join("infra/observability/compose.yaml"));
    let image = concat!("${VIGIE_IMAGE:-vigie:", env!("CARGO_PKG_VERSION"), "}");
    assert_eq!(compose["services"]["vigie"]["image"], image);
}

#[test]
fn cloudwatch_searches_use_names_from_the_template() {
    // CloudWatch matches a quoted term with the whole value, and a term with a hyphen must be quoted.
    let template = fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let mut names = BTreeSet::new();
    for (file, search) in searches() {
        for part in search.split(['(', ' ', ')']).filter(|part| part.contains("vigie-")) {
            let (_, name) =
                part.split_once("=\"vigie-local-").expect("DIMENSION=\"vigie-ENV-NAME\"");
            let name = name.trim_end_matches('"');
            let given = format!("Name: !Sub \"vigie-${{Environment}}-{name}\"");
            assert!(template.contains(&given), "{file}: no resource is named `{name}`");
            names.insert(name.to_owned());
        }
    }
    assert!(names.len() > 10, "{names:?}");
}

//! The CloudWatch dashboard: it shows every alarm and every probe, and its widgets do not overlap.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::template::CloudFormation;

const PROBE_ALARMS: [&str; 4] =
    ["${ProbeAlarms1}", "${ProbeAlarms2}", "${ProbeAlarms3}", "${ProbeAlarms4}"];

/// The body of the dashboard and the variables in it.
fn body(template: &CloudFormation) -> (String, BTreeMap<String, Value>) {
    let body = &template.resource("Dashboard").get("/DashboardBody")["Fn::Sub"];
    let variables = body[1].as_object().expect("the variables").clone();
    (body[0].as_str().expect("a text").to_owned(), variables.into_iter().collect())
}

/// The dashboard as JSON, with every conditional part included.
fn dashboard() -> Value {
    let (mut text, variables) = body(&CloudFormation::load("dashboard.yaml"));
    for (name, value) in variables {
        let part = &value["Fn::If"][1]["Fn::Sub"];
        let Some(part) = part.as_str().or(part[0].as_str()) else { continue };
        text = text.replace(&format!("${{{name}}}"), part);
    }
    for part in PROBE_ALARMS {
        text = text.replace(part, r#", "of a probe""#);
    }
    serde_json::from_str(&text).expect("JSON")
}

/// The alarm names of the self-monitoring stack as the dashboard writes them, with their conditions.
fn alarms() -> BTreeMap<String, Value> {
    let stack = CloudFormation::load("self-monitoring.yaml");
    let alarms = stack.of_type("AWS::CloudWatch::Alarm").map(|alarm| {
        let name = alarm.get("/AlarmName")["Fn::Sub"].as_str().expect("a name");
        let name = name.replace("vigie-${Environment}", "${Alarm}");
        (name, alarm.attribute("Condition").clone())
    });
    alarms.collect()
}

#[test]
fn dashboard_shows_every_alarm() {
    let dashboard = dashboard();
    let widgets = dashboard["widgets"].as_array().unwrap().iter();
    let shown: Vec<BTreeSet<&str>> = widgets
        .filter(|widget| widget["type"] == "alarm")
        .filter_map(|widget| widget["properties"]["alarms"].as_array())
        .map(|alarms| alarms.iter().filter_map(Value::as_str).collect())
        .collect();
    assert_eq!(shown[0], ["${Alarm}-dispatcher-silent", "of a probe"].into());
    assert_eq!(shown[1], alarms().keys().map(String::as_str).collect());
}

#[test]
fn dashboard_lists_conditional_alarms_conditionally() {
    let (text, variables) = body(&CloudFormation::load("dashboard.yaml"));
    for (alarm, condition) in alarms() {
        let quoted = format!("\"{alarm}\"");
        let part = variables.values().map(|value| &value["Fn::If"]).find(|part| {
            part[1]["Fn::Sub"][0].as_str().is_some_and(|listed| listed.contains(&quoted))
        });
        assert_eq!(part.map_or(&Value::Null, |part| &part[0]), &condition, "{alarm}");
        assert_eq!(text.contains(&quoted), condition.is_null(), "{alarm}");
    }
}

#[test]
fn dashboard_finds_probes_by_search() {
    let dashboard = dashboard();
    let widgets = dashboard["widgets"].as_array().unwrap();
    let expressions: Vec<&str> = widgets
        .iter()
        .filter_map(|widget| widget["properties"]["metrics"].as_array())
        .flatten()
        .filter_map(|metric| metric[0]["expression"].as_str())
        .collect();
    for metric in ["Success", "Degraded", "TimeToFirstChunk", "Duration", "Failure"] {
        let searched = format!("MetricName=\"{metric}\"");
        assert!(
            expressions.iter().any(|one| one.contains("SEARCH(") && one.contains(&searched)),
            "{metric}"
        );
    }
    for metric in ["Success", "TimeToFirstChunk"] {
        let searched = format!("{{Vigie,Environment,Probe,Location}} MetricName=\"{metric}\"");
        assert!(expressions.iter().any(|one| one.contains(&searched)), "{metric} by location");
    }
    // A quoted term matches the whole value, so a part of a name has no match.
    assert!(expressions.iter().all(|one| !one.contains("vigie-")), "{expressions:?}");
}

#[test]
fn widgets_do_not_overlap() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for widget in dashboard["widgets"].as_array().unwrap() {
        let at = |key: &str| widget[key].as_u64().unwrap();
        for x in at("x")..at("x") + at("width") {
            for y in at("y")..at("y") + at("height") {
                assert!(x < 24 && taken.insert((x, y)), "{}", widget["properties"]["title"]);
            }
        }
    }
}

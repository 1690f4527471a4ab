//! The dashboard of `infra/template.yaml`: every alarm, every probe, and nothing on top of anything else.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::template::CloudFormation;

fn template() -> CloudFormation {
    CloudFormation::load("template.yaml")
}

/// The dashboard's body. What stands for the alarms of probes is one of them; what is there only under a
/// condition is there.
fn dashboard(template: &CloudFormation) -> Value {
    let body = &template.resource("Dashboard").get("/DashboardBody")["Fn::Sub"];
    let parts = body[1].as_object().expect("the parts of the text");
    let text =
        parts.iter().fold(body[0].as_str().expect("a text").to_owned(), |text, (name, value)| {
            let there = value["Fn::If"][1]["Fn::Sub"].as_str().unwrap_or(r#", "of a probe""#);
            text.replace(&format!("${{{name}}}"), there)
        });
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_dashboard_shows_every_alarm() {
    let template = template();
    let dashboard = dashboard(&template);
    let widgets = dashboard["widgets"].as_array().unwrap().iter();
    let shown: Vec<BTreeSet<&str>> = widgets
        .filter(|widget| widget["type"] == "alarm")
        .filter_map(|widget| widget["properties"]["alarms"].as_array())
        .map(|alarms| alarms.iter().filter_map(Value::as_str).collect())
        .collect();
    assert_eq!(shown[0], ["${DispatcherSilent.Arn}", "of a probe"].into());
    let own: Vec<String> = template
        .of_type("AWS::CloudWatch::Alarm")
        .map(|alarm| format!("${{{}.Arn}}", alarm.id))
        .collect();
    assert_eq!(shown[1], own.iter().map(String::as_str).collect());
}

#[test]
fn the_dashboard_names_an_alarm_only_where_there_is_one() {
    let template = template();
    let body = &template.resource("Dashboard").get("/DashboardBody")["Fn::Sub"];
    let shown_if = |alarm: &str| {
        let named = format!("${{{alarm}.Arn}}");
        let parts = body[1].as_object().unwrap().values().map(|value| &value["Fn::If"]);
        let under = |part: &&Value| part[1]["Fn::Sub"].as_str().is_some_and(|t| t.contains(&named));
        parts.filter(under).map(|part| part[0].clone()).next().unwrap_or(Value::Null)
    };
    for alarm in template.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(shown_if(alarm.id), *alarm.attribute("Condition"), "{}", alarm.id);
    }
}

#[test]
fn the_dashboard_is_json_and_finds_new_probes_by_itself() {
    let template = template();
    let dashboard = dashboard(&template);
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
    // Quotes ask for the whole value: a part of a name would find nothing.
    assert!(expressions.iter().all(|one| !one.contains("vigie-")), "{expressions:?}");
    // A grid of 24 columns, nothing on top of anything else.
    let mut taken = BTreeSet::new();
    for widget in widgets {
        let at = |key: &str| widget[key].as_u64().unwrap();
        for x in at("x")..at("x") + at("width") {
            for y in at("y")..at("y") + at("height") {
                assert!(x < 24 && taken.insert((x, y)), "{}", widget["properties"]["title"]);
            }
        }
    }
}

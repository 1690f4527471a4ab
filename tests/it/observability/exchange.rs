//! The dashboards can be imported from a file and from grafana.com, and provisioned from the same file.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::dashboards::{dashboards, panels, root, yaml};

/// The `id` of each entry of `__requires` with this type.
fn required<'a>(dashboard: &'a Value, kind: &str) -> BTreeSet<&'a str> {
    let entries = dashboard["__requires"].as_array().into_iter().flatten();
    let entries = entries.filter(|entry| entry["type"] == kind);
    entries.filter_map(|entry| entry["id"].as_str()).collect()
}

fn source_variable(dashboard: &Value) -> &Value {
    let variables = dashboard["templating"]["list"].as_array().into_iter().flatten();
    let mut sources = variables.filter(|variable| variable["type"] == "datasource");
    sources.next().expect("a variable for the data source")
}

#[test]
fn dashboards_require_the_panels_they_use() {
    for (file, dashboard) in dashboards() {
        let used: BTreeSet<&str> =
            panels(&dashboard).filter_map(|panel| panel["type"].as_str()).collect();
        assert_eq!(required(&dashboard, "panel"), used, "{file}");
        assert_eq!(required(&dashboard, "grafana"), ["grafana"].into(), "{file}");
        let source = source_variable(&dashboard)["query"].as_str().expect("a type");
        assert_eq!(required(&dashboard, "datasource"), [source].into(), "{file}");
    }
}

#[test]
fn import_asks_for_the_data_source() {
    for (file, dashboard) in dashboards() {
        let inputs = dashboard["__inputs"].as_array().expect("a list");
        assert_eq!(inputs.len(), 1, "{file}");
        let variable = source_variable(&dashboard);
        assert_eq!(inputs[0]["type"], "datasource", "{file}");
        assert_eq!(inputs[0]["pluginId"], variable["query"], "{file}");
        let placeholder = format!("${{{}}}", inputs[0]["name"].as_str().expect("a name"));
        assert_eq!(variable["current"]["value"], placeholder, "{file}");
    }
}

/// Provisioning replaces no input. Grafana then selects the data source whose name is the text of the variable.
#[test]
fn provisioned_sources_have_the_name_of_the_variable() {
    let file = "infra/observability/grafana/provisioning/datasources/vigie.yml";
    let provisioned: Value = yaml(&root().join(file));
    let sources = provisioned["datasources"].as_array().expect("a list");
    for (file, dashboard) in dashboards() {
        let variable = source_variable(&dashboard);
        let wanted = (&variable["query"], &variable["current"]["text"]);
        let found = sources.iter().any(|source| (&source["type"], &source["name"]) == wanted);
        assert!(found, "{file}: no provisioned data source is {wanted:?}");
    }
}

//! The pages of `docs/reference/` are generated from their sources, and are up to date.
//!
//! `UPDATE=1 cargo nextest run -p testkit reference` writes them.

use std::fs;

use testkit::dashboards::root;

mod alarms;
mod metrics;
mod parameters;
mod probe_file;
mod settings;

#[track_caller]
fn check(page: &str, title: &str, source: &str, body: &str) {
    let text = format!(
        "<!-- Generated from {source}: UPDATE=1 cargo nextest run -p testkit reference -->\n\n# {title}\n\n{body}"
    );
    let path = root().join("docs/reference").join(page);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).expect("the page is written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "docs/reference/{page} is out of date; run: UPDATE=1 cargo nextest run -p testkit reference"
    );
}

#[test]
fn reference_of_the_probe_file_is_up_to_date() {
    let body = probe_file::page();
    check("probe-file.md", "Probe file", "crates/probe-file/src/keys.rs", &body);
}

#[test]
fn reference_of_parameters_is_up_to_date() {
    check("parameters.md", "Template parameters", "infra/template.yaml", &parameters::page());
}

#[test]
fn reference_of_metrics_is_up_to_date() {
    check("metrics.md", "Metrics and series", metrics::SOURCE, &metrics::page());
}

#[test]
fn reference_of_alarms_is_up_to_date() {
    let source = "crates/domain/src/alarm.rs and infra/self-monitoring.yaml";
    check("alarms.md", "Alarms", source, &alarms::page());
}

#[test]
fn reference_of_settings_is_up_to_date() {
    let source = "infra/template.yaml and functions/*/src/config.rs";
    check("settings.md", "Function settings", source, &settings::page());
}

/// The entry for the catalog of `SchemaStore`, `src/api/json/catalog.json`, ready to submit after the first release.
#[test]
fn schemastore_entry_names_the_published_schema() {
    let text = fs::read_to_string(root().join("docs/schemastore.json")).expect("the entry");
    let entry: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(entry["url"], ::probe_file::schema()["$id"]);
    for key in ["name", "description", "fileMatch", "url"] {
        assert!(entry.get(key).is_some(), "no `{key}`");
    }
    for pattern in entry["fileMatch"].as_array().expect("a list") {
        let pattern = pattern.as_str().expect("a pattern");
        // SchemaStore rejects patterns that match files of other tools.
        assert!(pattern.contains("vigie"), "{pattern}");
    }
}

/// Text as a cell of a table.
fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}

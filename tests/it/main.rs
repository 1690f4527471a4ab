//! Tests of the files of the repository: templates, dashboards, rules, documentation, dependencies.

mod browser_cases;
mod default_rule;
mod dependencies;
mod deploy_policy;
mod language;
mod module_imports;
mod observability;
mod reference;
mod repository;
mod runbook;
mod template;
mod template_access;
mod template_alarms;
mod template_dashboard;
mod template_edges;
mod template_location;
mod template_self_monitoring;

/// The first of these commands that is not on PATH.
fn missing_tool(names: &[&'static str]) -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    names.iter().copied().find(|name| !found(name))
}

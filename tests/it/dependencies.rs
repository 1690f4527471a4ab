//! Dependencies between the packages: `functions, cli → adapters → domain`. No package depends on its callers.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use testkit::dashboards::root;

/// The packages of the workspace that each crate may depend on. A crate that is not listed may depend on none.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("alarm-model", &[]),
    ("aws-call", &[]),
    ("cloudwatch", &["domain"]),
    ("conversation", &["domain", "gradio", "redact"]),
    ("deploy", &["aws-call", "domain"]),
    ("domain", &["relabel"]),
    ("exposition", &[]),
    ("gradio", &["redact"]),
    ("harness", &["alarm-model", "aws-call", "deploy"]),
    ("history", &["domain", "run-record"]),
    ("lambda-kit", &["domain"]),
    ("notification-store", &["domain", "notify"]),
    ("notify", &["domain", "redact"]),
    ("probe-file", &["domain", "redact", "relabel"]),
    ("receivers", &["domain", "notify", "redact"]),
    ("redact", &[]),
    ("relabel", &[]),
    ("remote-write", &["redact", "samples"]),
    ("report-page", &["domain", "redact"]),
    ("request-signing", &[]),
    (
        "run-executor",
        &[
            "cloudwatch",
            "conversation",
            "domain",
            "exposition",
            "relabel",
            "report-page",
            "request-signing",
            "run-record",
            "run-table",
            "samples",
            "scrape",
            "secrets",
            "sqs-batch",
        ],
    ),
    ("run-record", &["domain"]),
    ("run-table", &["domain", "run-record"]),
    ("samples", &[]),
    ("scrape", &["exposition", "relabel", "samples"]),
    ("scrape-engine", &["domain", "remote-write", "samples", "scrape"]),
    ("secrets", &["aws-call", "domain"]),
    ("sqs-batch", &[]),
    ("status-page", &["domain", "redact", "report-page", "run-record"]),
    (
        "status-site",
        &[
            "domain",
            "notification-store",
            "notify",
            "report-page",
            "run-record",
            "run-table",
            "status-page",
        ],
    ),
    ("testkit", &["domain", "samples"]),
];

/// Programs: they may depend on every crate except the named ones, and no package depends on them.
const TOP: &[(&str, &[&str])] = &[
    ("alerts", &["alarm-model"]),
    ("bench-programs", &[]),
    ("benches", &[]),
    ("bridge", &["alarm-model"]),
    ("browser", &[]),
    ("cli", &["lambda-kit"]),
    ("dispatcher", &["alarm-model"]),
    ("e2e", &[]),
    ("ingest", &["alarm-model"]),
    ("prober", &["alarm-model"]),
    ("release", &[]),
];

/// Only these may depend on the Lambda runtime.
const KNOW_LAMBDA: &[&str] = &["alerts", "bridge", "dispatcher", "ingest", "lambda-kit", "prober"];

/// The packages of which each is deployed.
const FUNCTIONS: &[&str] = &["alerts", "bridge", "dispatcher", "ingest", "prober"];

/// Not allowed in `domain`, which has no I/O, no clock and no async.
const NOT_IN_DOMAIN: &[&str] =
    &["aws-config", "reqwest", "tokio", "lambda_runtime", "hyper", "futures-util"];

/// Written by cargo-hakari, without code: it only has the features of the dependencies.
const WORKSPACE_HACK: &str = "workspace-hack";

/// Every package of the workspace with its dependencies, without those of its tests.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let package = |package: &Value| {
        let normal =
            package["dependencies"].as_array().unwrap().iter().filter(|one| one["kind"].is_null());
        (name(package), normal.map(name).filter(|name| name != WORKSPACE_HACK).collect())
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(package).filter(|(name, _)| name != WORKSPACE_HACK).collect()
}

#[test]
fn every_package_is_listed() {
    let known: BTreeSet<&str> = MAY_KNOW.iter().chain(TOP).map(|(name, _)| *name).collect();
    let there = packages();
    let there: BTreeSet<&str> = there.keys().map(String::as_str).collect();
    assert_eq!(there, known);
}

#[test]
fn dependencies_go_in_one_direction() {
    let packages = packages();
    let workspace: BTreeSet<&str> = packages.keys().map(String::as_str).collect();
    for (name, dependencies) in &packages {
        let known: BTreeSet<&str> =
            dependencies.iter().map(String::as_str).filter(|one| workspace.contains(one)).collect();
        if let Some((_, allowed)) = MAY_KNOW.iter().find(|(one, _)| one == name) {
            let forbidden: Vec<_> = known.iter().filter(|one| !allowed.contains(one)).collect();
            assert!(forbidden.is_empty(), "`{name}` may not know {forbidden:?}");
        }
        if let Some((_, forbidden)) = TOP.iter().find(|(one, _)| one == name) {
            let forbidden: Vec<_> = known.iter().filter(|one| forbidden.contains(one)).collect();
            assert!(forbidden.is_empty(), "`{name}` may not know {forbidden:?}");
        }
        let top: Vec<_> =
            known.iter().filter(|known| TOP.iter().any(|(one, _)| one == *known)).collect();
        assert!(top.is_empty(), "`{name}` depends on {top:?}; no package may depend on a program");
    }
}

/// `program` and the packages of the workspace that are compiled into it.
fn compiled_into(program: &str, packages: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![program.to_owned()]);
    while let Some(name) = open.pop() {
        if let Some(dependencies) = packages.get(&name)
            && found.insert(name)
        {
            open.extend(dependencies.iter().cloned());
        }
    }
    found
}

/// A crate that is not in the list of its program logs only errors.
#[test]
fn log_level_applies_to_every_crate_that_logs() {
    let packages = packages();
    let command = std::fs::read_to_string(root().join("crates/cli/src/main.rs")).unwrap();
    let (_, list) = command.split_once("const VIGIE_CRATES: &[&str] = &[").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let of_command: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let of_functions: BTreeSet<&str> = lambda_kit::VIGIE_CRATES.iter().copied().collect();
    for (programs, listed) in [(&["cli"][..], of_command), (FUNCTIONS, of_functions)] {
        let compiled: BTreeSet<String> =
            programs.iter().flat_map(|program| compiled_into(program, &packages)).collect();
        let logs = compiled.iter().filter(|name| packages[*name].contains("tracing"));
        let missing: Vec<String> = logs
            .map(|name| name.replace('-', "_"))
            .filter(|name| !listed.contains(name.as_str()))
            .collect();
        assert!(missing.is_empty(), "{programs:?}: {missing:?} are not listed");
        let unknown: Vec<_> =
            listed.iter().filter(|name| !compiled.contains(&name.replace('_', "-"))).collect();
        assert!(unknown.is_empty(), "{programs:?}: {unknown:?} are listed");
    }
}

#[test]
fn only_functions_depend_on_the_lambda_runtime() {
    for (name, dependencies) in packages() {
        let knows = dependencies.contains("lambda_runtime");
        assert!(
            !knows || KNOW_LAMBDA.contains(&name.as_str()),
            "`{name}` depends on lambda_runtime"
        );
    }
}

#[test]
fn domain_has_no_dependency_with_io() {
    let domain = &packages()["domain"];
    let ways: Vec<_> = NOT_IN_DOMAIN.iter().filter(|one| domain.contains(**one)).collect();
    assert!(ways.is_empty(), "domain depends on {ways:?}");
}

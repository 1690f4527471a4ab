//! The software bill of materials of the programs, in the format `CycloneDX` 1.6.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::VERSION;

/// The components of the workspace's `programs` for the target `triple`.
pub fn sbom(root: &Path, programs: &[&str], triple: &str) -> anyhow::Result<String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", triple]);
    let output = cargo.current_dir(root).output().context("cargo metadata")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata failed: {errors}");
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let checksums = checksums(&std::fs::read_to_string(root.join("Cargo.lock"))?)?;
    let used = dependencies(&metadata, programs)?;
    let is_used = |package: &&Value| used.contains(text(package, "id"));
    let mut components: Vec<Value> = list(&metadata, "packages")
        .iter()
        .filter(is_used)
        .map(|package| component(package, &checksums))
        .collect();
    components.sort_by_key(|component| text(component, "purl").to_owned());
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "name": "vigie", "version": VERSION },
            "properties": [{ "name": "target", "value": triple }],
        },
        "components": components,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&bom)?))
}

/// The ids of all packages that are compiled into the programs.
fn dependencies<'a>(metadata: &'a Value, programs: &[&str]) -> anyhow::Result<BTreeSet<&'a str>> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let members: BTreeSet<&str> =
        list(metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    let is_program = |package: &&Value| {
        programs.contains(&text(package, "name")) && members.contains(text(package, "id"))
    };
    let packages = list(metadata, "packages").iter();
    let mut open: Vec<&str> =
        packages.filter(is_program).map(|package| text(package, "id")).collect();
    ensure!(open.len() == programs.len(), "a program of {programs:?} is not in the workspace");
    let mut used = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !used.insert(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("package `{id}` is not resolved"))?;
        // The kind is null for a dependency that is compiled into the program.
        let is_compiled = |dependency: &&Value| {
            list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null())
        };
        let compiled = list(node, "deps").iter().filter(is_compiled);
        open.extend(compiled.map(|dependency| text(dependency, "pkg")));
    }
    Ok(used)
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    let purl = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "purl": purl,
        "name": name,
        "version": version,
        "scope": "required",
    });
    if let Some(license) = package["license"].as_str() {
        // Some old packages separate licences by `/`.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(hash) = checksums.get(&(name.to_owned(), version.to_owned())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": hash }]);
    }
    component
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Checksums by name and version; packages of the workspace have none.
fn checksums(lock: &str) -> anyhow::Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = lock.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let packages = packages.context("Cargo.lock has no packages")?;
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let entry = |package: &toml::Value| {
        let name = (text(package, "name")?, text(package, "version")?);
        Some((name, text(package, "checksum")?))
    };
    Ok(packages.iter().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sbom_has_compiled_dependencies_only() {
        let root = deploy::run::root();
        let text = sbom(root, &["domain"], "x86_64-unknown-linux-gnu").unwrap();
        let bom: Value = serde_json::from_str(&text).unwrap();
        let components = bom["components"].as_array().unwrap();
        let find = |name: &str| components.iter().find(|component| component["name"] == name);
        let jiff = find("jiff").expect("jiff is a dependency of domain");
        assert_eq!(jiff["hashes"][0]["alg"], "SHA-256");
        assert!(jiff["licenses"][0]["expression"].as_str().unwrap().contains("MIT"));
        assert!(find("domain").is_some_and(|own| own.get("hashes").is_none()));
        assert!(find("proptest").is_none(), "a dependency of tests only");
    }

    #[test]
    fn unknown_program_is_an_error() {
        let root = deploy::run::root();
        assert!(sbom(root, &["unknown"], "x86_64-unknown-linux-gnu").is_err());
    }
}

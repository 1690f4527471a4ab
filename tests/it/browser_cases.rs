//! The table of reviewed cases names apps of the comparison with a browser and tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use testkit::dashboards::root;

/// One row of `tests/browser/cases.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    file: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    about: String,
    was: String,
    now: String,
    #[serde(default)]
    apps: Vec<String>,
    #[serde(default)]
    tests: Vec<String>,
}

/// The part of an entry of `tests/browser/apps.yaml` that this test reads.
#[derive(Deserialize)]
struct App {
    name: String,
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let text = fs::read_to_string(root().join("tests/browser").join(name)).expect("a file");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Adds the names of all tests in a folder.
fn add_tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            add_tests(&path, names);
        } else if path.extension() == Some("rs".as_ref()) {
            let text = fs::read_to_string(path).expect("a source");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
                let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
                if let Some((name, _)) = name.filter(|_| is_test) {
                    names.insert(name.to_owned());
                    is_test = false;
                }
            }
        }
    }
}

#[test]
fn reviewed_cases_name_existing_apps_and_tests() {
    let apps: BTreeSet<String> = read::<App>("apps.yaml").into_iter().map(|app| app.name).collect();
    let mut tests = BTreeSet::new();
    add_tests(&root().join("crates"), &mut tests);
    let mut seen = BTreeSet::new();
    for Case { file, path, about, was, now, apps: by_apps, tests: by_tests } in read("cases.yaml") {
        let name = format!("{file} {path} {about}");
        assert!(!was.is_empty() && !now.is_empty(), "{name} has no result");
        assert!(!by_apps.is_empty() || !by_tests.is_empty(), "{name} is covered by nothing");
        for app in by_apps {
            assert!(apps.contains(&app), "{name}: apps.yaml has no `{app}`");
        }
        for test in by_tests {
            assert!(tests.contains(&test), "{name}: there is no test `{test}`");
        }
        assert!(seen.insert(name.clone()), "{name} is listed twice");
    }
}

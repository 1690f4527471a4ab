//! Texts that a user reads use plain technical English: `CONTRIBUTING.md`, section Language.
//!
//! Checked are the messages of errors and log events, the help of the command line, the descriptions in the templates,
//! the snapshots of notifications, the documentation, rules, dashboards and workflows, and the comments and
//! names of tests in the code.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::dashboards::root;
use testkit::template::{CloudFormation, branches};

mod source;
mod words;

use words::{ENGLISH, FRENCH, Words};

/// A text that a user reads, with the file it is in.
struct Text {
    file: String,
    line: usize,
    content: String,
}

/// A listed word that is correct in one place.
struct Allowed {
    file: &'static str,
    word: &'static str,
    reason: &'static str,
}

const ALLOWED: &[Allowed] =
    &[Allowed { file: "CONTRIBUTING.md", word: "we", reason: "the rule itself names the word" }];

/// Characters of a test's name.
const LONGEST_NAME: usize = 60;

#[track_caller]
fn check(what: &str, least: usize, words: &Words, texts: &[Text]) {
    assert!(texts.len() >= least, "{what}: only {} texts found", texts.len());
    let mut wrong = Vec::new();
    for text in texts {
        for word in words.find(&text.content) {
            let is_allowed = ALLOWED.iter().any(|one| {
                text.file.ends_with(one.file) && one.word == word && !one.reason.is_empty()
            });
            if !is_allowed {
                wrong.push(format!(
                    "{}:{}: `{word}` in: {}",
                    text.file,
                    text.line,
                    text.content.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{what}: {} listed words\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn error_messages_are_plain() {
    let texts = source::all(source::errors);
    check("errors", 80, &ENGLISH, &texts);
}

#[test]
fn log_messages_are_plain() {
    let texts = source::all(source::log_messages);
    check("log messages", 60, &ENGLISH, &texts);
}

#[test]
fn command_line_help_is_plain() {
    let texts = source::all(source::help);
    check("help", 60, &ENGLISH, &texts);
}

#[test]
fn template_descriptions_are_plain() {
    let mut texts = Vec::new();
    for file in [
        "template.yaml",
        "self-monitoring.yaml",
        "dashboard.yaml",
        "alarms.yaml",
        "metric-stream.yaml",
        "status-page.yaml",
        "location.yaml",
    ] {
        let template = CloudFormation::load(file);
        let mut add = |id: &str, value: &serde_json::Value| {
            for one in branches(value) {
                if let Some(text) = one["Fn::Sub"].as_str().or(one.as_str()) {
                    texts.push(Text {
                        file: format!("infra/{file} {id}"),
                        line: 0,
                        content: text.to_owned(),
                    });
                }
            }
        };
        for section in ["Parameters", "Outputs"] {
            for (id, body) in template.section(section) {
                add(id, &body["Description"]);
                add(id, &body["ConstraintDescription"]);
            }
        }
        for resource in template.resources() {
            for property in ["/Description", "/AlarmDescription", "/DisplayName"] {
                add(resource.id, resource.get(property));
            }
        }
    }
    check("templates", 90, &ENGLISH, &texts);
}

#[test]
fn notifications_are_plain() {
    let mut english = Vec::new();
    let mut french = Vec::new();
    for folder in ["functions", "crates"] {
        for path in files(&root().join(folder), "snap") {
            let name = path.to_string_lossy().into_owned();
            if name.ends_with(".en.snap") {
                english.extend(lines(&path));
            } else if name.ends_with(".fr.snap") {
                french.extend(lines(&path));
            }
        }
    }
    check("notifications", 100, &ENGLISH, &english);
    check("French notifications", 100, &FRENCH, &french);
}

#[test]
fn documentation_is_plain() {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let pages = files(&root().join("docs"), "md");
    let (french, english): (Vec<PathBuf>, Vec<PathBuf>) =
        pages.into_iter().partition(|path| path.to_string_lossy().ends_with(".fr.md"));
    let english = english.into_iter().chain(top.map(|name| root().join(name)));
    let english: Vec<Text> = english.flat_map(|path| prose(&path)).collect();
    check("documentation", 500, &ENGLISH, &english);
    let french: Vec<Text> = french.iter().flat_map(|path| prose(path)).collect();
    check("French documentation", 100, &FRENCH, &french);
}

#[test]
fn rules_dashboards_and_workflows_are_plain() {
    let folders = ["infra/observability", ".github", "probes", "examples", "packaging"];
    let extensions = ["yml", "yaml", "json", "py", "sh", "md"];
    let below = folders.iter().flat_map(|folder| {
        let folder = root().join(folder);
        extensions.map(|extension| files(&folder, extension)).concat()
    });
    let single = ["action.yml", "samconfig.toml", "Makefile"].map(|file| root().join(file));
    let texts: Vec<Text> = below.chain(single).flat_map(|path| lines(&path)).collect();
    check("rules, dashboards and workflows", 2000, &ENGLISH, &texts);
}

#[test]
fn comments_are_plain() {
    check("comments", 3000, &ENGLISH, &source::comments());
}

#[test]
fn names_of_tests_are_short_and_plain() {
    let names = source::test_names();
    check("names of tests", 500, &ENGLISH, &names);
    let long: Vec<&str> = names
        .iter()
        .map(|name| name.content.as_str())
        .filter(|name| LONGEST_NAME < name.len())
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_NAME} characters: {long:?}");
}

/// All files below a folder with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn lines(path: &Path) -> Vec<Text> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let numbered = text.lines().enumerate();
    numbered
        .map(|(index, line)| Text {
            file: relative(path),
            line: index + 1,
            content: line.to_owned(),
        })
        .collect()
}

/// The lines of a page without its fenced blocks, its inline code and its links.
fn prose(path: &Path) -> Vec<Text> {
    let mut in_block = false;
    let mut found = lines(path);
    found.retain_mut(|line| {
        if line.content.trim_start().starts_with("```") {
            in_block = !in_block;
            return false;
        }
        let code: Vec<&str> = line.content.split('`').step_by(2).collect();
        line.content = code.join("…");
        !in_block
    });
    found
}

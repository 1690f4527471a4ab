//! The address of the repository is written in Cargo.toml. Other files have generated copies of it.
//!
//! After a change of `workspace.package.repository`, `UPDATE=1 cargo nextest run -p testkit repository` writes the copies.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::dashboards::root;

const ADDRESS: &str = env!("CARGO_PKG_REPOSITORY");

/// Files that users read or paste from outside a checkout. A relative link does not work there.
const COPIES: [&str; 4] =
    ["README.md", "infra/alarms.yaml", "probes/demo.yaml", "docs/schemastore.json"];
const COPIED_FOLDERS: [&str; 2] = ["infra/observability/rules", "infra/observability/rules/tests"];

/// What follows the address in a copy.
const FOLLOWED_BY: [&str; 3] = ["/releases/", "/blob/main/", " && cd vigie"];

/// Folders that Git ignores, and those of other tools.
const SKIPPED: [&str; 6] = ["target", "dist", "node_modules", "__pycache__", "corpus", ".git"];

fn copies() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = COPIES.iter().map(|name| root().join(name)).collect();
    for folder in COPIED_FOLDERS {
        let listed = fs::read_dir(root().join(folder)).expect("a folder").flatten();
        let files = listed.map(|entry| entry.path());
        paths.extend(files.filter(|path| path.extension() == Some("yml".as_ref())));
    }
    paths
}

/// The text with the current address before each of `FOLLOWED_BY`.
fn with_address(text: &str) -> String {
    let mut text = text.to_owned();
    for end in FOLLOWED_BY {
        let mut rest = text.as_str();
        let mut out = String::new();
        while let Some((before, after)) = rest.split_once(end) {
            let word = before.rfind([' ', '"', '\n']).map_or(0, |at| at + 1);
            let is_address = before[word..].starts_with("https://");
            out.push_str(if is_address { &before[..word] } else { before });
            out.push_str(if is_address { ADDRESS } else { "" });
            out.push_str(end);
            rest = after;
        }
        out.push_str(rest);
        text = out;
    }
    text
}

#[test]
fn copies_of_the_repository_address_are_current() {
    for path in copies() {
        let text = fs::read_to_string(&path).expect("a copy");
        let wanted = with_address(&text);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &wanted).expect("the copy is written");
        }
        let path = path.display();
        assert!(wanted.contains(ADDRESS), "{path} has no address; remove it from this list");
        assert!(
            wanted == text,
            "{path} has another address; run: UPDATE=1 cargo nextest run -p testkit repository"
        );
    }
}

/// Commands that users paste name the version of the workspace.
#[test]
fn commands_name_the_version_of_the_workspace() {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    for (path, count) in [("README.md", 3), ("examples/cdk/README.md", 1)] {
        let text = fs::read_to_string(root().join(path)).expect("a page");
        let text = text.replace("/download/v", "/download/vigie-");
        let named = text.split("vigie-").skip(1).filter(|rest| rest.starts_with(char::is_numeric));
        let named: Vec<&str> = named.collect();
        assert_eq!(named.len(), count, "{path}");
        for rest in named {
            let found = rest.get(..VERSION.len() + 1).unwrap_or(rest);
            let end = found.chars().next_back();
            let is_whole = end.is_some_and(|end| !end.is_alphanumeric() && end != '.');
            assert!(found.starts_with(VERSION) && is_whole, "{path} names version `{found}`");
        }
    }
}

#[test]
fn no_other_file_has_the_repository_address() {
    let (_, address) = ADDRESS.split_once("://").expect("an address");
    let allowed = copies();
    let mut files = Vec::new();
    list(&root(), false, &mut files);
    assert!(files.len() > 500, "{} files", files.len());
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let is_source = path == root().join("Cargo.toml") || allowed.contains(&path);
        assert!(is_source || !text.contains(address), "{} has `{address}`", path.display());
    }
}

/// The files of a folder; `top` leaves out those of its folders.
pub(crate) fn list(folder: &Path, top: bool, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name();
        let is_skipped = SKIPPED.iter().any(|skipped| name == *skipped);
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() && !is_skipped && !top {
            list(&entry.path(), false, files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}

#[test]
fn old_address_is_replaced_before_known_paths() {
    let text = "see \"https://git.example.com/a/b/blob/main/docs/x.md\" and\ncurl https://c/d/releases/download/v1";
    let wanted =
        format!("see \"{ADDRESS}/blob/main/docs/x.md\" and\ncurl {ADDRESS}/releases/download/v1");
    assert_eq!(with_address(text), wanted);
    assert_eq!(with_address("in /releases/ of it"), "in /releases/ of it");
}

#[test]
fn readme_has_at_most_120_lines() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the file");
    let lines = readme.lines().count();
    assert!(lines <= 120, "README.md has {lines} lines");
}

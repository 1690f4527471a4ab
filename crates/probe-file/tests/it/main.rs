//! Every fixture read as a user's file would be.

#![cfg(test)]

mod messages;
mod schema;
mod scrape;

use std::fs;
use std::path::PathBuf;

/// The fixtures of `kind`, as (file name, text), sorted by name.
fn fixtures(kind: &str) -> Vec<(String, String)> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/probes").join(kind);
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

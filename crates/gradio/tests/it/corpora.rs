//! Runs the fuzz targets over their seed corpora.

use std::path::Path;

#[path = "../../../../fuzz/targets.rs"]
mod targets;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        target(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus of `{name}` is empty");
}

#[test]
fn event_stream() {
    replay("event_stream", targets::event_stream);
}

#[test]
fn message() {
    replay("message", targets::message);
}

#[test]
fn diff() {
    replay("diff", targets::diff);
}

#[test]
fn config() {
    replay("config", targets::config);
}

#[test]
fn reply() {
    replay("reply", targets::reply);
}

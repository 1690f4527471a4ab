//! The command as a person calls it: its streams and its exit code.
#![cfg(test)]

mod action;
mod agent;
mod bridge;
mod canary;
mod credentials;
mod files;
mod help;
mod notifications;
mod receivers;
mod run;
mod serve;
mod status;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cli::{Exit, Io};
use tokio::io::{BufReader, Lines};
use tokio::process::ChildStderr;

/// What a command line printed, and how it ended. Colours are stripped.
struct Done {
    exit: Exit,
    out: String,
    err: String,
}

async fn vigie(line: &[&str]) -> Done {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io { out: &mut out, err: &mut err, live: false };
    let line = std::iter::once(&"vigie").chain(line).map(std::ffi::OsString::from);
    let exit = cli::main(line, &mut io).await;
    let plain =
        |bytes| anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string();
    Done { exit, out: plain(out), err: plain(err) }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/probes")
}

/// A probe file in a folder of its own.
fn probe(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probe.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

/// Reads the standard error of a child process up to a line with `word`.
async fn line_with(lines: &mut Lines<BufReader<ChildStderr>>, word: &str) -> String {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(word) {
                return line;
            }
        }
        panic!("the process ended without `{word}`");
    };
    tokio::time::timeout(Duration::from_secs(60), found).await.unwrap()
}

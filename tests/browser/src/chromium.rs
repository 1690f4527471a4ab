//! The browser: a program in `driver/` that holds conversations in Chromium, one request per line.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use deploy::process::Processes;
use harness::packages;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::manifest::{Case, Hints};

/// The folder of the program that drives the browser.
const DRIVER: &str = "tests/browser/driver";
const CHROMIUM_HINT: &str =
    "hint: install Chromium so that `chromium` is on the PATH (Debian: apt-get install chromium)";

#[derive(Serialize)]
struct Request<'a> {
    url: &'a str,
    turns: Vec<&'a str>,
    timeout_ms: u64,
    hints: &'a Hints,
}

/// A conversation in the browser.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Seen {
    pub(crate) turns: Vec<SeenTurn>,
    /// What ended the conversation, such as a page that did not load.
    pub(crate) failure: Option<String>,
}

/// Times count from the request that sent the message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SeenTurn {
    /// Whether the server accepted the message.
    pub(crate) accepted: bool,
    /// Requests that failed, with their status.
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    /// One for each chatbot, or for each output that the manifest names.
    pub(crate) replies: Vec<SeenReply>,
    pub(crate) toasts: Vec<Toast>,
    /// First text of the answer was received.
    pub(crate) first_received_ms: Option<u64>,
    /// First text of the answer was on the page.
    pub(crate) first_painted_ms: Option<u64>,
    pub(crate) last_change_ms: Option<u64>,
    /// Whether the page was idle.
    pub(crate) settled: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SeenReply {
    pub(crate) text: String,
    pub(crate) thinking: String,
    pub(crate) images: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Toast {
    pub(crate) level: String,
    pub(crate) text: String,
}

impl SeenTurn {
    /// The text of all replies.
    pub(crate) fn answer(&self) -> String {
        let texts: Vec<&str> = self.replies.iter().map(|reply| reply.text.as_str()).collect();
        texts.join("\n")
    }
}

/// A running driver with its browser.
pub(crate) struct Chromium {
    _driver: Child,
    requests: ChildStdin,
    results: Lines<BufReader<ChildStdout>>,
}

/// Installs the browser and what drives it; returns the path of the browser.
pub(crate) async fn install(root: &Path, processes: &Processes) -> anyhow::Result<PathBuf> {
    let chromium = packages::install(processes, "chromium", "chromium", CHROMIUM_HINT).await?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(root.join(DRIVER));
    processes.run("npm-ci", &mut npm).await.context("cannot install playwright-core")?;
    Ok(chromium)
}

impl Chromium {
    pub(crate) fn start(root: &Path, chromium: &Path) -> anyhow::Result<Self> {
        let mut driver = Command::new("node")
            .arg("drive.mjs")
            .arg(chromium)
            .current_dir(root.join(DRIVER))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start `node`")?;
        let requests = driver.stdin.take().context("the driver has no input")?;
        let results = driver.stdout.take().context("the driver has no output")?;
        Ok(Self { _driver: driver, requests, results: BufReader::new(results).lines() })
    }

    pub(crate) async fn converse(&mut self, case: &Case, url: &str) -> anyhow::Result<Seen> {
        let request = Request {
            url,
            turns: case.probe.conversation.iter().map(|turn| turn.say.as_str()).collect(),
            timeout_ms: case.probe.timeout_ms()?,
            hints: &case.hints,
        };
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        self.requests.write_all(&line).await.context("the driver has ended")?;
        let result = self.results.next_line().await?.context("the driver has ended")?;
        let seen: Seen = serde_json::from_str(&result)
            .with_context(|| format!("the driver returned `{result}`"))?;
        let driver_failed = seen.failure.as_ref().filter(|why| why.starts_with("the driver"));
        ensure!(driver_failed.is_none(), "{}", driver_failed.map_or("", String::as_str));
        Ok(seen)
    }
}

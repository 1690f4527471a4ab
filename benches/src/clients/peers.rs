//! The compared clients. Each is a program that holds the conversation and prints its times.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use anyhow::Context;
use serde::Deserialize;
use tokio::process::Command;

use super::server::Server;
use super::turn::Turn;
use super::{PROFILE, converse};
use crate::table::Bench;
use deploy::process::Processes;
use harness::packages;
use harness::python::Environment;

const PYTHON: Environment =
    Environment { name: "gradio-client", requirements: "tests/clients/requirements.txt" };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Vigie,
    Node,
    Python,
    /// The page in a browser, controlled by playwright-core.
    Chromium,
}

/// The output of a client at its end.
pub(super) struct Output {
    pub(super) spawned_at: f64,
    pub(super) turns: Vec<Turn>,
    /// From its start to its end.
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_kib: f64,
}

impl Peer {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vigie => "Vigie (crates/gradio)",
            Self::Node => "@gradio/client 2.7.0, Node",
            Self::Python => "gradio_client 2.7.2, Python",
            Self::Chromium => "Chromium, the whole page",
        }
    }

    /// The command of its row, as a person types it.
    pub(super) fn command(self) -> String {
        let head = match self {
            Self::Vigie => format!("target/{PROFILE}/examples/converse"),
            Self::Node => "node target/bench/node/converse.mjs".to_owned(),
            Self::Python => ".venv/gradio-client/bin/python tests/clients/converse.py".to_owned(),
            Self::Chromium => "node tests/browser/driver/measure.mjs chromium".to_owned(),
        };
        let tail = if self == Self::Vigie { " --no-proxy" } else { "" };
        format!("{head} URL{tail} one two three")
    }

    fn program(self, bench: &Bench<'_>, server: &Server) -> Command {
        let authority = server.authority.as_ref();
        let trusting = |mut command: Command, variable: &str| {
            command.envs(authority.map(|path| (variable, path)));
            command.arg(&server.url);
            command
        };
        match self {
            Self::Vigie => {
                let mut command = Command::new(converse(bench));
                command.arg(&server.url).arg("--no-proxy");
                if let Some(path) = authority {
                    command.arg("--ca").arg(path);
                }
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(node_folder(bench.root).join("converse.mjs"));
                trusting(command, "NODE_EXTRA_CA_CERTS")
            }
            Self::Python => {
                let mut command = Command::new(PYTHON.program(bench.root, "python"));
                command.arg(bench.root.join("tests/clients/converse.py"));
                trusting(command, "SSL_CERT_FILE")
            }
            Self::Chromium => {
                let mut command = Command::new("node");
                command.arg(driver(bench.root).join("measure.mjs"));
                command.arg(packages::on_path("chromium").unwrap_or_default()).arg(&server.url);
                command
            }
        }
    }

    /// Holds one conversation in a separate process.
    pub(super) async fn converse(
        self,
        bench: &Bench<'_>,
        server: &Server,
        says: &[String],
    ) -> anyhow::Result<Output> {
        let mut command = self.program(bench, server);
        command.args(says);
        let spawned_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        let started = Instant::now();
        bench.processes.run("client", &mut command).await?;
        let wall_seconds = started.elapsed().as_secs_f64();
        let output = fs::read_to_string(bench.processes.log("client"))?;
        let line = output.lines().find(|line| line.starts_with('{')).unwrap_or_default();
        let Wire { turns, cpu_seconds, peak_kib } = serde_json::from_str(line)
            .with_context(|| format!("{} printed `{output}`", self.name()))?;
        let turns: Option<_> = turns.into_iter().map(WireTurn::into_turn).collect();
        let turns = turns.with_context(|| format!("{} saw no first chunk: {line}", self.name()))?;
        Ok(Output { spawned_at, turns, wall_seconds, cpu_seconds, peak_kib })
    }
}

/// Installs the peers. Without Node, its client is skipped.
pub(super) async fn install(bench: &Bench<'_>) -> anyhow::Result<Vec<Peer>> {
    PYTHON.install(bench.root, bench.processes).await?;
    let mut found = true;
    for program in ["node", "npm"] {
        let version = Command::new(program).arg("--version").output().await;
        found &= version.is_ok_and(|output| output.status.success());
    }
    if found {
        install_node(bench.root, bench.processes).await?;
        let mut peers = vec![Peer::Vigie, Peer::Node, Peer::Python];
        match install_chromium(bench.root, bench.processes).await {
            Ok(()) => peers.push(Peer::Chromium),
            Err(error) => bench.progress.note(format!("NOT MEASURED: Chromium: {error:#}")),
        }
        return Ok(peers);
    }
    bench.progress.note("NOT MEASURED: @gradio/client, since `node` and `npm` are not installed");
    Ok(vec![Peer::Vigie, Peer::Python])
}

async fn install_node(root: &Path, processes: &Processes) -> anyhow::Result<()> {
    let (from, to) = (root.join("tests/clients"), node_folder(root));
    fs::create_dir_all(&to)?;
    // Written last: packages without it were interrupted half-way.
    let (lock, stamp) = (from.join("package-lock.json"), to.join("installed.json"));
    let installed = fs::read(&stamp).is_ok_and(|one| fs::read(&lock).is_ok_and(|two| one == two));
    for name in ["package.json", "package-lock.json", ".npmrc", "converse.mjs"] {
        fs::copy(from.join(name), to.join(name)).with_context(|| format!("`{name}`"))?;
    }
    if !installed {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts"]).current_dir(&to);
        processes.run("install-node", &mut npm).await?;
        fs::copy(lock, stamp)?;
    }
    Ok(())
}

async fn install_chromium(root: &Path, processes: &Processes) -> anyhow::Result<()> {
    let hint = "hint: install Chromium (Debian: apt-get install chromium)";
    packages::install(processes, "chromium", "chromium", hint).await?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts"]).current_dir(driver(root));
    Ok(processes.run("install-browser-driver", &mut npm).await?)
}

/// The program that types into Chromium, shared with `make test-browser`.
fn driver(root: &Path) -> PathBuf {
    root.join("tests/browser/driver")
}

fn node_folder(root: &Path) -> PathBuf {
    root.join("target/bench/node")
}

#[derive(Deserialize)]
struct Wire {
    turns: Vec<WireTurn>,
    cpu_seconds: f64,
    peak_kib: f64,
}

#[derive(Deserialize)]
struct WireTurn {
    sent_at: f64,
    /// Not output by `converse`, which has its `timing` instead.
    first_at: Option<f64>,
    timing: Option<Timing>,
    text: String,
}

/// Milliseconds.
#[derive(Deserialize)]
struct Timing {
    first_chunk: f64,
}

impl WireTurn {
    fn into_turn(self) -> Option<Turn> {
        let Self { sent_at, text, .. } = self;
        let reported = || Some(sent_at + self.timing.as_ref()?.first_chunk / 1e3);
        Some(Turn { sent_at, first_at: self.first_at.or_else(reported)?, text })
    }
}

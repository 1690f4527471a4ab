//! The programs that run: `vigie serve` and the scripted chat that its probes talk to.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use deploy::process::Running;
use harness::net::{free_port, wait_until_it_answers};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::PROFILE;
use crate::table::Bench;

/// Chunks of a reply, and milliseconds between them.
const SCRIPT: [&str; 2] = ["3", "20"];
/// All probes have a run at the start.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A scripted chat, which ends when its standard input is closed.
pub(super) struct Chat {
    pub(super) url: String,
    _process: Child,
}

impl Chat {
    pub(super) async fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(SCRIPT).arg(folder.join("chat.log"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("could not start `chat_server`")?;
        let mut url = String::new();
        let output = process.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut url).await?;
        Ok(Self { url: url.trim().to_owned(), _process: process })
    }
}

/// A probe file for each of the probes of `fill_history`. Every tenth bot is down.
pub(super) fn write_probes(folder: &Path, probes: usize, url: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for probe in 0..probes {
        let mut text = format!("probe: bot-{probe}\nevery: 1m\nretry: {{ attempts: 0 }}\n");
        if probe.is_multiple_of(2) {
            text.push_str("objective: 99.5\n");
        }
        if probe.is_multiple_of(20) {
            text.push_str(
                "maintenance: [ { cron: \"0 2 ? * SUN *\", for: 1h, time_zone: UTC } ]\n",
            );
        }
        if probe == 7 {
            text.push_str("locations: [eu-west-3, us-east-1]\n");
        }
        let expected = if probe % 10 == 9 { "Ada" } else { "t0" };
        writeln!(text, "target: {{ url: \"{url}\", endpoint: /chat }}")?;
        writeln!(
            text,
            "conversation: [ {{ say: Hello, expect: [ {{ contains: {expected} }} ] }} ]"
        )?;
        fs::write(folder.join(format!("bot-{probe}.yaml")), text)?;
    }
    Ok(())
}

/// `vigie serve` on the history in a folder.
pub(super) struct Serve {
    pub(super) address: String,
    process: Running,
}

impl Serve {
    /// Also the seconds until it listened. Every probe has a run when this returns.
    pub(super) async fn start(
        bench: &Bench<'_>,
        folder: &Path,
    ) -> anyhow::Result<((Self, f64), String)> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(bench.program(PROFILE, "vigie"));
        command.arg("serve").arg(folder.join("probes")).arg("--data").arg(folder);
        command.args(["--environment", "local", "--listen", &address]).env("RUST_LOG", "warn");
        let began = Instant::now();
        let process = bench.processes.start("serve", &mut command)?;
        let url = |path| format!("http://{address}{path}");
        wait_until_it_answers(&url("/-/healthy"), &process, START_TIMEOUT).await?;
        let seconds = began.elapsed().as_secs_f64();
        wait_until_it_answers(&url("/-/ready"), &process, START_TIMEOUT).await?;
        Ok(((Self { address, process }, seconds), format!("listens after {seconds:.1} s")))
    }

    /// The largest resident set so far.
    pub(super) fn peak_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = peak.context("no VmHWM")?.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.process.check()?;
        self.process.stop().await;
        Ok(())
    }
}

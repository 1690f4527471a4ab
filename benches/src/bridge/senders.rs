//! The programs that scrape and remote write, and their counters in the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;

use crate::table::Bench;
use deploy::process::{Processes, Running};
use harness::debian::{PROMETHEUS_3, Package, VICTORIA_METRICS, VICTORIA_METRICS_NEW};

/// 2.42.
const PROMETHEUS_2: Package = Package { name: "prometheus", release: "bookworm" };

/// Newer ones would send a format of their own, which no other receiver reads.
const PLAIN: [&str; 1] = ["-remoteWrite.forcePromProto"];

/// A program and how it is started.
pub(super) struct Sender {
    pub(super) name: String,
    program: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Vigie { protocol: &'static str },
    Prometheus { agent: &'static str, config: &'static str },
    Vmagent { more: &'static [&'static str] },
}

/// One that runs.
pub(super) struct Sending {
    process: Running,
}

/// The agents that are available on this machine, and a line about each missing one.
pub(super) async fn find(
    bench: &Bench<'_>,
) -> anyhow::Result<((Vec<Sender>, Vec<String>), String)> {
    const V1: Kind = Kind::Prometheus { agent: "--enable-feature=agent", config: "1.0.yml" };
    const V2: Kind = Kind::Prometheus { agent: "--agent", config: "2.0.yml" };
    let vigie = bench.root.join("target").join(super::PROFILE).join("vigie");
    let mut senders: Vec<Sender> = ["2.0", "1.0"]
        .map(|protocol| Sender {
            name: format!("vigie bridge, {protocol}"),
            program: vigie.clone(),
            kind: Kind::Vigie { protocol },
        })
        .into();
    let others = [
        (PROMETHEUS_2, "Prometheus", "1.0", V1),
        (PROMETHEUS_3, "Prometheus", "2.0", V2),
        (VICTORIA_METRICS, "vmagent", "1.0", Kind::Vmagent { more: &[] }),
        (VICTORIA_METRICS_NEW, "vmagent", "1.0", Kind::Vmagent { more: &PLAIN }),
    ];
    let mut missing = Vec::new();
    for (package, name, protocol, kind) in others {
        match package.unpack(bench.root, bench.processes).await {
            Ok(unpacked) => {
                let version = unpacked.version.split(['+', '-', '~']).next().unwrap_or_default();
                let name = format!("{name} {version}, {protocol}");
                let program = unpacked.program(match kind {
                    Kind::Vmagent { .. } => "vmagent",
                    Kind::Prometheus { .. } | Kind::Vigie { .. } => "prometheus",
                });
                senders.push(Sender { name, program, kind });
            }
            Err(error) => {
                let release = package.release;
                missing.push(format!("{name} of Debian {release}, {protocol}: {error:#}"));
            }
        }
    }
    let names: Vec<&str> = senders.iter().map(|sender| sender.name.as_str()).collect();
    let shown = names.join("; ");
    Ok(((senders, missing), shown))
}

impl Sender {
    /// Starts it with an empty `folder`, to scrape and to write to `loopback_target` at `address`.
    pub(super) fn start(
        &self,
        processes: &Processes,
        address: &str,
        folder: &Path,
    ) -> anyhow::Result<Sending> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let url = format!("http://{address}/api/v1/write");
        let scrape = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: bench, static_configs: [{{targets: [\"{address}\"]}}]}}]\n"
        );
        let remote = format!("remote_write: [{{url: \"{url}\"");
        let version = "protobuf_message: io.prometheus.write.v2.Request";
        fs::write(folder.join("vmagent.yml"), &scrape)?;
        fs::write(folder.join("1.0.yml"), format!("{scrape}{remote}}}]\n"))?;
        fs::write(folder.join("2.0.yml"), format!("{scrape}{remote}, {version}}}]\n"))?;

        let at = |flag: &str, name: &str| format!("{flag}={}", folder.join(name).display());
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Vigie { protocol } => command
                .args(["bridge", "--job", "bench", "--interval", "1s", "--protocol", protocol])
                .args(["--scrape", &format!("http://{address}/metrics"), "--remote-write", &url]),
            Kind::Prometheus { agent, config } => command
                .args([agent, "--web.listen-address=127.0.0.1:0"])
                .args([at("--config.file", config), at("--storage.agent.path", "agent")]),
            Kind::Vmagent { more } => command
                .args(more)
                .args(["-httpListenAddr=127.0.0.1:0", &format!("-remoteWrite.url={url}")])
                .args([at("-promscrape.config", "vmagent.yml")])
                .args([at("-remoteWrite.tmpDataPath", "vmagent")]),
        };
        Ok(Sending { process: processes.start("bridge-sender", &mut command)? })
    }
}

impl Sending {
    fn file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string()).join(name)
    }

    /// CPU time of all its threads so far, from the scheduler, which counts in nanoseconds.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        self.process.check()?;
        let mut nanos = 0;
        for task in fs::read_dir(self.file("task"))? {
            // The CPU time of an ended thread is lost; these programs keep their threads.
            let Ok(stat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            nanos += stat.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Resident set now and at its highest, in MiB.
    pub(super) fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let status = fs::read_to_string(self.file("status"))?;
        let mib = |name: &str| -> anyhow::Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib: f64 = line.context("no memory")?.trim().trim_end_matches(" kB").parse()?;
            Ok(kib / 1024.0)
        };
        Ok((mib("VmRSS:")?, mib("VmHWM:")?))
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.process.check()?;
        self.process.stop().await;
        Ok(())
    }
}

//! The programs that scrape and remote write, and what they cost.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use forward::Queue;
use forward::engine::{Batches, run};
use forward::scraping::{Target, scrape_for_ever};
use remote_write::{Client, Settings};
use scrape::{Labels, Limits, Request};

use crate::yard::Yard;

/// A program and how it is started against a yard.
pub(crate) struct Sender {
    pub(crate) name: &'static str,
    command: fn(&Yard, vigie: Option<&str>, folder: &std::path::Path) -> Command,
}

pub(crate) const SENDERS: &[Sender] = &[
    Sender { name: "vigie bridge 2.0", command: |yard, vigie, _| ours(yard, vigie, "2.0") },
    Sender { name: "vigie bridge 1.0", command: |yard, vigie, _| ours(yard, vigie, "1.0") },
    Sender {
        name: "prometheus 2 agent 1.0",
        command: |_, _, folder| prometheus("--enable-feature=agent", folder, "prometheus.yml"),
    },
    // Prometheus 3; 2 knows neither the flag nor the setting and ends at once.
    Sender {
        name: "prometheus 3 agent 2.0",
        command: |_, _, folder| prometheus("--agent", folder, "prometheus2.yml"),
    },
    Sender { name: "vmagent", command: vmagent },
];

/// A started sender with a folder of its own; both end when it is dropped.
pub(crate) struct Running {
    child: Child,
    folder: PathBuf,
}

impl Sender {
    pub(crate) fn start(&self, yard: &Yard, vigie: Option<&str>) -> Option<Running> {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("vigie-bench-{id}"));
        std::fs::create_dir_all(&folder).unwrap();
        let scrape = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: bench, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
            yard.address
        );
        let remote = format!("remote_write: [{{url: \"http://{}/api/v1/write\"", yard.address);
        let version = "protobuf_message: io.prometheus.write.v2.Request";
        std::fs::write(folder.join("vmagent.yml"), &scrape).unwrap();
        std::fs::write(folder.join("prometheus.yml"), format!("{scrape}{remote}}}]\n")).unwrap();
        let second = format!("{scrape}{remote}, {version}}}]\n");
        std::fs::write(folder.join("prometheus2.yml"), second).unwrap();
        let mut command = (self.command)(yard, vigie, &folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        Some(Running { child, folder })
    }
}

fn ours(yard: &Yard, vigie: Option<&str>, protocol: &str) -> Command {
    let program = vigie.map_or_else(|| std::env::current_exe().unwrap(), PathBuf::from);
    let mut command = Command::new(program);
    command
        .arg("bridge")
        .arg("--scrape")
        .arg(format!("http://{}/metrics", yard.address))
        .arg("--remote-write")
        .arg(format!("http://{}/api/v1/write", yard.address))
        .args(["--job", "bench", "--interval", "1s", "--protocol", protocol]);
    command
}

fn prometheus(agent: &str, folder: &std::path::Path, file: &str) -> Command {
    let mut command = Command::new("prometheus");
    command
        .args([agent, "--web.listen-address=127.0.0.1:0"])
        .arg(format!("--config.file={}", folder.join(file).display()))
        .arg(format!("--storage.agent.path={}", folder.join("agent").display()));
    command
}

fn vmagent(yard: &Yard, _: Option<&str>, folder: &std::path::Path) -> Command {
    let mut command = Command::new("vmagent");
    command
        .arg("-httpListenAddr=127.0.0.1:0")
        .arg(format!("-promscrape.config={}", folder.join("vmagent.yml").display()))
        .arg(format!("-remoteWrite.tmpDataPath={}", folder.join("vmagent").display()))
        .arg(format!("-remoteWrite.url=http://{}/api/v1/write", yard.address));
    command
}

impl Running {
    /// Whether it has not ended by itself.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// User and system time so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let field =
            |index: usize| -> f64 { after_name.split(' ').nth(index).unwrap().parse().unwrap() };
        // Linux counts in hundredths of a second, whatever the kernel's own tick is.
        (field(11) + field(12)) / 100.0
    }

    /// Resident set now and at its highest, in MiB.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kib = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").trim().parse().unwrap()
        };
        (kib("VmRSS:") / 1024.0, kib("VmHWM:") / 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What `vigie bridge` does, with the flags that the bench gives it.
pub(crate) async fn bridge(arguments: &[String]) {
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name).unwrap();
        arguments[at + 1].as_str()
    };
    let now = || SystemTime::now().into();
    let mut settings = Settings::new(value("--remote-write")).unwrap();
    settings.protocol = value("--protocol").parse().unwrap();
    let url: reqwest::Url = value("--scrape").parse().unwrap();
    let labels = Labels::new(value("--job"), &scrape::instance_of(&url).unwrap(), []);
    let request = Request {
        url,
        headers: reqwest::header::HeaderMap::default(),
        timeout: Duration::from_secs(1),
        limits: Limits::default(),
    };
    let target = Target { request, labels, every: Duration::from_secs(1) };
    let queue = Queue::new(500_000);
    let client = scrape::client("bench").unwrap();
    let remote = Client::new(settings).unwrap();
    tokio::select! {
        () = scrape_for_ever(&client, &target, &queue, now) => {}
        _ = run(remote, &queue, Batches::default(), now, std::future::pending()) => {}
    }
}

//! A real Prometheus, from Debian's packages, with the remote-write receiver enabled. The one that monitors
//! chatbots has the rules of infra/observability.

mod api;
mod shipped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::net::{free_port, http_client, wait_until_it_answers};
use crate::packages;
use deploy::process::{Processes, Running};
use deploy::run::root;

pub struct Prometheus {
    /// Such as `http://127.0.0.1:9090`.
    pub url: String,
    pub process: Running,
    client: reqwest::Client,
    setup: Setup,
}

/// Settings that are kept when it is restarted.
#[derive(Clone, Debug)]
struct Setup {
    program: PathBuf,
    /// Name of its log and of its folder.
    name: String,
    folder: PathBuf,
}

/// A stopped Prometheus with its storage.
pub struct Stopped {
    setup: Setup,
    port: u16,
}

/// One series of an instant query.
#[derive(Clone, Debug, Deserialize)]
pub struct Found {
    pub metric: BTreeMap<String, String>,
    /// Time in seconds, value as text.
    value: (f64, String),
}

impl Found {
    /// NaN if Prometheus returns NaN.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value.1.parse().unwrap_or(f64::NAN)
    }
}

/// The samples of one series, as they are stored.
#[derive(Clone, Debug, Deserialize)]
pub struct Stored {
    pub metric: BTreeMap<String, String>,
    /// Times in seconds, values as text.
    pub values: Vec<(f64, String)>,
}

impl Prometheus {
    /// Starts it with an empty storage; `scraped` is `host:port` of the chatbot, which it
    /// scrapes as the Prometheus of a user does.
    pub async fn start(state: &Path, scraped: &str, processes: &Processes) -> anyhow::Result<Self> {
        Self::watching(state, &[scraped], processes).await
    }

    /// Starts it with several targets.
    pub async fn watching(
        state: &Path,
        scraped: &[&str],
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let config = shipped::configuration(root(), scraped)?;
        Self::start_as("prometheus", installed()?, state, &config, processes).await
    }

    /// Starts one without targets that only receives. Late samples are accepted if there is an out-of-order window,
    /// such as `30m`. `name` is the name of its log and of its folder below `state`.
    pub async fn receiver(
        name: &str,
        program: Option<PathBuf>,
        window: Option<&str>,
        state: &Path,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let program = program.map_or_else(installed, Ok)?;
        Self::start_as(name, program, state, &receiving(window), processes).await
    }

    async fn start_as(
        name: &str,
        program: PathBuf,
        state: &Path,
        config: &str,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let folder = state.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(folder.join("targets"))?;
        std::fs::write(folder.join("prometheus.yml"), config)?;
        let _ = std::fs::remove_file(processes.log(name));
        let setup = Setup { program, name: name.to_owned(), folder };
        std::fs::write(setup.alertmanagers(), "[]")?;
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match setup.launch(free_port()?, processes).await {
                Err(error) if attempts == 0 => return Err(error),
                Ok(started) => return Ok(started),
                Err(_) => {}
            }
        }
    }

    /// Lets it notify the Alertmanagers at these addresses, once it reads the file again.
    pub fn notify(&self, addresses: &[&str]) -> anyhow::Result<()> {
        // Replaced atomically, so that Prometheus never reads a part of a file.
        let file = self.setup.alertmanagers();
        let written = file.with_extension("new");
        std::fs::write(&written, serde_json::json!([{ "targets": addresses }]).to_string())?;
        Ok(std::fs::rename(&written, &file)?)
    }

    /// The folder of its storage.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.setup.data()
    }

    /// Stops it; it can be started again with its storage.
    pub async fn stop(self) -> anyhow::Result<Stopped> {
        let port = url::Url::parse(&self.url)?.port().context("a URL without a port")?;
        self.process.stop().await;
        Ok(Stopped { setup: self.setup, port })
    }

    /// The URL for remote write.
    #[must_use]
    pub fn remote_write_url(&self) -> String {
        format!("{}/api/v1/write", self.url)
    }

    /// An instant query at the current time.
    pub async fn query(&self, query: &str) -> anyhow::Result<Vec<Found>> {
        self.ask(query).await
    }

    /// Every stored sample of the last `range`, such as `2h`, of the series that match `selector`.
    pub async fn samples(&self, selector: &str, range: &str) -> anyhow::Result<Vec<Stored>> {
        self.ask(&format!("{selector}[{range}]")).await
    }

    async fn ask<T: DeserializeOwned>(&self, query: &str) -> anyhow::Result<Vec<T>> {
        #[derive(Deserialize)]
        struct Answer<T> {
            data: Data<T>,
        }
        #[derive(Deserialize)]
        struct Data<T> {
            result: Vec<T>,
        }
        let url = format!("{}/api/v1/query", self.url);
        let response = self.client.get(url).query(&[("query", query)]).send().await?;
        if !response.status().is_success() {
            bail!("`{query}` was answered with {}", response.text().await?);
        }
        let answer: Answer<T> = response.json().await.with_context(|| query.to_owned())?;
        Ok(answer.data.result)
    }
}

impl Stopped {
    /// The folder of its storage.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.setup.data()
    }

    /// Starts it again on the same port.
    pub async fn start(self, processes: &Processes) -> anyhow::Result<Prometheus> {
        self.setup.launch(self.port, processes).await
    }
}

impl Setup {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The file with the Alertmanagers to notify, as JSON, which is valid YAML.
    fn alertmanagers(&self) -> PathBuf {
        self.folder.join("targets/alertmanager.yml")
    }

    async fn launch(&self, port: u16, processes: &Processes) -> anyhow::Result<Prometheus> {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--config.file={}", self.folder.join("prometheus.yml").display()))
            // Debian's default path is shared by all servers on the machine.
            .arg(format!("--storage.tsdb.path={}", self.data().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver")
            // An Alertmanager that starts later receives active alerts within this time.
            .arg("--rules.alert.resend-delay=5s")
            .current_dir(&self.folder);
        let process = processes.start(&self.name, &mut command)?;
        let url = format!("http://127.0.0.1:{port}");
        let ready = format!("{url}/-/ready");
        wait_until_it_answers(&ready, &process, Duration::from_secs(60)).await?;
        Ok(Prometheus { url, process, client: http_client()?, setup: self.clone() })
    }
}

/// The out-of-order window that the documentation recommends for the bridge.
pub const LATE: &str = "30m";

/// `window`: the out-of-order window.
fn receiving(window: Option<&str>) -> String {
    window.map_or_else(String::new, |window| {
        format!("storage:\n  tsdb:\n    out_of_order_time_window: {window}\n")
    })
}

/// Debian's packages, which have the names of their programs.
const PACKAGES: [&str; 2] = ["prometheus", "prometheus-alertmanager"];

const HINT: &str = "hint: install Prometheus 2.40 and Alertmanager 0.25 or later so that `prometheus` and \
                    `prometheus-alertmanager` are on the PATH (Debian: apt-get install prometheus prometheus-alertmanager)";

/// The program's path.
fn installed() -> anyhow::Result<PathBuf> {
    packages::on_path("prometheus")
        .with_context(|| format!("`prometheus` is not on the PATH\n{HINT}"))
}

/// Installs missing Debian packages, if that is possible.
pub async fn install(processes: &Processes) -> anyhow::Result<()> {
    for package in PACKAGES {
        packages::install(processes, package, package, HINT).await?;
    }
    Ok(())
}

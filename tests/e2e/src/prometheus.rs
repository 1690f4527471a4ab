//! A real Prometheus, from the machine's packages, with remote write switched on.

mod api;
mod shipped;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::process::Command;

use crate::net::{free_port, http_client, wait_until_it_answers};
use crate::process::{Processes, Running};
use crate::run::root;

pub struct Prometheus {
    /// Such as `http://127.0.0.1:9090`.
    pub url: String,
    pub process: Running,
    client: reqwest::Client,
}

/// One series of an instant query.
#[derive(Clone, Debug, Deserialize)]
pub struct Found {
    pub metric: std::collections::BTreeMap<String, String>,
    /// Time in seconds, value as text.
    value: (f64, String),
}

impl Found {
    /// Not a number when Prometheus says so.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value.1.parse().unwrap_or(f64::NAN)
    }
}

impl Prometheus {
    /// Starts it with an empty storage of its own; `scraped` is `host:port` of the chatbot, which it
    /// scrapes as the user's own Prometheus does.
    pub async fn start(state: &Path, scraped: &str, processes: &Processes) -> anyhow::Result<Self> {
        Self::watching(state, &[scraped], processes).await
    }

    /// Starts it to scrape several.
    pub async fn watching(
        state: &Path,
        scraped: &[&str],
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let program = installed()?;
        let folder = state.join("prometheus");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, shipped::configuration(root(), scraped)?)?;
        let _ = std::fs::remove_file(processes.log("prometheus"));

        let mut attempts = 3;
        loop {
            let port = free_port()?;
            let mut command = Command::new(&program);
            command
                .arg(format!("--config.file={}", config.display()))
                // Debian's default path is shared by all that the machine runs.
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--web.enable-remote-write-receiver")
                .current_dir(&folder);
            let process = processes.start("prometheus", &mut command)?;
            let url = format!("http://127.0.0.1:{port}");
            let ready = format!("{url}/-/ready");
            let started = wait_until_it_answers(&ready, &process, Duration::from_secs(60)).await;
            attempts -= 1;
            match started {
                Ok(()) => return Ok(Self { url, process, client: http_client()? }),
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Where remote write is sent.
    #[must_use]
    pub fn remote_write_url(&self) -> String {
        format!("{}/api/v1/write", self.url)
    }

    /// An instant query at the present.
    pub async fn query(&self, query: &str) -> anyhow::Result<Vec<Found>> {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            result: Vec<Found>,
        }
        let url = format!("{}/api/v1/query", self.url);
        let response = self.client.get(url).query(&[("query", query)]).send().await?;
        if !response.status().is_success() {
            bail!("`{query}` was answered with {}", response.text().await?);
        }
        let answer: Answer = response.json().await.with_context(|| query.to_owned())?;
        Ok(answer.data.result)
    }
}

const HINT: &str = "hint: install Prometheus 2.40 or later so that `prometheus` is on the PATH \
                    (Debian: apt-get install prometheus)";

/// The program's path.
fn installed() -> anyhow::Result<PathBuf> {
    on_path("prometheus").with_context(|| format!("`prometheus` is not on the PATH\n{HINT}"))
}

/// Installs Debian's package where Prometheus is missing and that is possible.
pub async fn install(processes: &Processes) -> anyhow::Result<()> {
    install_packages(&["prometheus"], processes).await
}

/// Installs those of Debian's packages whose program of the same name is missing.
pub async fn install_packages(packages: &[&str], processes: &Processes) -> anyhow::Result<()> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|name| on_path(name).is_none()).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    if !rustix::process::geteuid().is_root() || on_path("apt-get").is_none() {
        bail!("`{first}` is not on the PATH, and only root can install it\n{HINT}");
    }
    let install = ["install", "--yes", "--no-install-recommends"];
    for arguments in [vec!["update"], [&install[..], &missing].concat()] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        processes.run("install-prometheus", &mut command).await.context(HINT)?;
    }
    match missing.into_iter().find(|name| on_path(name).is_none()) {
        None => Ok(()),
        Some(name) => bail!("`{name}` is not on the PATH after its installation\n{HINT}"),
    }
}

/// The first file of that name on the PATH.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

//! A real Prometheus, from the machine's packages, with remote write switched on and the rules that are
//! shipped.

mod api;
mod shipped;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::process::Command;

use crate::net::{free_port, http_client, wait_until_it_answers};
use crate::packages;
use crate::process::{Processes, Running};
use crate::run::root;

pub struct Prometheus {
    /// Such as `http://127.0.0.1:9090`.
    pub url: String,
    pub process: Running,
    client: reqwest::Client,
    /// Where it looks for the Alertmanagers to notify.
    alertmanagers: PathBuf,
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
        let program = installed("prometheus")?;
        let folder = state.join("prometheus");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let alertmanagers = folder.join("targets/alertmanager.yml");
        std::fs::create_dir_all(folder.join("targets"))?;
        std::fs::write(&alertmanagers, "[]")?;
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
                // An Alertmanager that comes late hears of what fires already within this.
                .arg("--rules.alert.resend-delay=5s")
                .current_dir(&folder);
            let process = processes.start("prometheus", &mut command)?;
            let url = format!("http://127.0.0.1:{port}");
            let ready = format!("{url}/-/ready");
            let started = wait_until_it_answers(&ready, &process, Duration::from_secs(60)).await;
            attempts -= 1;
            match started {
                Ok(()) => return Ok(Self { url, process, client: http_client()?, alertmanagers }),
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Lets it notify the Alertmanagers at these addresses, from its next look at the file on.
    pub fn notify(&self, addresses: &[&str]) -> anyhow::Result<()> {
        // Put in place at once: it must never see half a file.
        let written = self.alertmanagers.with_extension("new");
        std::fs::write(&written, serde_json::json!([{ "targets": addresses }]).to_string())?;
        Ok(std::fs::rename(&written, &self.alertmanagers)?)
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

/// Debian's packages, which are named like their programs.
const PACKAGES: [&str; 2] = ["prometheus", "prometheus-alertmanager"];

const HINT: &str = "hint: install Prometheus 2.40 and Alertmanager 0.25 or later so that `prometheus` and \
                    `prometheus-alertmanager` are on the PATH (Debian: apt-get install prometheus prometheus-alertmanager)";

/// The program's path.
fn installed(program: &str) -> anyhow::Result<PathBuf> {
    packages::on_path(program)
        .with_context(|| format!("`{program}` is not on the PATH\n{HINT}"))
}

/// Installs Debian's packages where one is missing and that is possible.
pub async fn install(processes: &Processes) -> anyhow::Result<()> {
    for package in PACKAGES {
        packages::install(processes, package, package, HINT).await?;
    }
    Ok(())
}

//! A proxy between the functions and the local AWS that answers some calls with a fault.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::net::{http_client, wait_until_it_answers};
use crate::python::EMULATOR;
use deploy::process::{Processes, Running};

pub struct Faults {
    url: String,
    pub process: Running,
    client: reqwest::Client,
}

/// A fault that was returned for a call.
#[derive(Clone, Debug, Deserialize)]
pub struct Fired {
    pub operation: Option<String>,
}

impl Faults {
    /// Starts it on `port`, as a proxy of the server on `upstream`.
    pub async fn start(
        root: &Path,
        port: u16,
        upstream: &str,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let _ = std::fs::remove_file(processes.log("faults"));
        let mut command = Command::new(EMULATOR.program(root, "python"));
        command
            .arg(root.join("tests/emulator/faults.py"))
            .args(["--upstream", upstream, "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("PYTHONUNBUFFERED", "1");
        let process = processes.start("faults", &mut command)?;
        let url = format!("http://127.0.0.1:{port}/_microburst");
        let health = format!("{url}/health");
        wait_until_it_answers(&health, &process, Duration::from_secs(60)).await?;
        Ok(Self { url, process, client: http_client()? })
    }

    /// Adds rules.
    pub async fn add(&self, rules: &Value) -> anyhow::Result<()> {
        let answer = self.client.patch(format!("{}/rules", self.url)).json(rules).send().await?;
        ensure!(answer.status().is_success(), "the rules were refused: {}", answer.text().await?);
        Ok(())
    }

    /// Every fault so far.
    pub async fn fired(&self) -> anyhow::Result<Vec<Fired>> {
        let answer = self.client.get(format!("{}/fired?limit=1000", self.url)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}

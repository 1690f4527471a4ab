//! A real Alertmanager, from the machine's packages, with the configuration that is shipped.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::local_aws::aws_variables;
use crate::net::{free_port, http_client, wait_until_it_answers};
use deploy::process::{Processes, Running};

pub struct Alertmanager {
    /// `host:port`, for Prometheus.
    pub address: String,
    pub process: Running,
}

impl Alertmanager {
    /// Starts one as `name` with `infra/observability/alertmanager.yml`, rendered with `settings` by the
    /// script that users render it with. It signs for the local AWS at `endpoint`.
    pub async fn start(
        root: &Path,
        state: &Path,
        name: &str,
        settings: &[(&str, &str)],
        endpoint: &str,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let folder = state.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let shipped = root.join("infra/observability");
        let rendered = Command::new(shipped.join("render-alertmanager.sh"))
            .arg(shipped.join("alertmanager.yml"))
            .env("TEMPLATES", shipped.join("templates"))
            .envs(settings.iter().copied())
            .output()
            .await?;
        let complaint = String::from_utf8_lossy(&rendered.stderr);
        ensure!(rendered.status.success(), "alertmanager.yml was not rendered: {complaint}");
        let config = folder.join("alertmanager.yml");
        std::fs::write(&config, rendered.stdout)?;

        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .envs(aws_variables(endpoint))
            .current_dir(&folder);
        let process = processes.start(name, &mut command)?;
        let ready = format!("http://{address}/-/ready");
        wait_until_it_answers(&ready, &process, Duration::from_secs(60))
            .await
            .context(address.clone())?;
        Ok(Self { address, process })
    }

    /// Raises alerts as Prometheus does: a list with `labels` and `annotations`.
    pub async fn raise(&self, alerts: &serde_json::Value) -> anyhow::Result<()> {
        let url = format!("http://{}/api/v2/alerts", self.address);
        http_client()?.post(url).json(alerts).send().await?.error_for_status()?;
        Ok(())
    }
}

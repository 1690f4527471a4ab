//! The probed chatbot: a real Gradio app whose mood can be changed while it runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use tokio::process::Command;

use crate::net::{free_port, http_client, wait_until_it_answers};
use crate::python::GRADIO;
use deploy::process::{Processes, Running};

/// Ways in which a chatbot behaves; those of `tests/apps/bot.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Ok,
    Slow,
    Error,
    Nonsense,
    Hang,
}

impl Mood {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Error => "error",
            Self::Nonsense => "nonsense",
            Self::Hang => "hang",
        }
    }
}

pub struct Bot {
    pub port: u16,
    root: PathBuf,
    /// Bots below `/NAME/`; a single one at `/` when empty.
    names: Vec<String>,
    processes: Processes,
    /// `None` while it is stopped.
    process: Option<Running>,
    client: reqwest::Client,
}

impl Bot {
    pub async fn start(root: &Path, names: &[&str], processes: &Processes) -> anyhow::Result<Self> {
        let _ = std::fs::remove_file(processes.log("bot"));
        let mut bot = Self {
            port: free_port()?,
            root: root.to_owned(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            processes: processes.clone(),
            process: None,
            client: http_client()?,
        };
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match bot.restart().await {
                Ok(()) => return Ok(bot),
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => bot.port = free_port()?,
            }
        }
    }

    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Stops it: its port is closed.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Starts it again on the same port.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(GRADIO.program(&self.root, "python"));
        command
            .arg(self.root.join("tests/apps/bot.py"))
            .args(["--port", &self.port.to_string()])
            .args(self.names.iter().flat_map(|name| ["--name", name]))
            .env("GRADIO_ANALYTICS_ENABLED", "False")
            .env("PYTHONUNBUFFERED", "1");
        let process = self.processes.start("bot", &mut command)?;
        let metrics = format!("{}/metrics", self.url());
        wait_until_it_answers(&metrics, &process, Duration::from_secs(90)).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Changes the mood of one bot; `bot` is the name of a single one.
    pub async fn set_mood(&self, name: &str, mood: Mood) -> anyhow::Result<()> {
        let url = format!("{}/control/{name}", self.url());
        let answer = self.client.post(url).json(&json!({"mood": mood.name()})).send().await?;
        ensure!(answer.status().is_success(), "`{name}` answered {}", answer.text().await?);
        Ok(())
    }
}

//! Starts one app, and nginx in front of it if the case needs that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use deploy::process::{Processes, Running, tail};
use harness::net::{free_port, http_client, loopback};
use http::StatusCode;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::manifest::{Case, Release, Serving};
use crate::nginx::{self, PREFIX};

/// Enough for a machine that compiles at the same time.
const START: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
/// Another program may take a port between its choice and its use.
const ATTEMPTS: usize = 3;
/// Where apps are mounted; `apps/support.py` has the same path.
const MOUNT: &str = "/bot";

/// `apps/launcher.py` of one release of Gradio.
pub(crate) struct Launcher {
    process: Running,
    port: u16,
}

/// What the launcher reads; see `apps/launcher.py`.
#[derive(Serialize)]
struct Request<'a> {
    program: &'a Path,
    arguments: Vec<String>,
    env: BTreeMap<&'a str, String>,
    log: &'a Path,
}

impl Launcher {
    pub(crate) fn start(
        root: &Path,
        release: Release,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let environment = release.environment();
        let mut command = Command::new(environment.program(root, "python"));
        command
            .arg(root.join("tests/browser/apps/launcher.py"))
            .arg(port.to_string())
            .env("GRADIO_ANALYTICS_ENABLED", "False")
            .env("HF_HUB_OFFLINE", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let process = processes.start(&format!("launcher-{}", environment.name), &mut command)?;
        Ok(Self { process, port })
    }

    /// Connects once the launcher has imported Gradio.
    async fn connect(&self) -> anyhow::Result<TcpStream> {
        let deadline = Instant::now() + START;
        loop {
            match TcpStream::connect(loopback(self.port)).await {
                Ok(connection) => return Ok(connection),
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => self.process.check()?,
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// A running app; it ends when this is dropped.
pub(crate) struct App {
    connection: TcpStream,
    log: PathBuf,
    nginx: Option<Running>,
    port: u16,
    path: &'static str,
}

impl App {
    pub(crate) async fn start(
        root: &Path,
        case: &Case,
        launcher: &Launcher,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::try_start(root, case, launcher, processes).await {
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn try_start(
        root: &Path,
        case: &Case,
        launcher: &Launcher,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let log = processes.log(&case.name);
        let mut arguments = vec![port.to_string()];
        arguments.extend(argument(case.serving).map(str::to_owned));
        let mut env: BTreeMap<&str, String> =
            case.env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        env.insert("GRADIO_NODE_PORT", free_port()?.to_string());
        let request = Request { program: &case.program, arguments, env, log: &log };
        let mut connection = launcher.connect().await?;
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        connection.write_all(&line).await?;

        let mounted = case.serving == Serving::Mounted;
        let path = if mounted { MOUNT } else { "" };
        let mut app = Self { connection, log, nginx: None, port, path };
        // The configuration rather than the page: some apps have a page that is broken.
        app.wait_until_ready("/config").await?;
        if case.serving == Serving::Ssr {
            // Node starts after the Python server.
            app.wait_until_ready("/").await?;
        }
        if matches!(case.serving, Serving::Nginx | Serving::NginxStripped) {
            let (nginx, port) = nginx::start(root, &case.name, port, processes).await?;
            (app.nginx, app.port, app.path) = (Some(nginx), port, PREFIX);
        }
        Ok(app)
    }

    async fn wait_until_ready(&self, path: &str) -> anyhow::Result<()> {
        let client = http_client()?;
        let url = format!("http://{}{}{path}", loopback(self.port), self.path);
        let deadline = Instant::now() + START;
        loop {
            let answer = client.get(&url).send().await;
            // An app with a login answers 401.
            let ready =
                |status: StatusCode| status.is_success() || status == StatusCode::UNAUTHORIZED;
            if answer.is_ok_and(|response| ready(response.status())) {
                return Ok(());
            }
            // The launcher closes the connection when the app has ended.
            let ended = matches!(self.connection.try_read(&mut [0]), Ok(0));
            if ended || Instant::now() > deadline {
                bail!("`{url}` does not answer\n{}", tail(&self.log, 8));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The address for the browser.
    pub(crate) fn url(&self, case: &Case) -> String {
        format!("http://{}{}{}", loopback(self.port), self.path, case.path)
    }

    /// Stops it; the launcher kills an app whose connection is closed.
    pub(crate) async fn stop(self) {
        if let Some(nginx) = self.nginx {
            nginx.stop().await;
        }
        drop(self.connection);
    }
}

/// What `apps/support.py` reads after the port.
fn argument(serving: Serving) -> Option<&'static str> {
    match serving {
        Serving::Plain | Serving::NginxStripped => None,
        Serving::Ssr => Some("ssr"),
        Serving::Mounted => Some("mounted"),
        Serving::Nginx => Some("prefixed"),
    }
}

//! nginx before an app, below a prefix that it removes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use deploy::process::{Processes, Running};
use harness::net::{free_port, loopback, wait_until_it_answers};
use harness::packages;
use tokio::process::Command;

const HINT: &str =
    "hint: install nginx so that `nginx` is on the PATH (Debian: apt-get install nginx-light)";
/// The prefix that it removes; `apps/support.py` has the same one.
pub(crate) const PREFIX: &str = "/app";
const START: Duration = Duration::from_secs(20);

/// Starts it before the app on `backend`; returns it with its port.
pub(crate) async fn start(
    root: &Path,
    name: &str,
    backend: u16,
    processes: &Processes,
) -> anyhow::Result<(Running, u16)> {
    let program = packages::install(processes, "nginx", "nginx-light", HINT).await?;
    let port = free_port()?;
    let folder = root.join("target/browser/nginx").join(name);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("nginx.conf"), configuration(port, backend))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]);
    let running = processes.start(&format!("{name}-nginx"), &mut command)?;
    let url = format!("http://{}{PREFIX}/config", loopback(port));
    wait_until_it_answers(&url, &running, START).await?;
    Ok((running, port))
}

/// As Gradio's guide on nginx has it: the prefix is removed, the stream is not buffered.
fn configuration(port: u16, backend: u16) -> String {
    format!(
        "pid nginx.pid;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        location {PREFIX}/ {{
            proxy_pass http://127.0.0.1:{backend}/;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"
    )
}

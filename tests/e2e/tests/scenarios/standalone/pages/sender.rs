//! The programs that scrape the pages.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use deploy::process::{Processes, Running};
use harness::net::free_port;
use tokio::process::Command;

use super::servers::{Addresses, Servers};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sender {
    Vigie,
    Prometheus2,
    Prometheus3,
}

pub(crate) const ALL: [Sender; 3] = [Sender::Vigie, Sender::Prometheus2, Sender::Prometheus3];

pub(crate) struct Program {
    pub(crate) sender: Sender,
    pub(crate) path: PathBuf,
}

impl Sender {
    /// Its name in URLs, files and the list of differences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vigie => "vigie",
            Self::Prometheus2 => "prometheus-2",
            Self::Prometheus3 => "prometheus-3",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        ALL.into_iter().find(|sender| sender.name() == name)
    }
}

impl Program {
    pub(crate) fn start(
        &self,
        folder: &Path,
        servers: &Servers,
        addresses: Addresses,
        processes: &Processes,
    ) -> anyhow::Result<Running> {
        let name = self.sender.name();
        let folder = folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let _ = fs::remove_file(processes.log(name));
        let config = folder.join("prometheus.yml");
        fs::write(&config, configuration(self.sender, servers, addresses))?;
        let mut command = Command::new(&self.path);
        match self.sender {
            Sender::Vigie => {
                command.arg("bridge");
            }
            Sender::Prometheus2 => {
                command.arg("--enable-feature=agent,native-histograms");
            }
            Sender::Prometheus3 => {
                command.args(["--agent", "--enable-feature=native-histograms"]);
            }
        }
        if self.sender == Sender::Vigie {
            command.arg("--config").arg(config);
        } else {
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.agent.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{}", free_port()?));
        }
        Ok(processes.start(name, command.current_dir(&folder))?)
    }
}

/// The same for all senders, except for the paths, and for native histograms, which a flag enables in Prometheus.
fn configuration(sender: Sender, servers: &Servers, addresses: Addresses) -> String {
    let Addresses { target, receiver } = addresses;
    let native = if sender == Sender::Vigie { ", scrape_native_histograms: true" } else { "" };
    let sender = sender.name();
    let mut config = format!(
        "global: {{ scrape_timeout: 10s{native} }}\n\
         remote_write:\n- {{ url: \"http://{receiver}/write/{sender}\", send_exemplars: true, send_native_histograms: true, \
         queue_config: {{ batch_send_deadline: 1s }}, metadata_config: {{ send_interval: 5s }} }}\n\
         scrape_configs:\n"
    );
    for (page, settings) in servers.pages() {
        let _ = writeln!(
            config,
            "- {{ job_name: \"{page}\", scrape_interval: 15s, metrics_path: \"/{sender}/{page}\", static_configs: [{{ targets: [\"{target}\"] }}]{settings} }}"
        );
    }
    config
}

//! The apps of one version: one Python process with a server for each shape.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;

use crate::shape::Shape;
use crate::version::Version;
use deploy::process::{Processes, Running};
use harness::net::{free_port, loopback, wait_until_it_answers};

/// Long enough for a machine that compiles at the same time.
const START: Duration = Duration::from_secs(120);

/// Running servers; they end with it.
pub(super) struct Fleet {
    ports: Vec<(Shape, u16)>,
    process: Running,
}

impl Fleet {
    /// Starts every shape of the version, with three attempts: some versions exit if they cannot reach their
    /// own page in time, and another program may take a port.
    pub(super) async fn start(
        root: &Path,
        version: Version,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        version.python.install(root, processes).await?;
        let _ = std::fs::remove_file(processes.log(version.python.name));
        let mut tries = 1..=3;
        loop {
            tries.next();
            match Self::once(root, version, processes).await {
                Err(_) if !tries.is_empty() => {}
                result => return result.with_context(|| format!("Gradio {}", version.number)),
            }
        }
    }

    async fn once(root: &Path, version: Version, processes: &Processes) -> anyhow::Result<Self> {
        let ports: Vec<(Shape, u16)> = Shape::of(&version)
            .map(|shape| Ok((shape, free_port()?)))
            .collect::<anyhow::Result<_>>()?;
        let mut command = Command::new(version.python.program(root, "python"));
        command
            .arg(root.join("tests/apps/shapes.py"))
            .args(ports.iter().map(|(shape, port)| format!("{}={port}", shape.word())))
            .env("PYTHONUNBUFFERED", "1");
        let process = processes.start(version.python.name, &mut command)?;
        let fleet = Self { ports, process };
        for (shape, url) in fleet.apps() {
            // The page, which is also served without a login.
            wait_until_it_answers(&format!("{url}/"), &fleet.process, START)
                .await
                .with_context(|| shape.word())?;
        }
        Ok(fleet)
    }

    /// Every shape with its address.
    pub(super) fn apps(&self) -> impl Iterator<Item = (Shape, String)> {
        let address = |&(shape, port): &(Shape, u16)| {
            (shape, format!("http://{}{}", loopback(port), shape.path()))
        };
        self.ports.iter().map(address)
    }

    /// What the servers wrote.
    pub(super) fn log(&self) -> &Path {
        self.process.log()
    }
}

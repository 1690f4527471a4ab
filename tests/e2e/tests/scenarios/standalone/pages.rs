//! What a scrape stores, beside real Prometheus servers.
//!
//! `vigie bridge` and the agents of Prometheus 2 and 3 scrape the same pages (`set.rs`) and send their samples
//! to the same receiver. The samples are compared one by one, with stale markers and the series about the
//! scrape. Every difference is listed with its reason in `differences.txt`; `UPDATE=1` writes the list.

mod compare;
mod differences;
mod http_answers;
mod pages_of_exporters;
mod pages_with_settings;
mod protobuf_pages;
mod sender;
mod servers;
mod set;

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use deploy::process::Processes;
use deploy::run;
use harness::command;
use harness::debian::{PROMETHEUS_2, PROMETHEUS_3};
use libtest_mimic::Completion;

use super::skipped;
use sender::{Program, Sender};
use servers::Servers;

/// Pages of the set, at least.
const LEAST: usize = 400;

pub(super) async fn check() -> anyhow::Result<Completion> {
    let folder = run::root().join("target/acceptance");
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    // The list of differences is that of these versions. The machine may have another one.
    let prometheus_2 = match PROMETHEUS_2.unpack(run::root(), &processes).await {
        Ok(package) => package.program("prometheus"),
        Err(error) => return skipped(&error),
    };
    let prometheus_3 = match PROMETHEUS_3.unpack(run::root(), &processes).await {
        Ok(package) => package.program("prometheus"),
        Err(error) => return skipped(&error),
    };
    let vigie = command::build(run::root(), &processes).await?;
    let programs = [
        Program { sender: Sender::Vigie, path: vigie },
        Program { sender: Sender::Prometheus2, path: prometheus_2 },
        Program { sender: Sender::Prometheus3, path: prometheus_3 },
    ];

    let set = set::all()?;
    ensure!(LEAST <= set.len(), "the set has {} pages; expected at least {LEAST}", set.len());
    let servers = Arc::new(Servers::new(set));
    let addresses = servers::serve(&servers).await?;
    let mut running = Vec::new();
    for program in &programs {
        running.push(program.start(&folder, &servers, addresses, &processes)?);
    }
    servers.until_scraped(&running, Duration::from_secs(240)).await?;
    // The last samples are sent within the batch deadline.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for program in running {
        program.stop().await;
    }
    differences::check(&compare::all(&servers)?)?;
    Ok(Completion::Completed)
}

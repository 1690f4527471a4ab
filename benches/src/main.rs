//! `make bench`: measures Vigie and comparable programs with the same work in the same run.
//!
//! Each section returns tables; a value is a median, and each table names the command that it ran. `ONLY`
//! selects sections; the tables go to standard output.
//!
//! ```text
//! make bench ONLY="clients bridge" RUNS=3
//! ```

mod archives;
mod bridge;
mod clients;
mod cost;
mod functions;
mod history;
mod lambda;
mod quota;
mod scripted_aws;
mod table;
mod tls;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::run;

use table::{Bench, Table};

/// In the order in which they run.
const SECTIONS: [&str; 5] = ["archives", "clients", "functions", "bridge", "history"];
/// Measurements that run only if `ONLY` names them.
const PARTS: [&str; 2] = ["conversation", "cost"];

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(bench(run::root(), &progress))).await
}

async fn bench(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let state = root.join("target/bench");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let runs = match std::env::var("RUNS") {
        Ok(runs) => {
            runs.parse().with_context(|| format!("`RUNS` is `{runs}`; expected a number"))?
        }
        Err(_) => 5,
    };
    let only = std::env::var("ONLY").unwrap_or_default();
    let named: Vec<&str> = only.split_whitespace().collect();
    let all = || SECTIONS.iter().chain(&PARTS);
    if let Some(unknown) = named.iter().find(|name| !all().any(|known| known == *name)) {
        let known: Vec<&str> = all().copied().collect();
        bail!("`ONLY` names `{unknown}`; expected some of {}", known.join(", "));
    }
    let bench = Bench { root, processes: &processes, progress, runs };
    let mut written = String::new();
    let is_selected =
        |name: &&&str| named.contains(name) || (named.is_empty() && SECTIONS.contains(name));
    for name in all().filter(is_selected) {
        for table in section(name, &bench).await? {
            let markdown = table.markdown();
            writeln!(std::io::stdout(), "\n{markdown}")?;
            written.push_str(&markdown);
            written.push('\n');
        }
    }
    fs::write(state.join("tables.md"), written)?;
    progress.note(format!("written to `{}`", state.join("tables.md").display()));
    Ok(())
}

async fn section(name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    match name {
        "archives" => archives::measure(bench).await,
        "clients" => clients::measure(bench).await,
        "conversation" => clients::measure_conversation(bench).await,
        "cost" => cost::measure(bench).await,
        "functions" => functions::measure(bench).await,
        "bridge" => bridge::measure(bench).await,
        "history" => history::measure(bench).await,
        _ => bail!("no section `{name}`"),
    }
}

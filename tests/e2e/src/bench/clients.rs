//! Section `clients`: the same conversation held by Vigie and by Gradio's own clients, a thousand
//! conversations at once, and how far past its limit each fault ends.

mod at_once;
mod conversation;
mod faults;
mod floor;
mod peers;
mod server;

use std::path::PathBuf;

use tokio::process::Command;

use super::{Bench, Table};

/// As people install the command; the tables quote it.
const PROFILE: &str = "dist";

/// Measures the section's three subjects.
pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    bench.progress.step("build the programs that are measured", build(bench)).await?;
    Ok(vec![
        conversation::measure(bench).await?,
        at_once::measure(bench).await?,
        faults::measure(bench).await?,
    ])
}

async fn build(bench: &Bench<'_>) -> anyhow::Result<((), &'static str)> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--package", "gradio", "--profile", PROFILE]);
    cargo.args(["converse", "many", "chat_server"].iter().flat_map(|name| ["--example", name]));
    bench.processes.show("build-clients", cargo.current_dir(bench.root)).await?;
    Ok(((), "crates/gradio/examples"))
}

/// An example of crates/gradio.
fn example(bench: &Bench<'_>, name: &str) -> PathBuf {
    bench.root.join("target").join(PROFILE).join("examples").join(name)
}

/// A figure with so many decimals; a dash for one that was not to be had.
fn written(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.decimals$}"))
}

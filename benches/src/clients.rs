//! Section `clients`: the same conversation held by Vigie and by Gradio's own clients, a thousand
//! conversations at once, and how far past its limit each fault ends.

mod at_once;
mod conversation;
mod faults;
mod floor;
mod peers;
mod server;
mod turn;

use std::path::PathBuf;

use crate::table::{Bench, Table};

/// As people install the command; the tables quote it.
const PROFILE: &str = "dist";

/// Measures the section's three subjects.
pub(crate) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    bench.progress.step("build the programs that are measured", build(bench)).await?;
    Ok(vec![
        conversation::measure(bench).await?,
        at_once::measure(bench).await?,
        faults::measure(bench).await?,
    ])
}

/// Measures one conversation by each client.
pub(crate) async fn measure_conversation(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let work = async {
        build_example(bench).await?;
        anyhow::Ok(((), "crates/gradio/examples"))
    };
    bench.progress.step("build the program that is measured", work).await?;
    Ok(vec![conversation::measure(bench).await?])
}

async fn build_example(bench: &Bench<'_>) -> anyhow::Result<()> {
    bench.cargo(PROFILE, &["--package", "gradio", "--example", "converse"]).await
}

async fn build(bench: &Bench<'_>) -> anyhow::Result<((), &'static str)> {
    build_example(bench).await?;
    let programs = ["--package", "bench-programs", "--bin", "many", "--bin", "chat_server"];
    bench.cargo(PROFILE, &programs).await?;
    Ok(((), "crates/gradio/examples, benches/programs"))
}

/// The example of crates/gradio that holds one conversation.
fn converse(bench: &Bench<'_>) -> PathBuf {
    bench.program(PROFILE, "examples/converse")
}

/// A value with so many decimals; a dash for a missing one.
fn written(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

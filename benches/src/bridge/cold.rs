//! One cold invocation of the function: from its start to the answer about 10,000 samples.

use anyhow::Context;
use serde::Deserialize;
use tokio::process::Command;

use crate::table::{Bench, Table, median};

const SAMPLES: usize = 10_000;

/// The output of `cold` of benches/programs.
#[derive(Deserialize)]
struct Cost {
    wall_ms: f64,
    cpu_ms: f64,
    peak_mib: f64,
}

/// The function as it is deployed, and the program that invokes it.
pub(super) async fn build(bench: &Bench<'_>) -> anyhow::Result<()> {
    bench.functions().await?;
    bench.cargo("dev", &["--package", "bench-programs", "--bin", "cold"]).await
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Table> {
    let work = async {
        let mut costs = Vec::new();
        for _ in 0..bench.runs {
            costs.push(once(bench).await?);
        }
        Ok::<_, anyhow::Error>((costs, format!("{SAMPLES} samples")))
    };
    let costs: Vec<Cost> = bench.progress.step("one cold invocation of the bridge", work).await?;
    let value = |of: fn(&Cost) -> f64| {
        let middle = median(costs.iter().map(of).collect());
        middle.map_or_else(String::new, |value| format!("{value:.0}"))
    };
    let command = format!(
        "`target/debug/cold target/lambda/bridge/bootstrap {SAMPLES}`: the release binary, started \
         for one event from the queue; runtime API, receiver and AWS are on this machine. Medians \
         of {}. CPU is that of the whole process.",
        bench.runs
    );
    Ok(Table {
        title: "The bridge as a function: one cold invocation".to_owned(),
        notes: vec![command],
        header: ["samples", "wall ms", "CPU ms", "peak MiB"].map(str::to_owned).to_vec(),
        rows: vec![vec![
            SAMPLES.to_string(),
            value(|cost| cost.wall_ms),
            value(|cost| cost.cpu_ms),
            value(|cost| cost.peak_mib),
        ]],
    })
}

async fn once(bench: &Bench<'_>) -> anyhow::Result<Cost> {
    let mut cold = Command::new(bench.program("dev", "cold"));
    cold.arg(bench.root.join("target/lambda/bridge/bootstrap")).arg(SAMPLES.to_string());
    // Ended with all it started when the bench is interrupted.
    let output = cold.kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_str(&text).with_context(error)
}

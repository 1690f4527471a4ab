//! The stages of the bridge beside the least work on the same bytes.

use anyhow::Context as _;
use serde::Deserialize;
use tokio::process::Command;

use crate::table::{Bench, Table, median};

const PROGRAM: &str = "floor";

/// A row of the output of `floor` of benches/programs.
#[derive(Deserialize)]
struct Row {
    stage: String,
    ns_per_sample: f64,
    mb_per_second: f64,
}

pub(super) async fn build(bench: &Bench<'_>, profile: &str) -> anyhow::Result<()> {
    bench.cargo(profile, &["--package", "bench-programs", "--bin", PROGRAM]).await
}

pub(super) async fn measure(bench: &Bench<'_>, profile: &str) -> anyhow::Result<Table> {
    let work = async {
        let mut runs = Vec::new();
        for _ in 0..bench.runs {
            runs.push(once(bench, profile).await?);
        }
        anyhow::Ok((runs, "measured".to_owned()))
    };
    let runs: Vec<Vec<Row>> = bench.progress.step("stages of the bridge", work).await?;
    let middle = |index: usize, of: fn(&Row) -> f64| {
        median(runs.iter().filter_map(|rows| rows.get(index)).map(of).collect()).unwrap_or_default()
    };
    let rows = runs[0].iter().enumerate().map(|(index, row)| {
        let time = middle(index, |row| row.ns_per_sample);
        let rate = middle(index, |row| row.mb_per_second);
        vec![row.stage.clone(), format!("{time:.1}"), format!("{rate:.0}")]
    });
    let note = format!(
        "`target/{profile}/{PROGRAM}`: a page of 100,000 counters whose values all change, and its samples in requests of 2,000. One thread, no network. Medians of {}.",
        bench.runs
    );
    Ok(Table {
        title: "Stages of the bridge beside the least work on the same bytes".to_owned(),
        notes: vec![note],
        header: ["stage", "ns a sample", "MB a second"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    })
}

async fn once(bench: &Bench<'_>, profile: &str) -> anyhow::Result<Vec<Row>> {
    let mut floor = Command::new(bench.program(profile, PROGRAM));
    let output = floor.kill_on_drop(true).output().await?;
    let error = || String::from_utf8_lossy(&output.stderr).into_owned();
    let rows: Vec<Row> = serde_json::from_slice(&output.stdout).with_context(error)?;
    anyhow::ensure!(!rows.is_empty(), "`{PROGRAM}` printed no rows");
    Ok(rows)
}

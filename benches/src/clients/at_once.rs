//! A thousand conversations from one process with a scripted server that logs when it sent what.

use std::fs;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use super::{PROFILE, written};
use crate::table::{Bench, Table, median};

const CONVERSATIONS: usize = 1000;
/// Turns, chunks of each, and milliseconds between them.
const SCRIPT: [usize; 3] = [3, 50, 20];

/// The output of `many` of benches/programs.
#[derive(Deserialize)]
struct Output {
    succeeded: usize,
    replies_compared: usize,
    first_chunk_off_ms: Off,
    wall_seconds: f64,
    cpu_seconds: f64,
    peak_kib: f64,
}

#[derive(Deserialize)]
struct Off {
    p50: f64,
    p99: f64,
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Table> {
    let work = async {
        let mut runs = Vec::new();
        for _ in 0..bench.runs {
            runs.push(converse(bench).await?);
        }
        Ok::<_, anyhow::Error>((runs, format!("all succeeded, {} times", bench.runs)))
    };
    let runs = bench.progress.step("a thousand conversations at once", work).await?;
    let of = |value: fn(&Output) -> f64| median(runs.iter().map(value).collect());
    let row = vec![
        CONVERSATIONS.to_string(),
        written(of(|output| output.first_chunk_off_ms.p50), 1),
        written(of(|output| output.first_chunk_off_ms.p99), 1),
        written(of(|output| output.wall_seconds), 1),
        written(of(|output| output.cpu_seconds), 2),
        written(of(|output| output.peak_kib * 1024.0 / 1e6), 0),
    ];
    let header = [
        "conversations at once",
        "first chunk's time off by, ms p50",
        "p99",
        "wall, s",
        "CPU, s",
        "peak memory, MB",
    ];
    let [turns, chunks, pause] = SCRIPT;
    let arguments = arguments().join(" ");
    let notes = vec![
        format!(
            "{turns} turns of {chunks} chunks each, one every {pause} ms, from one thread of one \
             process to a scripted `sse_v3` server in another process. Off by: the reported time minus \
             the time in the server's log, including the time that the server needs to send. Medians."
        ),
        format!("`target/{PROFILE}/many {arguments}`"),
    ];
    Ok(Table {
        title: "A thousand conversations from one process".to_owned(),
        notes,
        header: header.map(str::to_owned).to_vec(),
        rows: vec![row],
    })
}

async fn converse(bench: &Bench<'_>) -> anyhow::Result<Output> {
    bench
        .processes
        .run("many", Command::new(bench.program(PROFILE, "many")).args(arguments()))
        .await?;
    let output = fs::read_to_string(bench.processes.log("many"))?;
    let result: Output =
        serde_json::from_str(&output).with_context(|| format!("`many` printed `{output}`"))?;
    ensure!(result.succeeded == CONVERSATIONS, "not all conversations succeeded: {output}");
    ensure!(result.replies_compared == CONVERSATIONS * SCRIPT[0], "replies are missing: {output}");
    Ok(result)
}

fn arguments() -> Vec<String> {
    std::iter::once(CONVERSATIONS).chain(SCRIPT).map(|number| number.to_string()).collect()
}

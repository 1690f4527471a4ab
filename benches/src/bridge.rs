//! Section `bridge`: compares `vigie bridge` with other agents that scrape the same target and send to the same
//! receiver, and measures one cold invocation of the function.

mod cold;
mod floor;
mod senders;

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use self::senders::Sender;
use crate::table::{Bench, Table, median};
use harness::net::{free_port, http_client, wait_until_it_answers};

/// Shown by the target, all scraped every second.
const SERIES: [usize; 2] = [10_000, 100_000];

/// Time before the measurement: the first scrape, whose series are all new, and the first requests.
const WARM_UP: Duration = Duration::from_secs(5);

/// For which CPU time and samples are counted.
const WINDOW: Duration = Duration::from_secs(7);

/// As people install the command; the notes quote it.
const PROFILE: &str = "dist";

/// Measures the section's two subjects.
pub(crate) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let (progress, built) = (bench.progress, build(bench));
    progress.step("build the bridge, the function and the loopback_target", built).await?;
    let found = progress.step("find the other agents", senders::find(bench));
    let (senders, missing) = found.await?;
    for name in &missing {
        progress.block("Skipped", name);
    }
    Ok(vec![
        agents(bench, &senders, &missing).await?,
        floor::measure(bench, PROFILE).await?,
        cold::measure(bench).await?,
    ])
}

async fn build(bench: &Bench<'_>) -> anyhow::Result<((), &'static str)> {
    bench.cargo(PROFILE, &["--package", "cli", "--bin", "vigie"]).await?;
    bench.cargo(PROFILE, &["--package", "bench-programs", "--bin", "loopback_target"]).await?;
    floor::build(bench, PROFILE).await?;
    cold::build(bench).await?;
    Ok(((), "ready"))
}

/// One sender, measured once.
#[derive(Clone, Copy, Debug)]
struct Row {
    cpu_per_million: f64,
    memory_mib: f64,
    peak_mib: f64,
    wire_bytes: f64,
    samples_per_request: f64,
    samples_per_second: f64,
}

async fn agents(
    bench: &Bench<'_>,
    senders: &[Sender],
    missing: &[String],
) -> anyhow::Result<Table> {
    let mut rows = Vec::new();
    for series in SERIES {
        for sender in senders {
            let title = format!("{} at {series} series", sender.name);
            let measured = bench.progress.step(&title, several(bench, sender, series)).await?;
            let value = |of: fn(&Row) -> f64, decimals: usize| {
                let middle = median(measured.iter().map(of).collect());
                middle.map_or_else(String::new, |value| format!("{value:.decimals$}"))
            };
            rows.push(vec![
                series.to_string(),
                sender.name.clone(),
                value(|row| row.cpu_per_million, 2),
                value(|row| row.memory_mib, 0),
                value(|row| row.peak_mib, 0),
                value(|row| row.wire_bytes, 1),
                value(|row| row.samples_per_request, 0),
                value(|row| row.samples_per_second, 0),
            ]);
        }
    }
    let command = format!(
        "`target/{PROFILE}/vigie bridge --scrape http://HOST/metrics --remote-write \
         http://HOST/api/v1/write --job bench --interval 1s --protocol 2.0`, HOST being \
         `target/{PROFILE}/loopback_target SERIES PORT`: counters in families of fifty, every value \
         another at each scrape, and a receiver that unpacks and decodes all it gets. Medians of {}, \
         over {} s after {} s.",
        bench.runs,
        WINDOW.as_secs(),
        WARM_UP.as_secs(),
    );
    let wire = "Bytes a sample are those of request bodies. Only Vigie's hold the metrics' types and help \
                texts; over remote write 2.0 Prometheus sends empty metadata in agent mode.";
    let mut notes = vec![command, wire.to_owned()];
    notes.extend(missing.iter().map(|name| format!("**Not measured:** {name}")));
    Ok(Table {
        title: "Agents: scraped every second and remote written".to_owned(),
        notes,
        header: [
            "series",
            "agent",
            "CPU s per million samples",
            "memory MiB",
            "peak MiB",
            "bytes a sample",
            "samples a request",
            "samples a second",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    })
}

async fn several(
    bench: &Bench<'_>,
    sender: &Sender,
    series: usize,
) -> anyhow::Result<(Vec<Row>, String)> {
    let mut rows = Vec::new();
    for _ in 0..bench.runs {
        rows.push(once(bench, sender, series).await?);
    }
    let cpu = median(rows.iter().map(|row| row.cpu_per_million).collect()).unwrap_or_default();
    Ok((rows, format!("{cpu:.2} CPU s per million samples")))
}

#[expect(clippy::cast_precision_loss, reason = "figures for a table, far below 2^53")]
async fn once(bench: &Bench<'_>, sender: &Sender, series: usize) -> anyhow::Result<Row> {
    let port = free_port()?;
    let mut loopback_target = Command::new(bench.program(PROFILE, "loopback_target"));
    loopback_target.args([series.to_string(), port.to_string()]);
    let loopback_target = bench.processes.start("bridge-loopback_target", &mut loopback_target)?;
    let (address, timeout) = (format!("127.0.0.1:{port}"), Duration::from_secs(10));
    wait_until_it_answers(&format!("http://{address}/counts"), &loopback_target, timeout).await?;

    let folder = bench.root.join("target/bench/bridge");
    let running = sender.start(bench.processes, &address, &folder)?;
    tokio::time::sleep(WARM_UP).await;
    let (before, cpu_before) = (counts(&address).await?, running.cpu()?);
    tokio::time::sleep(WINDOW).await;
    let (after, cpu_after) = (counts(&address).await?, running.cpu()?);
    let (memory_mib, peak_mib) = running.memory()?;
    running.end().await?;

    let [samples, requests, bytes] = [0, 1, 2].map(|index| (after[index] - before[index]) as f64);
    // Batches make it uneven by one scrape; beyond that the sender does not keep up.
    let expected = (series as u64 * (WINDOW.as_secs() - 2)) as f64;
    ensure!(expected <= samples, "`{}` sent only {samples} samples", sender.name);
    Ok(Row {
        cpu_per_million: cpu_after.saturating_sub(cpu_before).as_secs_f64() / samples * 1e6,
        memory_mib,
        peak_mib,
        wire_bytes: bytes / samples,
        samples_per_request: samples / requests,
        samples_per_second: samples / WINDOW.as_secs_f64(),
    })
}

/// Samples, requests and bytes that `loopback_target` has received so far.
async fn counts(address: &str) -> anyhow::Result<[u64; 3]> {
    let answer = http_client()?.get(format!("http://{address}/counts")).send().await?;
    let answer = answer.text().await?;
    let numbers: Result<Vec<u64>, _> = answer.split(' ').map(str::parse).collect();
    numbers?.try_into().ok().with_context(|| format!("`{answer}` are not three counts"))
}

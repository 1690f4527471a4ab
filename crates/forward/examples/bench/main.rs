//! Measures `vigie bridge` beside Prometheus and vmagent: the same targets, the same receiver.
//!
//! ```text
//! cargo run --profile dist -p forward --example bench -- [--series 10000,100000] [--seconds 20]
//!     [--runs 3] [--vigie PATH] [--only NAME]
//! ```
//!
//! Prints a Markdown table of medians. What is not installed is left out, and said so. CPU is the
//! sender's user and system time over the window, after a warm-up of as long.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table for people is what it is for"
)]
#![allow(clippy::unwrap_used, reason = "a measurement that can't go on ends")]
#![allow(clippy::cast_precision_loss, reason = "figures for a table")]

mod sender;
mod yard;

use std::time::Duration;

use sender::{SENDERS, Sender};
use yard::Yard;

struct Options {
    series: Vec<usize>,
    window: Duration,
    runs: usize,
    vigie: Option<String>,
    only: Option<String>,
}

/// One sender, measured once.
#[derive(Clone, Copy, Debug)]
struct Row {
    cpu_per_million: f64,
    rss_mib: f64,
    peak_mib: f64,
    samples_per_second: f64,
    samples_per_request: f64,
    wire_bytes: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        // This program is the sender too, where no `vigie` is given: the same engine.
        Some("bridge") => runtime.block_on(sender::bridge(&arguments[1..])),
        // The targets and the receiver are a process of their own.
        Some("yard") => runtime.block_on(yard::serve(arguments[1].parse().unwrap())),
        _ => measure(&options(&arguments)),
    }
}

fn options(arguments: &[String]) -> Options {
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let series = value("--series").unwrap_or_else(|| "10000,100000".into());
    Options {
        series: series.split(',').map(|number| number.parse().unwrap()).collect(),
        window: Duration::from_secs(value("--seconds").map_or(20, |text| text.parse().unwrap())),
        runs: value("--runs").map_or(3, |text| text.parse().unwrap()),
        vigie: value("--vigie"),
        only: value("--only"),
    }
}

fn measure(options: &Options) {
    println!(
        "| series | sender | CPU s / 1e6 samples | RSS / peak MiB | samples/s | samples a request | wire B/sample |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for &series in &options.series {
        for sender in SENDERS {
            if options.only.as_ref().is_some_and(|only| !sender.name.contains(only.as_str())) {
                continue;
            }
            let rows: Option<Vec<Row>> =
                (0..options.runs).map(|_| one(sender, series, options)).collect();
            let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
                println!("| {series} | {} | not to be had here | | | | |", sender.name);
                continue;
            };
            let median = |figure: fn(&Row) -> f64| {
                let mut figures: Vec<f64> = rows.iter().map(figure).collect();
                figures.sort_by(f64::total_cmp);
                figures[figures.len() / 2]
            };
            println!(
                "| {series} | {} | {:.2} | {:.0} / {:.0} | {:.0} | {:.0} | {:.1} |",
                sender.name,
                median(|row| row.cpu_per_million),
                median(|row| row.rss_mib),
                median(|row| row.peak_mib),
                median(|row| row.samples_per_second),
                median(|row| row.samples_per_request),
                median(|row| row.wire_bytes),
            );
        }
    }
}

/// `None` when the sender is not installed, or does not know what is asked of it.
fn one(sender: &Sender, series: usize, options: &Options) -> Option<Row> {
    let yard = Yard::start(series);
    let mut running = sender.start(&yard, options.vigie.as_deref())?;
    std::thread::sleep(options.window);
    if !running.is_alive() {
        return None;
    }
    let (before, cpu_before) = (yard.counts(), running.cpu());
    std::thread::sleep(options.window);
    let (after, cpu_after) = (yard.counts(), running.cpu());
    let [samples, requests, bytes] = [0, 1, 2].map(|index| after[index] - before[index]);
    let (rss_mib, peak_mib) = running.memory();
    assert!(samples > 0, "{} sent nothing", sender.name);
    Some(Row {
        cpu_per_million: (cpu_after - cpu_before) / samples as f64 * 1e6,
        rss_mib,
        peak_mib,
        samples_per_second: samples as f64 / options.window.as_secs_f64(),
        samples_per_request: samples as f64 / requests as f64,
        wire_bytes: bytes as f64 / samples as f64,
    })
}

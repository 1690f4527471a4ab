//! Measures the planning of one minute: `cargo run --release -p bench-programs --bin plan -- 100000 runs`, or
//! `scrapes` for probes that are scraped every 15 s too. Prints one line of JSON.
#![allow(clippy::print_stdout, reason = "it prints a measurement")]
#![allow(clippy::unwrap_used, reason = "a measurement that can't go on ends")]

use std::time::Instant;

use domain::schedule::plan;
use domain::{Probe, Template};
use jiff::Timestamp;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count: usize = arguments[0].parse().unwrap();
    let scrape = if arguments[1] == "scrapes" {
        r#","scrape":{"path":"/metrics","job":"gradio_chatbot","every_seconds":15}"#
    } else {
        ""
    };
    let model: Probe = serde_json::from_str(&format!(
        r#"{{"name":"bot","every_seconds":60,"enabled":true,"timeout_seconds":30,
        "target":{{"url":"https://bot.chat.example.com"}},
        "retry":{{"attempts":1,"wait_seconds":2}},"objectives":{{"first_chunk_seconds":3}},
        "conversation":[{{"say":"Hello","expect":[{{"min_length":2}}]}}],
        "alarm":{{"down":{{"m":2,"n":3}},"degraded":{{"m":3,"n":5}},"severity":"page"}}{scrape}}}"#
    ))
    .unwrap();
    let probe = |number: usize| {
        let mut probe = model.clone();
        probe.name = format!("bot-{number}").parse().unwrap();
        probe.target.url = Template::literal(format!("https://bot-{number}.chat.example.com"));
        probe
    };
    let probes: Vec<Probe> = (0..count).map(probe).collect();
    let probes_mib = peak_mib();
    let environment = "prod".parse().unwrap();
    let minute = Timestamp::from_second(1_795_000_020).unwrap();

    let began = Instant::now();
    let planned = plan(&probes, &environment, minute);
    let seconds = began.elapsed().as_secs_f64();

    let orders: usize = planned.iter().map(|one| one.runs.len() + one.scrapes.len()).sum();
    println!(
        r#"{{"seconds":{seconds},"probes_mib":{probes_mib},"peak_mib":{},"orders":{orders},"messages":{}}}"#,
        peak_mib(),
        planned.len()
    );
}

/// The highest resident set so far.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024.0
}

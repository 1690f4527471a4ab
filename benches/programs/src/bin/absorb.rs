//! Measures a scrape without the network: `cargo run --release -p bench-programs --bin absorb`.
#![allow(clippy::print_stdout, reason = "a tool for who works on this crate")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use exposition::Format;
use samples::Timestamp;
use scrape::{Labels, Limits, Memory, Page};

const SERIES: usize = 100_000;

fn main() {
    let labels = Labels::new("bots", "bot:7860", [("environment", "prod"), ("location", "here")]);
    let mut memory = Memory::new();
    println!("peak memory at start: {}", peak());
    let mut times = Vec::new();
    for round in 0..12_i64 {
        let page = Page::new(Format::Prometheus, page(round).into_bytes());
        let at = Timestamp::from_millis(1_800_000_000_000 + 1000 * round);
        let started = Instant::now();
        let scrape = memory.absorb(&labels, &Limits::default(), Ok(page), at, || Duration::ZERO);
        let elapsed = started.elapsed();
        assert_eq!(black_box(&scrape).entries.len(), SERIES + 5);
        if round == 0 {
            println!("first scrape: {} ns a sample", per_sample(elapsed));
        } else {
            times.push(per_sample(elapsed));
        }
    }
    times.sort_unstable();
    println!("later scrapes, median: {} ns a sample", times[times.len() / 2]);
    println!("peak memory: {}", peak());

    let started = Instant::now();
    let bytes = memory.to_bytes();
    println!("to bytes: {} ns a series, {} KiB", per_sample(started.elapsed()), bytes.len() / 1024);
    let started = Instant::now();
    let kept = Memory::from_bytes(&bytes).map(|memory| memory.tracked());
    println!("from bytes: {} ns a series, {kept:?} series", per_sample(started.elapsed()));
}

fn per_sample(elapsed: Duration) -> u128 {
    elapsed.as_nanos() / 100_000
}

/// 100,000 counters in 200 families; all values are others each time.
fn page(round: i64) -> String {
    let mut page = String::new();
    for family in 0..200 {
        let _ = writeln!(page, "# TYPE requests_{family}_total counter");
        for series in 0..SERIES / 200 {
            let value = series * 7919 + usize::try_from(round).unwrap_or(0);
            let _ = writeln!(
                page,
                "requests_{family}_total{{path=\"/api/v1/{series}\",method=\"GET\",code=\"200\"}} {value}"
            );
        }
    }
    page
}

/// The peak memory of this process, as Linux reports it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}

//! How fast pages are read: `cargo run --release -p bench-programs --bin read_exposition`.
#![allow(clippy::print_stdout, reason = "a tool for who works on this crate")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use exposition::{Format, Line, Reader};

const SERIES: usize = 100_000;
const ROUNDS: usize = 11;

fn main() {
    for (name, format, page) in [
        ("counters, text", Format::Prometheus, counters(Format::Prometheus)),
        ("counters, OpenMetrics", Format::OpenMetrics, counters(Format::OpenMetrics)),
        ("histograms, text", Format::Prometheus, histograms()),
    ] {
        for (with, how) in [
            ("series as expected", How::Expected),
            ("series as text", How::Text),
            ("with every label", How::Labels),
        ] {
            let mut times: Vec<_> = (0..ROUNDS).map(|_| read(&page, format, how)).collect();
            times.sort_unstable_by(f64::total_cmp);
            let seconds = times[ROUNDS / 2];
            println!(
                "{name}, {with}: {:.0} ns a sample, {:.0} MB/s",
                seconds * 1e9 / 1e5,
                f64::from(u32::try_from(page.len()).unwrap_or(u32::MAX)) / 1e6 / seconds
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Expected,
    Text,
    Labels,
}

fn read(page: &str, format: Format, how: How) -> f64 {
    let series: Vec<_> = Reader::new(page.as_bytes(), format)
        .filter_map(|line| match line {
            Ok(Line::Sample(sample)) if how == How::Expected => Some(sample.series().to_owned()),
            _ => None,
        })
        .collect();
    let started = Instant::now();
    let mut samples = 0;
    let mut reader = Reader::new(page.as_bytes(), format);
    while let Some(line) = reader.next_like(series.get(samples).map_or("", String::as_str)) {
        if let Ok(Line::Sample(sample)) = line {
            samples += 1;
            black_box((sample.series(), sample.value));
            if how == How::Labels {
                sample.labels().for_each(|label| drop(black_box(label)));
            }
        }
    }
    assert_eq!(samples, SERIES);
    started.elapsed().as_secs_f64()
}

/// 100,000 counters in 200 families.
fn counters(format: Format) -> String {
    let mut page = String::new();
    for family in 0..200 {
        let _ = writeln!(page, "# HELP requests_{family}_total Requests of one kind.");
        let _ = writeln!(page, "# TYPE requests_{family}_total counter");
        for series in 0..SERIES / 200 {
            let _ = writeln!(
                page,
                "requests_{family}_total{{path=\"/api/v1/{series}\",method=\"GET\",code=\"200\"}} {}",
                series * 7919
            );
        }
    }
    if format == Format::OpenMetrics {
        page.push_str("# EOF\n");
    }
    page
}

fn histograms() -> String {
    let mut page = String::from("# TYPE wait_seconds histogram\n");
    for series in 0..SERIES / 10 {
        for bound in 0..8 {
            let _ = writeln!(
                page,
                "wait_seconds_bucket{{queue=\"q{series}\",le=\"0.{bound}25\"}} {bound}"
            );
        }
        let _ = writeln!(page, "wait_seconds_sum{{queue=\"q{series}\"}} {series}.123456");
        let _ = writeln!(page, "wait_seconds_count{{queue=\"q{series}\"}} 8");
    }
    page
}

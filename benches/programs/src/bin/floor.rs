//! How far each stage of the bridge is from the least work on the same bytes. Prints a JSON array of rows.
//!
//! `cargo run --profile dist -p bench-programs --bin floor`
#![allow(clippy::print_stdout, reason = "it prints measurements")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use exposition::{Format, Line, Reader};
use samples::{Encoder, Entry, Protocol, Timestamp};
use scrape::{Labels, Limits, Memory, Page};
use serde_json::{Value, json};

const SERIES: usize = 100_000;
const ROUNDS: usize = 11;
/// Samples of a request.
const REQUEST: usize = 2000;
/// Bytes of encoded requests that the bridge keeps.
const CACHE: usize = 64 << 20;

fn main() {
    let pages: Vec<Vec<u8>> = (0..ROUNDS).map(|round| page(round).into_bytes()).collect();
    let scrapes = scrapes(&pages);
    let rows = [floor_of_the_page(&pages), stages_of_the_page(&pages), requests(&scrapes)];
    println!("{}", Value::Array(rows.concat()));
}

/// 100,000 counters in families of fifty; all values are others each time.
fn page(round: usize) -> String {
    let mut page = String::new();
    for family in 0..SERIES / 50 {
        let _ = writeln!(page, "# TYPE requests_{family}_total counter");
        for series in 0..50 {
            let value = (family * 50 + series) * 7919 + round;
            let _ = writeln!(
                page,
                "requests_{family}_total{{path=\"/api/v1/{series}\",method=\"GET\",code=\"200\"}} {value}"
            );
        }
    }
    page
}

fn absorb(memory: &mut Memory, labels: &Labels, page: &[u8], round: usize) -> Vec<Entry> {
    let page = Page::new(Format::Prometheus, page.to_vec());
    let at = Timestamp::from_millis(1_800_000_000_000 + 1000 * i64::try_from(round).unwrap_or(0));
    memory.absorb(labels, &Limits::default(), Ok(page), at, || Duration::ZERO).entries
}

fn labels() -> Labels {
    Labels::new("bots", "bot:7860", [])
}

fn scrapes(pages: &[Vec<u8>]) -> Vec<Vec<Entry>> {
    let (mut memory, labels) = (Memory::new(), labels());
    let each = pages.iter().enumerate();
    each.map(|(round, page)| absorb(&mut memory, &labels, page, round)).collect()
}

/// The least work to read the pages.
fn floor_of_the_page(pages: &[Vec<u8>]) -> Vec<Value> {
    let bytes = pages[0].len();
    let mut copy = vec![0; bytes + 1000];
    let copied = times(pages, |page| copy[..page.len()].copy_from_slice(page));
    let ends = times(pages, |page| {
        black_box(memchr::memchr_iter(b'\n', page).count());
    });
    let numbers: Vec<Vec<&str>> = pages.iter().map(|page| values(page)).collect();
    let parsed = times(&numbers, |numbers| {
        for number in numbers {
            black_box(exposition::parse_value(number));
        }
    });
    vec![
        row("page: copy (memcpy)", copied, bytes),
        row("page: find the line ends (memchr)", ends, bytes),
        row("page: parse the numbers alone", parsed, bytes),
    ]
}

/// The last word of each line with a value.
fn values(page: &[u8]) -> Vec<&str> {
    let lines = std::str::from_utf8(page).unwrap_or_default().lines();
    let samples = lines.filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.rsplit(' ').next()).collect()
}

fn stages_of_the_page(pages: &[Vec<u8>]) -> Vec<Value> {
    let bytes = pages[0].len();
    let series: Vec<String> = Reader::new(&pages[0], Format::Prometheus)
        .filter_map(|line| match line {
            Ok(Line::Sample(sample)) => Some(sample.series().to_owned()),
            _ => None,
        })
        .collect();
    let read = times(pages, |page| {
        let (mut reader, mut next) = (Reader::new(page, Format::Prometheus), 0);
        while let Some(line) = reader.next_like(series.get(next).map_or("", String::as_str)) {
            next += usize::from(matches!(black_box(line), Ok(Line::Sample(_))));
        }
    });
    let (mut memory, labels, mut round) = (Memory::new(), labels(), 0);
    absorb(&mut memory, &labels, &pages[0], round);
    let absorbed = times(pages, |page| {
        round += 1;
        black_box(absorb(&mut memory, &labels, page, round));
    });
    vec![
        row("page: read, series as expected", read, bytes),
        row("page: read and turned into samples", absorbed, bytes),
    ]
}

fn requests(scrapes: &[Vec<Entry>]) -> Vec<Value> {
    let picked: Vec<Vec<u32>> = (0..u32::try_from(SERIES).unwrap_or(u32::MAX))
        .collect::<Vec<_>>()
        .chunks(REQUEST)
        .map(<[u32]>::to_vec)
        .collect();
    let mut rows = Vec::new();
    for (protocol, name) in [(Protocol::V1, "1.0"), (Protocol::V2, "2.0")] {
        for cached in [false, true] {
            let encoder = Encoder::default();
            let mut encoder = if cached { encoder.with_cache(CACHE) } else { encoder };
            let mut bytes = 0;
            let encoded = times(scrapes, |entries| {
                bytes = 0;
                for picked in &picked {
                    bytes += black_box(encoder.encode(protocol, entries, picked)).plain_length;
                }
            });
            let how = if cached { "with the cache" } else { "without the cache" };
            rows.push(row(&format!("request {name}: encode and compress, {how}"), encoded, bytes));
        }
        rows.extend(floor_of_requests(name, protocol, &scrapes[0], &picked));
    }
    rows
}

/// The least work on the bytes of the requests: a copy, and snappy as the crate `snap` has it.
fn floor_of_requests(
    name: &str,
    protocol: Protocol,
    entries: &[Entry],
    picked: &[Vec<u32>],
) -> Vec<Value> {
    let mut encoder = Encoder::default();
    let plain: Vec<Vec<u8>> = picked
        .iter()
        .map(|picked| {
            let body = encoder.encode(protocol, entries, picked).body.to_vec();
            snap::raw::Decoder::new().decompress_vec(&body).unwrap_or_default()
        })
        .collect();
    let bytes = plain.iter().map(Vec::len).sum();
    let (rounds, mut copy) = (vec![(); ROUNDS], Vec::new());
    let copied = times(&rounds, |()| {
        for plain in &plain {
            copy.clear();
            copy.extend_from_slice(black_box(plain));
        }
    });
    let mut snappy = snap::raw::Encoder::new();
    let compressed = times(&rounds, |()| {
        for plain in &plain {
            black_box(snappy.compress_vec(plain).unwrap_or_default());
        }
    });
    vec![
        row(&format!("request {name}: copy (memcpy)"), copied, bytes),
        row(&format!("request {name}: compress (crate snap)"), compressed, bytes),
    ]
}

/// The median time of the inputs.
fn times<T>(inputs: &[T], mut work: impl FnMut(&T)) -> Duration {
    let mut times: Vec<Duration> = inputs
        .iter()
        .map(|input| {
            let started = Instant::now();
            work(black_box(input));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "numbers for a table, far below 2^53")]
fn row(stage: &str, time: Duration, bytes: usize) -> Value {
    let seconds = time.as_secs_f64();
    json!({
        "stage": stage,
        "ns_per_sample": seconds * 1e9 / SERIES as f64,
        "mb_per_second": bytes as f64 / 1e6 / seconds,
    })
}

//! A target and a receiver in one program, to measure the agent between them: `make bench ONLY=bridge`.
//!
//! ```text
//! cargo run --profile dist -p bench-programs --bin loopback_target -- SERIES PORT
//! ```
//!
//! `/metrics` shows SERIES counters, another value at each scrape. `/api/v1/write` decompresses,
//! decodes and counts the samples. `/counts` answers with the samples, requests and body bytes so far.
#![allow(clippy::unwrap_used, reason = "a measurement that can't go on ends")]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use samples::wire::{v1, v2};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

static SAMPLES: AtomicU64 = AtomicU64::new(0);
static REQUESTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|argument| argument.parse().unwrap()).collect();
    let (series, port) = (arguments[0], u16::try_from(arguments[1]).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(connection(stream, series));
    }
}

async fn connection(stream: tokio::net::TcpStream, series: usize) -> Option<()> {
    let mut stream = tokio::io::BufReader::new(stream);
    let mut page = String::new();
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        stream.read_exact(&mut body).await.ok()?;
        let answer = if head.starts_with("post") {
            receive(&head, &body)
        } else if head.starts_with("get /counts") {
            let counts = [&SAMPLES, &REQUESTS, &BYTES].map(|count| count.load(Ordering::Relaxed));
            let body = format!("{} {} {}", counts[0], counts[1], counts[2]);
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        } else {
            write_page(&mut page, series);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8";
            let head = format!("{head}\r\nContent-Length: {}\r\n\r\n", page.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(page.as_bytes()).await.ok()?;
            continue;
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        if head.contains("connection: close") {
            return None;
        }
    }
}

/// Decodes and counts; answers 2.0 as a 2.0 receiver does.
fn receive(head: &str, body: &[u8]) -> String {
    let plain = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let samples = if head.contains("io.prometheus.write.v2.request") {
        let request = v2::Request::decode(plain.as_slice()).unwrap();
        request.timeseries.iter().map(|series| series.samples.len()).sum::<usize>()
    } else {
        let request = v1::WriteRequest::decode(plain.as_slice()).unwrap();
        request.timeseries.iter().map(|series| series.samples.len()).sum()
    };
    SAMPLES.fetch_add(samples as u64, Ordering::Relaxed);
    // Requests that only have metadata do not count as samples.
    REQUESTS.fetch_add(u64::from(samples > 0), Ordering::Relaxed);
    BYTES.fetch_add(body.len() as u64, Ordering::Relaxed);
    let written = format!("X-Prometheus-Remote-Write-Samples-Written: {samples}");
    format!("HTTP/1.1 204 No Content\r\n{written}\r\n\r\n")
}

/// Counters in families of fifty, another value at each scrape.
fn write_page(page: &mut String, series: usize) {
    static ROUND: AtomicU64 = AtomicU64::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    page.clear();
    for number in 0..series {
        let (family, member) = (number / 50, number % 50);
        if member == 0 {
            let name = format!("bench_family_{family:04}_requests_total");
            let _ =
                writeln!(page, "# HELP {name} Requests of family {family}.\n# TYPE {name} counter");
        }
        let value = round * (1 + number as u64 % 97) + number as u64;
        let _ = writeln!(
            page,
            "bench_family_{family:04}_requests_total{{route=\"/api/v1/things/{member}\",code=\"200\",zone=\"eu-west-1a\"}} {value}"
        );
    }
}

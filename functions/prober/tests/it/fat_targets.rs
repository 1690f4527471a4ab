//! Ten targets with large pages in one invocation stay within the memory of the function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use aws_smithy_mocks::mock;
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use jiff::Timestamp;
use serde_json::json;

use crate::aws::{Aws, PLENTY, accepted, event_of};

/// Memory of the function. 64 MiB of it are for the runtime and the AWS clients.
const MEMORY_MIB: usize = 96;
const OWN_MIB: usize = 64;
/// Bytes of a large page: seven times as much fits into the rest of the memory.
const LARGE: usize = 2 << 20;
/// Bytes of a page that does not fit.
const TOO_LARGE: usize = 5 << 20;

/// A page of about so many bytes, of few series with long labels, so that a debug build reads it fast.
fn page(bytes: usize) -> Bytes {
    let mut page = String::with_capacity(bytes + 2000);
    let long = "x".repeat(1000);
    for number in 0.. {
        if bytes <= page.len() {
            break;
        }
        let _ = writeln!(page, "requests{{number=\"{number}\",text=\"{long}\"}} {number}");
    }
    page.into()
}

/// The base of the URLs of the pages.
async fn targets() -> String {
    let typed = |body: Bytes| ([(header::CONTENT_TYPE, "text/plain")], body);
    let (large, too_large) = (page(LARGE), page(TOO_LARGE));
    let app = Router::new()
        .route("/large", get(async move || typed(large)))
        .route("/too-large", get(async move || typed(too_large)))
        .route("/small", get(async move || typed(Bytes::from_static(b"a 1\n"))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// The largest memory of this process so far, in MiB.
fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024
}

#[tokio::test]
async fn ten_fat_targets_stay_within_the_memory() {
    let url = targets().await;
    let ups = Arc::<Mutex<BTreeMap<String, f64>>>::default();
    let seen = Arc::clone(&ups);
    let mut aws = Aws::accepting_all();
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(move |request| {
            for entry in request.entries() {
                let message = samples::message::decode(entry.message_body()).unwrap();
                let up = message.entries.iter().filter(|entry| entry.series.name() == "up");
                for entry in up {
                    let job = entry.series.labels().find(|(name, _)| *name == "job").unwrap().1;
                    seen.lock().unwrap().insert(job.to_owned(), entry.sample().unwrap().value);
                }
            }
            true
        })
        .then_output(accepted);
    let scrape = |(number, path): (usize, &str)| {
        json!({
            "probe": "bot", "target": { "url": url }, "path": path, "job": format!("{number}{path}"),
            "every_seconds": 60, "timeout_seconds": 50,
        })
    };
    let paths = std::iter::repeat_n("/large", 8).chain(["/too-large", "/small"]);
    let scrapes: Vec<_> = paths.enumerate().map(scrape).collect();
    let due = Timestamp::now();
    let body = json!({ "version": 1, "environment": "test", "due": due, "scrapes": scrapes });
    let prober = aws.prober_with_memory(MEMORY_MIB);
    let before = peak_mib();

    prober.handle_queue(event_of(body.to_string()), PLENTY).await.unwrap();

    let used = peak_mib() - before;
    assert!(used <= MEMORY_MIB - OWN_MIB, "{used} MiB");
    let ups = ups.lock().unwrap();
    assert_eq!(ups.len(), 10);
    for (job, up) in ups.iter() {
        let expected = if job.ends_with("/too-large") { 0.0 } else { 1.0 };
        assert!((up - expected).abs() < f64::EPSILON, "{job}: {up}");
    }
}

//! Remote writes one probe result per second, to test a real receiver that is stopped meanwhile.
//!
//! ```text
//! cargo run -p bench-programs --bin deliver -- URL SECONDS [INTERVAL_MS] [1.0|2.0]
//! ```
//!
//! Results are `deliver_probe_success{probe="deliver"}` and `deliver_round`, with timestamps on an exact grid;
//! the value of `deliver_round` counts from 0. At the end it prints, as JSON, the first and last timestamp
//! and the outcome of the samples: query that range from the receiver and compare.
#![allow(clippy::print_stdout, reason = "it prints measurements")]
#![allow(clippy::unwrap_used, reason = "a demonstration that can't go on ends")]

use std::time::{Duration, SystemTime};

use remote_write::{Client, Settings};
use samples::{Entry, Timestamp};
use scrape_engine::Queue;
use scrape_engine::engine::{Batches, run};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, seconds, more @ ..] = arguments.as_slice() else { panic!("URL SECONDS") };
    let seconds: u64 = seconds.parse().unwrap();
    let interval = Duration::from_millis(more.first().map_or(1000, |text| text.parse().unwrap()));
    let mut settings = Settings::new(url).unwrap();
    if let Some(protocol) = more.get(1) {
        settings.protocol = protocol.parse().unwrap();
    }
    let client = Client::new(settings).unwrap();
    let queue = Queue::new(100_000);
    let now = || SystemTime::now().into();
    let first: Timestamp = now();
    let measuring = async {
        let mut ticks = tokio::time::interval(interval);
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut round = 0_u32;
        while Instant::now() < end {
            ticks.tick().await;
            let at = first + interval * round;
            let labels = [("probe", "deliver")];
            queue.push(vec![
                Entry::of("deliver_probe_success", labels, Some(1.0), at).unwrap(),
                Entry::of("deliver_round", labels, Some(f64::from(round)), at).unwrap(),
            ]);
            round += 1;
        }
        round
    };
    let (done, stop) = tokio::sync::oneshot::channel::<()>();
    let batches = Batches {
        deadline: Duration::from_secs(1),
        flush: Duration::from_secs(60),
        ..Batches::default()
    };
    let sending = run(client, &queue, batches, now, async { stop.await.unwrap_or_default() });
    let (left, rounds) = tokio::join!(sending, async {
        let rounds = measuring.await;
        let _ = done.send(());
        rounds
    });
    let last = first + interval * rounds.saturating_sub(1);
    let counts = queue.counts();
    println!(
        r#"{{"first_ms":{},"last_ms":{},"rounds":{rounds},"sent":{},"left":{left},"refused":"{:?}","requests":{}}}"#,
        first.as_millis(),
        last.as_millis(),
        counts.sent,
        counts.refused,
        counts.requests,
    );
}

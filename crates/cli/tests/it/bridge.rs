//! `vigie bridge` as a process, because it handles signals: schedule, queue and shutdown.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use testkit::receiver::{Receiver, Reply};

/// A page of metrics that says how often it was fetched.
struct Target {
    url: String,
    fetched: Arc<AtomicUsize>,
}

impl Target {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let fetched = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fetched);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut head = [0; 4096];
                    while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                        let page = format!("pages_total {}\n", count.load(Ordering::Relaxed));
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
                             Content-Length: {}\r\n\r\n{page}",
                            page.len()
                        );
                        let sent = stream.write_all(answer.as_bytes()).await;
                        count.fetch_add(1, Ordering::Relaxed);
                        if sent.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, fetched }
    }

    async fn fetched(&self, times: usize) {
        let fetched = async {
            while self.fetched.load(Ordering::Relaxed) < times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), fetched).await.unwrap();
    }
}

fn bridge(target: &Target, receiver: &Receiver, more: &[&str]) -> Child {
    let line = ["bridge", "--scrape", &target.url, "--remote-write", &receiver.url];
    Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(line)
        .args(["--interval", "1s", "--timeout", "1s"])
        .args(more)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Sends a signal; the exit code must be 0. Returns how long it took, and stderr.
async fn stop(mut child: Child, signal: &str) -> (Duration, String) {
    let began = Instant::now();
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-s", signal, &id]).status().await.unwrap().success());
    let mut said = String::new();
    let ended = async {
        child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        child.wait().await.unwrap()
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    assert_eq!(ended.code(), Some(0), "{signal}: {said}");
    (began.elapsed(), said)
}

#[tokio::test]
async fn stop_sends_queued_samples_and_no_stale_marker() {
    for signal in ["INT", "TERM"] {
        let (target, receiver) = (Target::start().await, Receiver::start(|_| Reply::Store).await);
        // Nothing is sent before the signal: the batch is not full and its deadline is far away.
        let child = bridge(&target, &receiver, &["--batch-deadline", "1h"]);
        target.fetched(5).await;
        assert!(receiver.requests().is_empty());
        stop(child, signal).await;

        let stored = receiver.stored();
        let pages: Vec<_> =
            stored.iter().filter(|(series, ..)| series.starts_with("pages_total{")).collect();
        assert!(pages.len() >= 4, "{stored:?}");
        assert!(pages.iter().all(|(_, at, _)| at % 1000 == pages[0].1 % 1000), "{pages:?}");
        assert!(pages.is_sorted_by(|a, b| a.1 < b.1 && a.2 < b.2), "{pages:?}");
        // A stale marker is not a number.
        assert!(stored.iter().all(|(.., value)| !value.is_nan()), "{stored:?}");
        let ups = stored.iter().filter(|(series, ..)| series.starts_with("up{"));
        assert!(ups.map(|(.., value)| *value).eq(vec![1.0; pages.len()]), "{stored:?}");
    }
}

#[tokio::test]
async fn full_queue_drops_the_oldest_and_stop_ends_in_time() {
    let target = Target::start().await;
    let receiver = Receiver::start(|_| Reply::Refuse(503, "gone")).await;
    // Six samples a page.
    let child = bridge(&target, &receiver, &["--queue", "30", "--batch-deadline", "100ms"]);
    target.fetched(12).await;
    let (took, said) = stop(child, "TERM").await;

    assert!(took < Duration::from_secs(15), "{took:?}");
    let summary = said.lines().last().unwrap();
    let number = |word: &str| -> usize {
        let words: Vec<&str> =
            summary.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
        let place = words.iter().position(|found| *found == word).unwrap();
        words[place + 1].parse().unwrap()
    };
    assert_eq!(number("sent"), 0, "{summary}");
    assert!(number("dropped") >= 6 && number("left") <= 30, "{summary}");
}

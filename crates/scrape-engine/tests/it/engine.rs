//! The engine with a scripted receiver.

use std::time::Duration;

use remote_write::{Backoff, Client, Settings};
use samples::{Entry, Protocol, Timestamp};
use scrape_engine::engine::{Batches, run};
use scrape_engine::{Counts, Queue};
use tokio::sync::oneshot;

use testkit::receiver::{Receiver, Reply, Request};

const NOW: Timestamp = Timestamp::from_millis(1_795_332_392_507);

fn client(receiver: &Receiver) -> Client {
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    let timeout = Duration::from_millis(300);
    Client::new(Settings { backoff, timeout, ..Settings::new(&receiver.url).unwrap() }).unwrap()
}

/// One sample of each of `series` series at `round`.
fn round(series: usize, round: i64) -> Vec<Entry> {
    let at = Timestamp::from_millis(NOW.as_millis() + round);
    let names: Vec<String> = (0..series).map(|number| format!("m{number:03}")).collect();
    names.iter().map(|name| Entry::of(name, [], Some(1.0), at).unwrap()).collect()
}

fn batches() -> Batches {
    Batches {
        most: 100,
        deadline: Duration::from_millis(20),
        flush: Duration::from_secs(20),
        ..Batches::default()
    }
}

/// Sends `rounds`, then stops; returns the counts and how many samples were left.
async fn forward(receiver: &Receiver, rounds: i64, batches: Batches) -> (Counts, usize) {
    let queue = Queue::new(100_000);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = run(client(receiver), &queue, batches, || NOW, async {
        let _ = stopped.await;
    });
    let filling = async {
        for number in 0..rounds {
            queue.push(round(20, number));
            tokio::task::yield_now().await;
        }
        stop.send(()).unwrap();
    };
    let (left, ()) = tokio::join!(running, filling);
    (queue.counts(), left)
}

#[track_caller]
fn assert_complete(receiver: &Receiver, rounds: i64) {
    let stored = receiver.stored();
    assert_eq!(stored.len(), 20 * usize::try_from(rounds).unwrap(), "none lost, none twice");
    for number in 0..20 {
        let name = format!("m{number:03}");
        let times = stored.iter().filter(|(series, ..)| *series == name).map(|(_, at, _)| *at);
        assert!(times.is_sorted(), "{name} in order");
    }
}

#[tokio::test]
async fn all_samples_arrive_in_order_after_transient_failures() {
    // Nine of ten requests fail, in every transient way.
    let script = |request: &Request| match request.number % 10 {
        0 | 5 => Reply::Refuse(500, "internal"),
        1 => Reply::Refuse(503, "starting"),
        2 | 6 => Reply::RetryAfter(429, "0"),
        3 | 7 => Reply::Reset,
        4 if request.number < 10 => Reply::Stall,
        8 => Reply::Refuse(502, "proxy"),
        _ => Reply::Store,
    };
    let receiver = Receiver::start(script).await;
    let (counts, left) = forward(&receiver, 50, batches()).await;

    assert_eq!((left, counts.sent, counts.dropped), (0, 1000, 0));
    assert!(counts.refused.is_empty(), "{counts:?}");
    assert_complete(&receiver, 50);
}

#[tokio::test]
async fn no_request_is_made_while_another_waits() {
    let script = |request: &Request| {
        if request.number < 25 { Reply::Refuse(503, "starting") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    forward(&receiver, 30, batches()).await;

    let requests = receiver.requests();
    let first = &requests[0].samples[0];
    assert!(requests[..=25].iter().all(|request| request.samples[0] == *first));
    assert_complete(&receiver, 30);
}

#[tokio::test]
async fn rejected_samples_are_counted_and_delay_nothing() {
    let script = |request: &Request| {
        if request.has("m007") { Reply::Refuse(400, "bad") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let (counts, left) = forward(&receiver, 10, batches()).await;
    assert_eq!((left, counts.sent, counts.refused["receiver_400"]), (0, 190, 10));
}

#[tokio::test]
async fn counts_over_2_0_equal_those_of_the_receiver() {
    let receiver = Receiver::start(|_| Reply::StoreBut("m007")).await;
    let queue = Queue::new(10_000);
    for number in 0..10 {
        queue.push(round(20, number));
    }
    let settings = Settings { protocol: Protocol::V2, ..Settings::new(&receiver.url).unwrap() };
    let client = Client::new(settings).unwrap();
    let left = run(client, &queue, batches(), || NOW, std::future::ready(())).await;

    let counts = queue.counts();
    assert_eq!((left, counts.sent, counts.refused["receiver_400"]), (0, 190, 10));
    assert_eq!(receiver.stored().len(), 190);
    assert!(counts.requests < 20, "{}", counts.requests);
}

#[tokio::test]
async fn stop_ends_within_its_limit_and_counts_what_is_left() {
    let receiver = Receiver::start(|_| Reply::Refuse(503, "gone")).await;
    let batches = Batches { flush: Duration::from_millis(50), ..batches() };
    let ended = forward(&receiver, 10, batches);
    let (counts, left) = tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    assert_eq!((left, counts.sent), (200, 0));
}

#[tokio::test]
async fn stop_during_a_request_counts_what_was_acknowledged() {
    let script = |request: &Request| if request.number == 0 { Reply::Store } else { Reply::Stall };
    let receiver = Receiver::start(script).await;
    let batches = Batches { flush: Duration::from_millis(100), ..batches() };
    let (counts, left) = forward(&receiver, 10, batches).await;
    assert_eq!((counts.sent, counts.requests, left), (100, 2, 100));
}

#[tokio::test]
async fn incomplete_batch_is_sent_after_the_deadline() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let queue = Queue::new(10);
    let batches = Batches { most: 1000, ..batches() };
    queue.push(round(3, 0));
    let running = run(client(&receiver), &queue, batches, || NOW, std::future::pending());
    let arrived = async {
        while receiver.stored().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = running => unreachable!("there is no signal to stop"),
        done = tokio::time::timeout(Duration::from_secs(20), arrived) => done.unwrap(),
    }
    assert_eq!(receiver.requests().len(), 1);
}

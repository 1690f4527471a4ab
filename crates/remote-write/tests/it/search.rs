//! The number of requests until the samples at fault are known, and that the others are stored.

use std::collections::BTreeSet;
use std::time::Duration;

use remote_write::{Client, EntryOutcome, Outcome, SendPolicy, Settings};
use samples::{Entry, Protocol};

use testkit::receiver::{Receiver, Reply, Request};

use crate::delivery::{NOW, entries, entry, policy, settings};

fn limit(samples: usize) -> usize {
    // 2 log2(n) + 8, rounded down.
    2 * samples.ilog2() as usize + 8
}

fn written(outcome: &Outcome) -> usize {
    outcome.count(|entry| *entry == EntryOutcome::Written)
}

fn rejected(outcome: &Outcome) -> usize {
    outcome.count(|entry| matches!(entry, EntryOutcome::Rejected(_)))
}

/// A receiver that answers `status` to a request with one of these series.
async fn receiver_without(bad: Vec<String>, status: u16) -> Receiver {
    let bad: BTreeSet<String> = bad.into_iter().collect();
    Receiver::start(move |request: &Request| {
        let name = |series: &str| series.split('{').next().unwrap_or_default().to_owned();
        let is_bad = request.samples.iter().any(|(series, ..)| bad.contains(&name(series)));
        if is_bad { Reply::Refuse(status, "bad sample") } else { Reply::Store }
    })
    .await
}

fn series(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("m{number:03}")).collect()
}

#[tokio::test]
async fn receiver_that_rejects_everything_gets_few_requests() {
    for status in [400, 413, 422] {
        for count in [1, 2, 3, 10, 100, 2000, 2005] {
            let receiver = Receiver::start(move |_| Reply::Refuse(status, "no tenant")).await;
            let mut client = Client::new(settings(&receiver)).unwrap();
            let outcome = client.write(&entries(count), NOW, policy(3)).await;
            let count = usize::try_from(count).unwrap();
            assert_eq!(rejected(&outcome), count);
            let requests = outcome.requests;
            assert!(requests <= limit(count), "{status}, {count} samples: {requests} requests");
        }
    }
}

#[tokio::test]
async fn receiver_that_rejects_three_scrapes_gets_few_requests() {
    let receiver = Receiver::start(|_| Reply::Refuse(400, "no tenant")).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    for scrape in 0..3 {
        let all: Vec<Entry> = (0..2005).map(|n| entry(&format!("m{n:04}"), scrape)).collect();
        // As the agent does: a full request, then the rest.
        for batch in all.chunks(2000) {
            let outcome = client.write(batch, NOW, policy(3)).await;
            assert_eq!(rejected(&outcome), batch.len());
        }
    }
    let requests = receiver.requests().len();
    assert!(requests <= limit(3 * 2005), "{requests}");
}

#[tokio::test]
async fn nothing_written_over_2_0_takes_one_request() {
    let receiver = Receiver::start(|_| Reply::StoreBut("m")).await;
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    let outcome = client.write(&entries(1500), NOW, policy(3)).await;
    assert_eq!((rejected(&outcome), outcome.requests), (1500, 1));
}

#[tokio::test]
async fn good_samples_behind_many_bad_ones_are_stored() {
    let cases: [(&str, Vec<String>); 4] = [
        ("first third", series(0..100)),
        ("last third", series(200..300)),
        ("every second", series((0..300).step_by(2))),
        ("all but one in the middle", series((0..300).filter(|n| *n != 150))),
    ];
    for (name, bad) in cases {
        let count = bad.len();
        let receiver = receiver_without(bad, 400).await;
        let mut client = Client::new(settings(&receiver)).unwrap();
        let outcome = client.write(&entries(300), NOW, policy(3)).await;
        if name.starts_with("all but") {
            // One of 300: it may be missed, and then everything is rejected.
            assert_eq!(written(&outcome) + rejected(&outcome), 300, "{name}");
            continue;
        }
        assert_eq!((written(&outcome), rejected(&outcome)), (300 - count, count), "{name}");
    }
}

#[tokio::test]
async fn scattered_bad_samples_take_about_one_request_each() {
    let receiver = receiver_without(series((0..400).step_by(2)), 400).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let outcome = client.write(&entries(400), NOW, policy(3)).await;
    assert_eq!((written(&outcome), rejected(&outcome)), (200, 200));
    assert!(outcome.requests < 500, "{}", outcome.requests);

    // Twenty series of which every second is bad, in fifty scrapes.
    let receiver = receiver_without(series((0..20).step_by(2)), 400).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let all: Vec<Entry> =
        (0..50).flat_map(|at| (0..20).map(move |n| entry(&format!("m{n:03}"), at))).collect();
    let outcome = client.write(&all, NOW, policy(3)).await;
    assert_eq!((written(&outcome), rejected(&outcome)), (500, 500));
    assert!(outcome.requests < 1100, "{}", outcome.requests);
}

#[tokio::test]
async fn sample_tried_alone_does_not_overtake_its_series() {
    let receiver = receiver_without((0..100).map(|n| format!("bad{n:03}")).collect(), 400).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let bad = (0..100).map(|n| entry(&format!("bad{n:03}"), 0));
    let good = (0..60).flat_map(|at| (0..5).map(move |n| entry(&format!("good{n}"), at)));
    let all: Vec<Entry> = bad.chain(good).collect();
    let outcome = client.write(&all, NOW, policy(3)).await;
    assert_eq!((written(&outcome), rejected(&outcome)), (300, 100));
}

#[tokio::test]
async fn rejected_series_is_sent_apart_and_delays_nothing() {
    for status in [400, 500] {
        let receiver = receiver_without(series([13]), status).await;
        let mut client = Client::new(settings(&receiver)).unwrap();
        let outcome = client.write(&entries(50), NOW, policy(3)).await;
        assert_eq!((written(&outcome), rejected(&outcome)), (49, 1), "{status}");
        assert!(outcome.requests <= 3 + 2 * 6 + 2, "{status}: {}", outcome.requests);

        let later: Vec<Entry> = (0..50).map(|n| entry(&format!("m{n:03}"), 1)).collect();
        let outcome = client.write(&later, NOW, policy(3)).await;
        assert_eq!((written(&outcome), rejected(&outcome)), (49, 1), "{status}");
        assert_eq!(outcome.requests, 2, "{status}");
        assert_eq!(receiver.requests().last().unwrap().samples.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn accepted_series_is_no_longer_sent_apart() {
    // m003 is rejected at the time 0 only.
    let receiver = Receiver::start(|request| {
        let old = |(series, at, _): &(String, i64, f64)| {
            series.starts_with("m003") && *at == NOW.as_millis()
        };
        if request.samples.iter().any(old) { Reply::Refuse(400, "once") } else { Reply::Store }
    })
    .await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let mut requests = Vec::new();
    for time in 0..3 {
        let all: Vec<Entry> = (0..8).map(|n| entry(&format!("m{n:03}"), time)).collect();
        let outcome = client.write(&all, NOW, policy(3)).await;
        assert_eq!(rejected(&outcome), usize::from(time == 0), "{time}");
        requests.push(outcome.requests);
    }
    assert_eq!(requests[1..], [2, 1]);
}

#[tokio::test]
async fn small_rejected_request_does_not_condemn_other_series() {
    let receiver = receiver_without(["a0", "a1", "b3"].map(String::from).to_vec(), 400).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let outcome = client.write(&[entry("a0", 0), entry("a1", 0)], NOW, policy(3)).await;
    assert_eq!(rejected(&outcome), 2);
    let others: Vec<Entry> = (0..9).map(|n| entry(&format!("b{n}"), 0)).collect();
    let outcome = client.write(&others, NOW, policy(3)).await;
    assert_eq!((written(&outcome), rejected(&outcome)), (8, 1));
}

#[tokio::test]
async fn undivided_request_is_returned_unsent() {
    for status in [400, 500] {
        let receiver = receiver_without(series([3]), status).await;
        let mut client = Client::new(settings(&receiver)).unwrap();
        let once = SendPolicy { divide: false, ..policy(2) };
        let outcome = client.write(&entries(9), NOW, once).await;
        assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Unsent), 9, "{status}");
        let blocked = outcome.blocked.unwrap();
        assert!(blocked.is_about_samples, "{status}: {blocked:?}");
    }
}

#[tokio::test]
async fn long_500_for_one_series_of_many_samples_takes_few_requests() {
    let receiver = receiver_without(vec!["g".into()], 500).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let all: Vec<Entry> =
        (0..92).flat_map(|at| [entry("g", at), entry("h", at), entry("i", at)]).collect();
    let outcome = client.write(&all, NOW, policy(2)).await;
    assert_eq!((written(&outcome), rejected(&outcome)), (184, 92));
    assert!(outcome.requests <= 12, "{}", outcome.requests);
}

#[tokio::test]
async fn cancelled_call_keeps_what_was_decided() {
    let receiver =
        Receiver::start(|request| if request.number < 2 { Reply::Store } else { Reply::Stall })
            .await;
    let settings = Settings { max_samples: 2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    let all = entries(6);
    let mut outcome = Outcome::default();
    let writing = client.write_into(&all, NOW, policy(1), &mut outcome);
    let ended = tokio::time::timeout(Duration::from_millis(300), writing).await;
    assert!(ended.is_err());
    assert_eq!((written(&outcome), outcome.requests), (4, 3));
}

#[tokio::test]
async fn redirect_is_reported_with_its_location() {
    let receiver = Receiver::start(|_| Reply::Redirect(308, "/write/?token=hidden")).await;
    let mut client = Client::new(settings(&receiver)).unwrap();
    let blocked = client.write(&entries(1), NOW, policy(3)).await.blocked.unwrap();
    assert_eq!(blocked.cause, "308 `/write/`");
}

//! The outcome of samples for each kind of answer.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use remote_write::{Auth, Backoff, Client, EntryOutcome, Outcome, Refusal, SendPolicy, Settings};
use samples::wire::v1;
use samples::{Datum, Entry, Histogram, Metadata, MetricKind, Protocol, Sample, Series, Timestamp};
use tokio::time::Instant;

use testkit::receiver::{Receiver, Reply, Request};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_332_392_507);

pub(crate) fn entry(name: &str, at: i64) -> Entry {
    let series = Series::new(name, [("job", "test")]).unwrap();
    Entry::new(series, Sample::new(1.0, Timestamp::from_millis(NOW.as_millis() + at)))
}

pub(crate) fn entries(count: i64) -> Vec<Entry> {
    (0..count).map(|number| entry(&format!("m{number:03}"), 0)).collect()
}

pub(crate) fn settings(receiver: &Receiver) -> Settings {
    Settings {
        backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(4) },
        timeout: Duration::from_secs(20),
        ..Settings::new(&receiver.url).unwrap()
    }
}

async fn write(receiver: &Receiver, entries: &[Entry], policy: SendPolicy) -> Outcome {
    Client::new(settings(receiver)).unwrap().write(entries, NOW, policy).await
}

pub(crate) fn policy(attempts: u32) -> SendPolicy {
    SendPolicy { attempts, ..SendPolicy::default() }
}

pub(crate) fn names(receiver: &Receiver) -> Vec<String> {
    let stored = receiver.stored().into_iter();
    stored.map(|(series, ..)| series.split('{').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn metadata_is_sent_over_1_0_once_for_each_family() {
    let metadata = |help: &str| {
        let (kind, help) = (MetricKind::Histogram, help.to_owned());
        Arc::new(Metadata { kind, help, ..Metadata::default() })
    };
    let (wait, size) = (metadata("Time."), metadata("Size."));
    let names = [("wait_bucket", &wait), ("wait_sum", &wait), ("size_sum", &size)];
    let of = |(name, metadata): (&str, &Arc<Metadata>), time| {
        let entry = entry(name, time);
        Entry { series: entry.series.with_metadata(Arc::clone(metadata)), ..entry }
    };
    for (refused, count) in [(false, 2), (true, 1)] {
        let receiver = Receiver::start(move |request| {
            let is_metadata = request.samples.is_empty();
            if is_metadata && refused { Reply::Refuse(400, "what?") } else { Reply::Store }
        })
        .await;
        let mut client = Client::new(settings(&receiver)).unwrap();
        for time in 0..2 {
            let all = names.map(|name| of(name, time));
            let outcome = client.write(&all[..2], NOW, policy(2)).await;
            assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 2);
            if time == 1 {
                client.write(&all[2..], NOW, policy(2)).await;
            }
        }
        let requests = receiver.requests();
        let metadata = requests.iter().filter(|request| request.samples.is_empty());
        let found: Vec<String> = metadata
            .flat_map(|request| {
                let plain = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
                v1::WriteRequest::decode(plain.as_slice()).unwrap().metadata
            })
            .map(|family| format!("{} {}", family.metric_family_name, family.help))
            .collect();
        let all = ["wait Time.", "size Size."];
        assert_eq!(found, all[..count], "refused: {refused}");
    }
}

#[tokio::test]
async fn request_has_the_headers_of_the_specification() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let mut settings = settings(&receiver);
    settings.user_agent = "Vigie/1.2.3 (+https://example.com)".into();
    settings.auth = Auth::Bearer("token".into());
    settings.headers = vec![("X-Scope-OrgID".into(), "tenant".into())];
    let mut client = Client::new(settings).unwrap();

    let outcome = client.write(&[entry("up", 0)], NOW, SendPolicy::default()).await;

    assert_eq!((outcome.entries.as_slice(), outcome.requests), (&[EntryOutcome::Written][..], 1));
    let headers = &receiver.requests()[0].headers;
    let expected = [
        ("authorization", "Bearer token"),
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("user-agent", "Vigie/1.2.3 (+https://example.com)"),
        ("x-prometheus-remote-write-version", "0.1.0"),
        ("x-scope-orgid", "tenant"),
    ];
    for (name, value) in expected {
        assert_eq!(headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn transient_failure_is_retried_with_the_same_bytes() {
    let failures: [(&str, Reply); 5] = [
        ("500", Reply::Refuse(500, "internal")),
        ("503", Reply::Refuse(503, "starting")),
        ("429", Reply::RetryAfter(429, "0")),
        ("reset", Reply::Reset),
        ("503 with a date gone by", Reply::RetryAfter(503, "Sun, 06 Nov 1994 08:49:37 GMT")),
    ];
    for (name, failure) in failures {
        let script = move |request: &Request| {
            if request.number < 3 { failure.clone() } else { Reply::Store }
        };
        let receiver = Receiver::start(script).await;
        let outcome = write(&receiver, &entries(5), policy(5)).await;

        assert!(outcome.entries.iter().all(|entry| *entry == EntryOutcome::Written), "{name}");
        let requests = receiver.requests();
        assert_eq!(requests.len(), 4, "{name}");
        assert!(requests.iter().all(|request| request.body == requests[0].body), "{name}");
        assert_eq!(receiver.stored().len(), 5, "{name}");
    }
}

#[tokio::test]
async fn hung_request_loses_no_sample() {
    let script = |request: &Request| if request.number == 0 { Reply::Stall } else { Reply::Store };
    let receiver = Receiver::start(script).await;
    let settings = Settings { timeout: Duration::from_millis(200), ..settings(&receiver) };
    let outcome = Client::new(settings).unwrap().write(&entries(2), NOW, policy(9)).await;

    assert!(outcome.entries.iter().all(|entry| *entry == EntryOutcome::Written), "{outcome:?}");
    assert_eq!(receiver.stored().len(), 2);
}

#[tokio::test]
async fn retry_after_is_honoured_and_returned() {
    let receiver = Receiver::start(|_| Reply::RetryAfter(429, "120")).await;
    let until = Some(Instant::now() + Duration::from_secs(10));
    let policy = SendPolicy { until, ..policy(5) };
    let outcome = write(&receiver, &entries(1), policy).await;

    let blocked = outcome.blocked.unwrap();
    assert_eq!((blocked.status, blocked.wait), (Some(429), Duration::from_secs(120)));
    assert_eq!(receiver.requests().len(), 1, "waiting would have gone beyond the limit");
    assert_eq!(outcome.entries, [EntryOutcome::Unsent]);
}

#[tokio::test]
async fn attempts_are_limited_and_later_requests_are_not_sent() {
    let receiver = Receiver::start(|_| Reply::Refuse(503, "for ever")).await;
    let settings = Settings { max_samples: 2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    let outcome = client.write(&entries(6), NOW, policy(3)).await;

    assert!(outcome.entries.iter().all(|entry| *entry == EntryOutcome::Unsent));
    assert_eq!(outcome.blocked.unwrap().cause, "503 `for ever`");
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.samples.len() == 2 && request.has("m000")));
}

#[tokio::test]
async fn unreachable_receiver_leaves_samples_unsent() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let settings = settings(&receiver);
    drop(receiver);
    let outcome = Client::new(settings).unwrap().write(&entries(2), NOW, policy(2)).await;

    assert_eq!(outcome.entries, [EntryOutcome::Unsent, EntryOutcome::Unsent]);
    assert_eq!(outcome.blocked.unwrap().status, None);
}

#[tokio::test]
async fn two_bad_samples_of_a_hundred_are_found() {
    let script = |request: &Request| {
        let bad = request.has("m017") || request.has("m080");
        if bad { Reply::Refuse(400, "bad sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let outcome = write(&receiver, &entries(100), policy(3)).await;

    let rejected: Vec<usize> = (0..100)
        .filter(|index| matches!(&outcome.entries[*index], EntryOutcome::Rejected(why) if why.body == "bad sample"))
        .collect();
    assert_eq!(rejected, [17, 80]);
    assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 98);
    let stored = names(&receiver);
    assert_eq!(stored.len(), 98, "none twice");
    assert!(stored.is_sorted(), "in the order given");
    assert!(outcome.requests < 40, "{}", outcome.requests);
}

#[tokio::test]
async fn partial_write_over_2_0_finds_the_rejected_series() {
    let receiver = Receiver::start(|_| Reply::StoreBut("m003")).await;
    let all: Vec<Entry> =
        (0..5).flat_map(|at| (0..8).map(move |n| entry(&format!("m{n:03}"), at))).collect();
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let outcome = Client::new(settings).unwrap().write(&all, NOW, policy(3)).await;

    let rejected =
        |entry: &EntryOutcome| matches!(entry, EntryOutcome::Rejected(why) if why.status == 400);
    let rejected: Vec<usize> = (0..40).filter(|index| rejected(&outcome.entries[*index])).collect();
    assert_eq!(rejected, [3, 11, 19, 27, 35]);
    assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 35);
    assert_eq!(receiver.stored().len(), 35);
    assert!(outcome.requests <= 8, "{}", outcome.requests);
    assert_eq!(outcome.unaccounted, 0);
}

#[tokio::test]
async fn older_rejected_sample_over_2_0_is_unaccounted() {
    let receiver = Receiver::start(|_| Reply::StoreBut("none")).await;
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    client.write(&[entry("m000", 2)], NOW, policy(1)).await;
    let all = [entry("m000", 1), entry("m000", 3), entry("m001", 1)];
    let outcome = client.write(&all, NOW, policy(3)).await;

    assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 3, "{outcome:?}");
    assert_eq!(outcome.unaccounted, 1);
    assert_eq!(receiver.stored().len(), 3, "none twice");
}

#[tokio::test]
async fn receiver_lost_during_search_gets_no_repeats() {
    let script = |request: &Request| match request.number {
        1 => Reply::Refuse(503, "restarting"),
        _ => Reply::StoreBut("m003"),
    };
    let receiver = Receiver::start(script).await;
    let all: Vec<Entry> =
        (0..3).flat_map(|at| (0..4).map(move |n| entry(&format!("m{n:03}"), at))).collect();
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    let outcome = client.write(&all, NOW, policy(1)).await;
    let unsent: Vec<Entry> = all
        .iter()
        .zip(&outcome.entries)
        .filter(|(_, entry)| **entry == EntryOutcome::Unsent)
        .map(|(e, _)| e.clone())
        .collect();
    assert_eq!(unsent, all[8..], "the newest of each series");
    assert_eq!((outcome.unaccounted, outcome.blocked.is_some()), (3, true));

    let outcome = client.write(&unsent, NOW, policy(1)).await;
    assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 3, "{outcome:?}");
    assert_eq!(outcome.count(|entry| matches!(entry, EntryOutcome::Rejected(_))), 1);
    assert_eq!(receiver.stored().len(), 9);
}

#[tokio::test]
async fn configuration_error_blocks_without_retry() {
    for status in [301, 401, 403, 404] {
        let receiver = Receiver::start(move |_| Reply::Refuse(status, "no\nway")).await;
        let outcome = write(&receiver, &entries(4), policy(5)).await;
        assert_eq!(receiver.requests().len(), 1, "{status}");
        assert!(
            outcome.entries.iter().all(|entry| *entry == EntryOutcome::Unsent),
            "{status}: {outcome:?}"
        );
        let blocked = outcome.blocked.unwrap();
        let cause = format!("{status} `no way`");
        assert_eq!((blocked.status, blocked.cause), (Some(status), cause));
    }
}

#[tokio::test]
async fn secret_in_an_answer_is_redacted() {
    let receiver = Receiver::start(|_| Reply::Refuse(401, "wrong password hunter2 for me")).await;
    let mut settings = settings(&receiver);
    settings.auth = Auth::Basic { user: "me".into(), password: "hunter2".into() };
    let outcome = Client::new(settings).unwrap().write(&entries(1), NOW, policy(1)).await;
    assert_eq!(outcome.blocked.unwrap().cause, "401 `wrong password [secret] for me`");
}

#[tokio::test]
async fn sample_that_always_gets_500_is_found() {
    let script = |request: &Request| {
        if request.has("m013") { Reply::Refuse(500, "too old sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let policy = SendPolicy { divide: true, ..policy(2) };
    let outcome = write(&receiver, &entries(50), policy).await;

    assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 49, "{:?}", outcome.blocked);
    let EntryOutcome::Rejected(why) = &outcome.entries[13] else {
        panic!("{:?}", outcome.entries[13])
    };
    assert_eq!(why.to_string(), "500 `too old sample`");
    assert!(outcome.blocked.is_none());
}

#[tokio::test]
async fn receiver_with_500_for_all_rejects_no_sample() {
    let receiver = Receiver::start(|_| Reply::Refuse(500, "disk full")).await;
    let policy = SendPolicy { divide: true, ..policy(2) };
    let outcome = write(&receiver, &entries(500), policy).await;

    assert!(outcome.entries.iter().all(|entry| *entry == EntryOutcome::Unsent));
    assert!(outcome.requests < 40, "{}", outcome.requests);
}

#[tokio::test]
async fn search_after_500_keeps_the_order_of_a_series() {
    // Every series has three samples; the middle one of one series is what the receiver chokes on.
    let guilty = NOW.as_millis() + 1;
    let script = move |request: &Request| {
        let chokes =
            |(series, at, _): &(String, i64, f64)| series.starts_with("m004") && *at == guilty;
        if request.samples.iter().any(chokes) { Reply::Refuse(500, "no") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let all: Vec<Entry> =
        (0..3).flat_map(|at| (0..10).map(move |n| entry(&format!("m{n:03}"), at))).collect();
    let policy = SendPolicy { divide: true, ..policy(1) };
    let outcome = write(&receiver, &all, policy).await;

    let rejected: Vec<usize> =
        (0..30).filter(|i| matches!(outcome.entries[*i], EntryOutcome::Rejected(_))).collect();
    assert_eq!(rejected, [14]);
    assert_eq!(receiver.stored().len(), 29);
}

#[tokio::test]
async fn version_2_falls_back_to_1_and_remembers() {
    for (name, reply) in [
        ("415", Reply::Refuse(415, "unknown message")),
        ("a nod without counts", Reply::Nod),
        ("400 at the first contact", Reply::Refuse(400, "can't read that")),
    ] {
        let script = move |request: &Request| match request.protocol {
            Protocol::V2 => reply.clone(),
            Protocol::V1 => Reply::Store,
        };
        let receiver = Receiver::start(script).await;
        let mut client =
            Client::new(Settings { protocol: Protocol::V2, ..settings(&receiver) }).unwrap();
        let mut all = entries(3);
        let histogram = Histogram { timestamp: NOW.as_millis(), ..Histogram::default() };
        all.push(Entry::histogram(Series::new("h", []).unwrap(), histogram));
        let outcome = client.write(&all, NOW, SendPolicy::default()).await;
        let written = [EntryOutcome::Written, EntryOutcome::Written, EntryOutcome::Written];
        assert_eq!(outcome.entries[..3], written, "{name}");
        assert_eq!(outcome.entries[3], EntryOutcome::Refused(Refusal::HistogramOver1_0), "{name}");

        client.write(&[entry("later", 1)], NOW, SendPolicy::default()).await;
        let spoken: Vec<Protocol> = receiver.requests().iter().map(|r| r.protocol).collect();
        assert_eq!(spoken, [Protocol::V2, Protocol::V1, Protocol::V1], "{name}");
        assert_eq!(client.protocol(), Protocol::V1);
        assert_eq!(receiver.stored().len(), 4, "{name}");
    }
}

#[tokio::test]
async fn version_2_has_its_headers_and_histograms() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let mut client =
        Client::new(Settings { protocol: Protocol::V2, ..settings(&receiver) }).unwrap();
    let histogram = Histogram { timestamp: NOW.as_millis(), schema: 3, ..Histogram::default() };
    let all = vec![
        entry("m", 0),
        Entry {
            datum: Datum::Histogram(Box::new(histogram)),
            ..Entry::new(Series::new("h", []).unwrap(), Sample::new(0.0, NOW))
        },
    ];
    let outcome = client.write(&all, NOW, SendPolicy::default()).await;

    assert_eq!(outcome.entries, [EntryOutcome::Written, EntryOutcome::Written]);
    assert_eq!(outcome.unaccounted, 0);
    let headers = &receiver.requests()[0].headers;
    assert_eq!(headers["x-prometheus-remote-write-version"], "2.0.0");
    assert_eq!(
        headers["content-type"],
        "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    );
}

#[tokio::test]
async fn sample_that_fails_a_check_is_not_sent() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let all = vec![
        entry("far", 600_001),
        entry("good", 0),
        Entry::new(Series::new("good", [("job", "test")]).unwrap(), Sample::new(2.0, NOW)),
    ];
    let outcome = write(&receiver, &all, SendPolicy::default()).await;
    let expected = [
        EntryOutcome::Refused(Refusal::TooFarInFuture),
        EntryOutcome::Written,
        EntryOutcome::Refused(Refusal::SameTime),
    ];
    assert_eq!(outcome.entries, expected);
    assert_eq!(names(&receiver), ["good"]);
}

#[tokio::test]
async fn requests_stay_within_their_limits() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let long = "x".repeat(1000);
    let wide: Vec<Entry> = (0..10)
        .map(|n| {
            let number = n.to_string();
            let series = Series::new("wide", [("n", number.as_str()), ("long", &long)]).unwrap();
            Entry::new(series, Sample::new(1.0, NOW))
        })
        .collect();
    let settings = Settings { max_samples: 4, max_request_bytes: 2500, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    client.write(&entries(10), NOW, SendPolicy::default()).await;
    client.write(&wide, NOW, SendPolicy::default()).await;

    let counts: Vec<usize> = receiver.requests().iter().map(|r| r.samples.len()).collect();
    assert_eq!(counts, [4, 4, 2, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn request_rejected_with_413_is_divided() {
    let script = |request: &Request| {
        if request.samples.len() > 3 { Reply::Refuse(413, "too large") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let outcome = write(&receiver, &entries(20), policy(2)).await;
    assert_eq!(outcome.count(|entry| *entry == EntryOutcome::Written), 20);
    assert!(names(&receiver).is_sorted());
}

//! What becomes of samples, whatever the receiver answers.

use std::time::Duration;

use remote_write::{Auth, Backoff, Client, Fate, Outcome, Patience, Refusal, Settings};
use samples::{Datum, Entry, Histogram, Protocol, Sample, Series, Timestamp};
use tokio::time::Instant;

use testkit::receiver::{Receiver, Reply, Request};

const NOW: Timestamp = Timestamp::from_millis(1_795_332_392_507);

fn entry(name: &str, at: i64) -> Entry {
    let series = Series::new(name, [("job", "test")]).unwrap();
    Entry::new(series, Sample::new(1.0, Timestamp::from_millis(NOW.as_millis() + at)))
}

fn entries(count: i64) -> Vec<Entry> {
    (0..count).map(|number| entry(&format!("m{number:03}"), 0)).collect()
}

fn settings(receiver: &Receiver) -> Settings {
    Settings {
        backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(4) },
        timeout: Duration::from_secs(20),
        ..Settings::new(&receiver.url).unwrap()
    }
}

async fn write(receiver: &Receiver, entries: &[Entry], patience: Patience) -> Outcome {
    Client::new(settings(receiver)).unwrap().write(entries, NOW, patience).await
}

fn patience(tries: u32) -> Patience {
    Patience { tries, ..Patience::default() }
}

fn names(receiver: &Receiver) -> Vec<String> {
    let stored = receiver.stored().into_iter();
    stored.map(|(series, ..)| series.split('{').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_is_what_the_specification_says() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let mut settings = settings(&receiver);
    settings.user_agent = "Vigie/1.2.3 (+https://example.com)".into();
    settings.auth = Auth::Bearer("token".into());
    settings.headers = vec![("X-Scope-OrgID".into(), "tenant".into())];
    let mut client = Client::new(settings).unwrap();

    let outcome = client.write(&[entry("up", 0)], NOW, Patience::default()).await;

    assert_eq!((outcome.fates.as_slice(), outcome.requests), (&[Fate::Written][..], 1));
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
async fn what_passes_is_tried_again_with_the_same_bytes() {
    let troubles: [(&str, Reply); 5] = [
        ("500", Reply::Refuse(500, "internal")),
        ("503", Reply::Refuse(503, "starting")),
        ("429", Reply::RetryAfter(429, "0")),
        ("reset", Reply::Reset),
        ("503 with a date gone by", Reply::RetryAfter(503, "Sun, 06 Nov 1994 08:49:37 GMT")),
    ];
    for (name, trouble) in troubles {
        let script = move |request: &Request| {
            if request.number < 3 { trouble.clone() } else { Reply::Store }
        };
        let receiver = Receiver::start(script).await;
        let outcome = write(&receiver, &entries(5), patience(5)).await;

        assert!(outcome.fates.iter().all(|fate| *fate == Fate::Written), "{name}");
        let requests = receiver.requests();
        assert_eq!(requests.len(), 4, "{name}");
        assert!(requests.iter().all(|request| request.body == requests[0].body), "{name}");
        assert_eq!(receiver.stored().len(), 5, "{name}");
    }
}

#[tokio::test]
async fn a_stalled_receiver_costs_one_time_limit_and_no_sample() {
    let script = |request: &Request| if request.number == 0 { Reply::Stall } else { Reply::Store };
    let receiver = Receiver::start(script).await;
    let settings = Settings { timeout: Duration::from_millis(200), ..settings(&receiver) };
    let outcome = Client::new(settings).unwrap().write(&entries(2), NOW, patience(9)).await;

    assert!(outcome.fates.iter().all(|fate| *fate == Fate::Written), "{outcome:?}");
    assert_eq!(receiver.stored().len(), 2);
}

#[tokio::test]
async fn retry_after_is_honoured_and_told_to_the_caller() {
    let receiver = Receiver::start(|_| Reply::RetryAfter(429, "120")).await;
    let until = Some(Instant::now() + Duration::from_secs(10));
    let patience = Patience { until, ..patience(5) };
    let outcome = write(&receiver, &entries(1), patience).await;

    let held_up = outcome.held_up.unwrap();
    assert_eq!((held_up.status, held_up.wait), (Some(429), Duration::from_secs(120)));
    assert_eq!(receiver.requests().len(), 1, "waiting would have gone beyond the limit");
    assert_eq!(outcome.fates, [Fate::Unsent]);
}

#[tokio::test]
async fn tries_are_capped_and_nothing_behind_is_sent() {
    let receiver = Receiver::start(|_| Reply::Refuse(500, "for ever")).await;
    let settings = Settings { max_samples: 2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    let outcome = client.write(&entries(6), NOW, patience(3)).await;

    assert!(outcome.fates.iter().all(|fate| *fate == Fate::Unsent));
    assert_eq!(outcome.held_up.unwrap().cause, "500 `for ever`");
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.samples.len() == 2 && request.has("m000")));
}

#[tokio::test]
async fn an_unreachable_receiver_is_no_verdict_about_the_samples() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let settings = settings(&receiver);
    drop(receiver);
    let outcome = Client::new(settings).unwrap().write(&entries(2), NOW, patience(2)).await;

    assert_eq!(outcome.fates, [Fate::Unsent, Fate::Unsent]);
    assert_eq!(outcome.held_up.unwrap().status, None);
}

#[tokio::test]
async fn one_bad_sample_in_a_hundred_is_found_and_the_others_are_stored() {
    let script = |request: &Request| {
        let bad = request.has("m017") || request.has("m080");
        if bad { Reply::Refuse(400, "bad sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let outcome = write(&receiver, &entries(100), patience(3)).await;

    let rejected: Vec<usize> = (0..100)
        .filter(|index| matches!(&outcome.fates[*index], Fate::Rejected(why) if why.words == "bad sample"))
        .collect();
    assert_eq!(rejected, [17, 80]);
    assert_eq!(outcome.count(|fate| *fate == Fate::Written), 98);
    let stored = names(&receiver);
    assert_eq!(stored.len(), 98, "none twice");
    assert!(stored.is_sorted(), "in the order given");
    assert!(outcome.requests < 40, "{}", outcome.requests);
}

#[tokio::test]
async fn over_2_0_what_a_refused_request_stored_is_written_and_the_series_at_fault_is_found() {
    let receiver = Receiver::start(|_| Reply::StoreBut("m003")).await;
    let all: Vec<Entry> =
        (0..5).flat_map(|at| (0..8).map(move |n| entry(&format!("m{n:03}"), at))).collect();
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let outcome = Client::new(settings).unwrap().write(&all, NOW, patience(3)).await;

    let rejected = |fate: &Fate| matches!(fate, Fate::Rejected(why) if why.status == 400);
    let rejected: Vec<usize> = (0..40).filter(|index| rejected(&outcome.fates[*index])).collect();
    assert_eq!(rejected, [3, 11, 19, 27, 35]);
    assert_eq!(outcome.count(|fate| *fate == Fate::Written), 35);
    assert_eq!(receiver.stored().len(), 35);
    assert!(outcome.requests <= 8, "{}", outcome.requests);
    assert_eq!(outcome.unaccounted, 0);
}

#[tokio::test]
async fn over_2_0_an_older_sample_of_a_series_that_is_taken_is_counted_as_refused() {
    let receiver = Receiver::start(|_| Reply::StoreBut("none")).await;
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    client.write(&[entry("m000", 2)], NOW, patience(1)).await;
    let all = [entry("m000", 1), entry("m000", 3), entry("m001", 1)];
    let outcome = client.write(&all, NOW, patience(3)).await;

    assert_eq!(outcome.count(|fate| *fate == Fate::Written), 3, "{outcome:?}");
    assert_eq!(outcome.unaccounted, 1);
    assert_eq!(receiver.stored().len(), 3, "none twice");
}

#[tokio::test]
async fn a_receiver_that_goes_away_while_the_series_at_fault_is_sought_gets_nothing_stored_again() {
    let script = |request: &Request| match request.number {
        1 => Reply::Refuse(503, "restarting"),
        _ => Reply::StoreBut("m003"),
    };
    let receiver = Receiver::start(script).await;
    let all: Vec<Entry> =
        (0..3).flat_map(|at| (0..4).map(move |n| entry(&format!("m{n:03}"), at))).collect();
    let settings = Settings { protocol: Protocol::V2, ..settings(&receiver) };
    let mut client = Client::new(settings).unwrap();
    let outcome = client.write(&all, NOW, patience(1)).await;
    let unsent: Vec<Entry> = all
        .iter()
        .zip(&outcome.fates)
        .filter(|(_, fate)| **fate == Fate::Unsent)
        .map(|(e, _)| e.clone())
        .collect();
    assert_eq!(unsent, all[8..], "the newest of each series");
    assert_eq!((outcome.unaccounted, outcome.held_up.is_some()), (3, true));

    let outcome = client.write(&unsent, NOW, patience(1)).await;
    assert_eq!(outcome.count(|fate| *fate == Fate::Written), 3, "{outcome:?}");
    assert_eq!(outcome.count(|fate| matches!(fate, Fate::Rejected(_))), 1);
    assert_eq!(receiver.stored().len(), 9);
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_samples_holds_them_up_and_is_not_repeated_at_once() {
    for status in [301, 401, 403, 404] {
        let receiver = Receiver::start(move |_| Reply::Refuse(status, "no\nway")).await;
        let outcome = write(&receiver, &entries(4), patience(5)).await;
        assert_eq!(receiver.requests().len(), 1, "{status}");
        assert!(outcome.fates.iter().all(|fate| *fate == Fate::Unsent), "{status}: {outcome:?}");
        let held_up = outcome.held_up.unwrap();
        let cause = format!("{status} `no way`");
        assert_eq!((held_up.status, held_up.cause), (Some(status), cause));
    }
}

#[tokio::test]
async fn a_secret_that_comes_back_in_an_answer_is_not_passed_on() {
    let receiver = Receiver::start(|_| Reply::Refuse(401, "wrong password hunter2 for me")).await;
    let mut settings = settings(&receiver);
    settings.auth = Auth::Basic { user: "me".into(), password: "hunter2".into() };
    let outcome = Client::new(settings).unwrap().write(&entries(1), NOW, patience(1)).await;
    assert_eq!(outcome.held_up.unwrap().cause, "401 `wrong password [secret] for me`");
}

#[tokio::test]
async fn the_sample_behind_an_eternal_500_is_found_once_the_caller_asks() {
    let script = |request: &Request| {
        if request.has("m013") { Reply::Refuse(500, "too old sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let patience = Patience { isolate: true, ..patience(2) };
    let outcome = write(&receiver, &entries(50), patience).await;

    assert_eq!(outcome.count(|fate| *fate == Fate::Written), 49, "{:?}", outcome.held_up);
    let Fate::Rejected(why) = &outcome.fates[13] else { panic!("{:?}", outcome.fates[13]) };
    assert_eq!(why.to_string(), "500 `too old sample`");
    assert!(outcome.held_up.is_none());
}

#[tokio::test]
async fn a_receiver_that_answers_500_to_everything_makes_nobody_guilty() {
    let receiver = Receiver::start(|_| Reply::Refuse(500, "disk full")).await;
    let patience = Patience { isolate: true, ..patience(2) };
    let outcome = write(&receiver, &entries(500), patience).await;

    assert!(outcome.fates.iter().all(|fate| *fate == Fate::Unsent));
    assert!(outcome.requests < 40, "{}", outcome.requests);
}

#[tokio::test]
async fn looking_for_the_guilty_never_lets_a_series_overtake_itself() {
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
    let patience = Patience { isolate: true, ..patience(1) };
    let outcome = write(&receiver, &all, patience).await;

    let rejected: Vec<usize> =
        (0..30).filter(|i| matches!(outcome.fates[*i], Fate::Rejected(_))).collect();
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
        all.push(Entry::new(Series::new("dotted.name", []).unwrap(), Sample::new(1.0, NOW)));
        let outcome = client.write(&all, NOW, Patience::default()).await;
        let written = [Fate::Written, Fate::Written, Fate::Written];
        assert_eq!(outcome.fates[..3], written, "{name}");
        assert_eq!(outcome.fates[3], Fate::Refused(Refusal::NotLegacyName), "{name}");

        client.write(&[entry("later", 1)], NOW, Patience::default()).await;
        let spoken: Vec<Protocol> = receiver.requests().iter().map(|r| r.protocol).collect();
        assert_eq!(spoken, [Protocol::V2, Protocol::V1, Protocol::V1], "{name}");
        assert_eq!(client.protocol(), Protocol::V1);
        assert_eq!(receiver.stored().len(), 4, "{name}");
    }
}

#[tokio::test]
async fn version_2_is_spoken_with_its_headers_and_carries_histograms() {
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
    let outcome = client.write(&all, NOW, Patience::default()).await;

    assert_eq!(outcome.fates, [Fate::Written, Fate::Written]);
    assert_eq!(outcome.unaccounted, 0);
    let headers = &receiver.requests()[0].headers;
    assert_eq!(headers["x-prometheus-remote-write-version"], "2.0.0");
    assert_eq!(
        headers["content-type"],
        "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    );
}

#[tokio::test]
async fn what_could_only_do_harm_is_never_sent() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let all = vec![
        entry("far", 600_001),
        entry("good", 0),
        Entry::new(Series::new("good", [("job", "test")]).unwrap(), Sample::new(2.0, NOW)),
    ];
    let outcome = write(&receiver, &all, Patience::default()).await;
    let expected =
        [Fate::Refused(Refusal::TooFarInFuture), Fate::Written, Fate::Refused(Refusal::SameTime)];
    assert_eq!(outcome.fates, expected);
    assert_eq!(names(&receiver), ["good"]);
}

#[tokio::test]
async fn requests_keep_to_their_limits() {
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
    client.write(&entries(10), NOW, Patience::default()).await;
    client.write(&wide, NOW, Patience::default()).await;

    let counts: Vec<usize> = receiver.requests().iter().map(|r| r.samples.len()).collect();
    assert_eq!(counts, [4, 4, 2, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn a_body_that_is_too_large_for_the_receiver_is_sent_in_parts() {
    let script = |request: &Request| {
        if request.samples.len() > 3 { Reply::Refuse(413, "too large") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let outcome = write(&receiver, &entries(20), patience(2)).await;
    assert_eq!(outcome.count(|fate| *fate == Fate::Written), 20);
    assert!(names(&receiver).is_sorted());
}

//! What the function does for its own sake.

use aws_sdk_cloudwatch::types::StateValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::fake_aws::{FakeAws, Part, at, event};

/// A dead man's switch that counts its heartbeats; the URL, and the count so far.
async fn switch() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ping/secret", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1_024];
            let read = stream.read(&mut request).await.unwrap_or(0);
            assert!(request[..read].starts_with(b"GET /ping/secret "));
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    });
    (url, count)
}

fn metric(aws: &FakeAws, name: &str, value: Option<f64>) {
    let key = (name.to_owned(), "Sum".to_owned());
    match value {
        Some(value) => aws.state().metrics.insert(key, value),
        None => aws.state().metrics.remove(&key),
    };
}

#[tokio::test]
async fn heartbeat_needs_published_results() {
    let (url, count) = switch().await;
    let beats = || count.load(std::sync::atomic::Ordering::SeqCst);
    let mut aws = FakeAws::with(&[("HEARTBEAT_URL", &url)]);
    let cases = [
        // name                                  dispatched  reported    beats
        ("all is published", Some(30.0), Some(30.0), 1),
        ("a few are still on their way", Some(30.0), Some(27.0), 1),
        ("nothing was due", Some(0.0), None, 1),
        ("nothing comes back", Some(30.0), None, 0),
        ("half is lost", Some(30.0), Some(14.0), 0),
        ("no runs planned", None, None, 0),
    ];
    for (minute, (name, dispatched, reported, expected)) in cases.into_iter().enumerate() {
        metric(&aws, "RunsDispatched", dispatched);
        metric(&aws, "RunsReported", reported);
        let before = beats();
        assert_eq!(aws.tick(at(&format!("10:{minute:02}:00"))).await, 0, "{name}");
        assert_eq!(beats() - before, expected, "{name}");
    }
    metric(&aws, "RunsDispatched", Some(30.0));
    metric(&aws, "RunsReported", Some(30.0));
    aws.state().age = Some(700);
    for (timeout, expected) in [(None, 0), (Some(600.0), 1)] {
        let key = ("LongestTimeout".to_owned(), "Maximum".to_owned());
        aws.state().metrics.extend(timeout.map(|timeout| (key, timeout)));
        let before = beats();
        aws.tick(at(if timeout.is_none() { "10:20:00" } else { "10:21:00" })).await;
        assert_eq!(beats() - before, expected, "runs of 11 minutes ago, {timeout:?}");
    }
    aws.breaks(Part::Metrics);
    let before = beats();
    aws.tick(at("10:30:00")).await;
    assert_eq!(beats(), before, "not knowing is not living");
}

#[tokio::test]
async fn unconfirmed_subscriptions_are_counted_hourly() {
    let mut aws = FakeAws::with(&[
        ("NOTIFICATIONS_EMAILS", "ada@example.com,bob@example.com,"),
        ("TICKETS_EMAILS", "ada@example.com,"),
        ("SELF_MONITORING_TOPIC_ARN", "watch"),
        ("SELF_MONITORING_EMAILS", "eve@example.com,gone@example.com"),
    ]);
    let arn = "arn:aws:sns:eu-west-1:123456789012:notifications:1";
    aws.state().subscriptions = [
        (
            "notifications".to_owned(),
            vec![("ada@example.com", arn), ("bob@example.com", "PendingConfirmation")],
        ),
        ("tickets".to_owned(), vec![("ada@example.com", arn)]),
        ("escalation".to_owned(), vec![("removed@example.com", "Deleted")]),
        // One of two is not there at all: SNS forgets what was unsubscribed.
        ("watch".to_owned(), vec![("eve@example.com", arn)]),
    ]
    .into();
    aws.tick(at("00:00:00")).await;
    aws.tick(at("00:59:00")).await;
    assert_eq!(aws.state().counts, [], "addresses have an hour to confirm");
    for hour in 1..4 {
        for minute in [0, 30] {
            aws.tick(at(&format!("{hour:02}:{minute:02}:00"))).await;
        }
    }
    let counts = aws.state().counts.clone();
    assert_eq!(counts, vec![("SubscriptionsUnconfirmed".to_owned(), 3.0); 3]);
    let mails = aws.published();
    let topics: Vec<&str> = mails.iter().map(|mail| mail.topic.as_str()).collect();
    assert_eq!(topics, ["tickets"; 3], "not the topic of an unconfirmed address");
    assert_eq!(mails[0].subject, "Unconfirmed addresses (prod): 3");
    for address in ["bob@example.com", "removed@example.com", "gone@example.com"] {
        assert!(mails[0].body.contains(address), "{}", mails[0].body);
    }
}

#[tokio::test]
async fn unknown_subscriptions_do_not_end_the_alarm() {
    let mut aws = FakeAws::with(&[("TICKETS_EMAILS", "ada@example.com")]);
    let ada = |arn| ("tickets".to_owned(), vec![("ada@example.com", arn)]);
    aws.state().subscriptions = [ada("Deleted")].into();
    let sent = |aws: &FakeAws| {
        let counts = std::mem::take(&mut aws.state().counts);
        counts.into_iter().map(|(_, count)| count).collect::<Vec<f64>>()
    };
    aws.tick(at("08:00:00")).await;
    aws.tick(at("10:00:00")).await;
    assert_eq!(sent(&aws), [1.0]);

    let next_day = |time: &str| format!("2026-11-23T{time}:00Z").parse().unwrap();
    aws.state().unseen.insert("tickets".to_owned());
    aws.tick(next_day("10:00")).await;
    assert_eq!(sent(&aws), [] as [f64; 0], "an unknown state does not end the alarm");
    aws.state().unseen.remove("tickets");
    aws.state().unseen.insert("notifications".to_owned());
    aws.tick(next_day("10:01")).await;
    assert_eq!(sent(&aws), [1.0], "the other topics are counted");
    aws.state().unseen.clear();
    aws.state().subscriptions = [ada("arn:aws:sns:eu-west-1:123456789012:tickets:1")].into();
    aws.tick(next_day("10:02")).await;
    aws.tick(next_day("10:03")).await;
    assert_eq!(sent(&aws), [0.0], "every subscription is confirmed");
}

#[tokio::test]
async fn weekly_mail_is_sent_on_monday() {
    let mut aws = FakeAws::new();
    aws.state().week = [
        ("hr-bot".to_owned(), (10_080.0, 10_080.0)),
        ("support-bot".to_owned(), (10_070.0, 10_080.0)),
    ]
    .into();
    let note = "down\nvigie: {\"severity\":\"page\",\"objective\":99.5}".to_owned();
    aws.state().described.insert("vigie-prod-support-bot-down".to_owned(), note);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    // 22 November 2026 is a Sunday; Monday, 8 o'clock in Paris is 7 o'clock UTC.
    let monday = |time: &str| format!("2026-11-23T{time}:00Z").parse().unwrap();
    aws.tick(monday("06:59")).await;
    let before = aws.subjects().len();
    for minute in 0..5 {
        aws.tick(monday(&format!("07:{minute:02}"))).await;
    }
    aws.tick(monday("12:00")).await;
    let weekly: Vec<_> = aws.published()[before..]
        .iter()
        .filter(|m| m.subject.starts_with("Weekly "))
        .cloned()
        .collect();
    let [mail] = &weekly[..] else { panic!("{:?}", aws.subjects()) };
    assert_eq!(mail.subject, "Weekly report (prod), 2 probes, active alarms: 1");
    assert_eq!(mail.topic, "notifications");
    assert_eq!(mail.attributes["severity"], "page");
    let worst_first = mail.body.find("support-bot").unwrap() < mail.body.find("hr-bot").unwrap();
    assert!(worst_first && mail.body.contains("99.9%"), "{}", mail.body);
    let budget = "(10070/10080 runs), error budget of 30 days left: 80.1%";
    assert!(mail.body.contains(budget), "{}", mail.body);

    // Without the table it can't be known whether it was sent, and each minute would send it.
    aws.breaks(Part::Table);
    let before = aws.published().len();
    aws.tick("2026-11-30T07:00:00Z".parse().unwrap()).await;
    let weekly = |mail: &&crate::fake_aws::Published| mail.subject.starts_with("Weekly");
    assert_eq!(aws.published()[before..].iter().filter(weekly).count(), 0);
}

#[tokio::test]
async fn weekly_mail_has_the_numbers_of_the_status_page() {
    // The setting, what breaks, and the line of `support-bot`, whose three locations make a vote.
    let voted = "99.0%   (990/1000 runs), error budget of 30 days left: 0.0%";
    let counted = "50.0%   (50/100 runs), error budget of 30 days left: -9900.0%";
    let cases = [("internal", voted), ("off", counted)];
    for (status_page, expected) in cases {
        let mut aws = FakeAws::with(&[("STATUS_PAGE", status_page)]);
        aws.state().week = [("hr-bot", (10.0, 10.0)), ("support-bot", (50.0, 100.0))]
            .map(|(probe, runs)| (probe.to_owned(), runs))
            .into();
        let note = "down\nvigie: {\"severity\":\"page\",\"objective\":99.5}".to_owned();
        aws.state().described.insert("vigie-prod-support-bot-down".to_owned(), note);
        aws.alarm_is("vigie-prod-support-bot-down", StateValue::Ok, at("10:00:00"));
        aws.store_day("support-bot", "2026-10-01", 0, 500).await;
        aws.store_day("support-bot", "2026-11-01", 1_000, 0).await;
        aws.store_day("support-bot", "2026-11-22", 990, 10).await;
        aws.store_day("support-bot", "2026-11-23", 0, 500).await;
        aws.tick("2026-11-23T07:00:00Z".parse().unwrap()).await;
        let published = aws.published();
        let mail = published.iter().find(|mail| mail.subject.starts_with("Weekly")).unwrap();
        assert!(mail.body.contains(expected), "{status_page}: {}", mail.body);
        assert!(mail.body.contains("(10/10 runs)"), "{status_page}: {}", mail.body);
    }
}

#[tokio::test]
async fn heartbeat_stops_when_the_table_stays_unavailable() {
    for part in [Part::Table, Part::TableWrites] {
        let (url, count) = switch().await;
        let mut aws = FakeAws::with(&[("HEARTBEAT_URL", &url)]);
        metric(&aws, "RunsDispatched", Some(0.0));
        aws.breaks(part);
        let mut beats = Vec::new();
        let mut minute = async |minute: u32| {
            aws.tick(at(&format!("10:{minute:02}:00"))).await;
            if minute == 11 {
                aws.repair(part);
            }
            beats.push(count.load(std::sync::atomic::Ordering::SeqCst));
        };
        for number in [0, 9, 10, 11, 12] {
            minute(number).await;
        }
        assert_eq!(beats, [1, 2, 2, 2, 3], "{part:?}");
        let counts = &aws.state().counts;
        let unavailable = counts.iter().filter(|(name, _)| name == "NotificationStoreUnavailable");
        assert_eq!(unavailable.count(), 4, "{part:?}: an alarm uses the metric");
    }
}

//! The notifications about events while every service works.

use domain::Reason;

use crate::fake_aws::{FakeAws, alarm, at, event};
use crate::samples::down;

#[tokio::test]
async fn alarm_is_sent_when_its_window_is_over() {
    let mut aws = FakeAws::new();
    aws.state().reports = vec![down(Reason::CheckFailed)];
    for (name, statistic, value) in
        [("Success", "Sum", 0.0), ("Success", "SampleCount", 3.0), ("TimeToFirstChunk", "p50", 0.8)]
    {
        aws.state().metrics.insert((name.to_owned(), statistic.to_owned()), value);
    }
    assert_eq!(aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await, 0);
    assert_eq!(aws.published().len(), 0, "the window is open");
    let delays: Vec<i32> = aws.state().sent.iter().map(|(_, delay)| *delay).collect();
    assert_eq!(delays, [20]);

    assert_eq!(aws.flush(at("14:05:42")).await, 0);
    let [mail] = &aws.published()[..] else { panic!("{:?}", aws.published()) };
    assert_eq!(mail.topic, "notifications");
    assert_eq!(
        mail.subject,
        "DOWN support-bot (prod): wrong answer, turn 2, expected contains \"ada7\", received \"Je suis desole.."
    );
    let attributes: Vec<(&str, &str)> =
        mail.attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(
        attributes,
        [
            ("environment", "prod"),
            ("probe", "support-bot"),
            ("reason", "check_failed"),
            ("severity", "page"),
            ("state", "ALARM"),
            ("team", "chat"),
        ]
    );
    for part in [
        "support-bot (prod, eu-west-1) has been down since 2026-11-22 14:05 UTC (15:05 Europe/Paris).",
        "expected   contains \"ada7\"",
        "(0/3)",
        "No other alarm of prod is active.",
        "vigie report reports/support-bot/2026/11/22/140430Z-",
        "https://wiki.example.com/support-bot",
        "alarmsV2:alarm/vigie-prod-support-bot-down",
        "vigie mute support-bot --environment prod --for 2h",
    ] {
        assert!(mail.body.contains(part), "no `{part}` in:\n{}", mail.body);
    }

    aws.flush(at("14:06:12")).await;
    aws.tick(at("14:10:00")).await;
    assert_eq!(aws.published().len(), 1, "sent once");
}

#[tokio::test]
async fn recovery_says_how_long_it_lasted() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    let [_, mail] = &aws.published()[..] else { panic!("{:?}", aws.subjects()) };
    assert_eq!(mail.subject, "OK support-bot (prod): answers correctly again, down for 12 min");
    let was = "support-bot (prod, eu-west-1) was down for 12 min, from 2026-11-22 14:05 UTC";
    assert!(mail.body.contains(was), "{}", mail.body);
}

#[tokio::test]
async fn alarm_is_sent_at_once_without_a_window() {
    let mut aws = FakeAws::with(&[("GROUP_WINDOW_SECONDS", "0"), ("LANGUAGE", "fr")]);
    aws.message(&event("cloudwatch-degraded.json"), at("14:05:12")).await;
    let [mail] = &aws.published()[..] else { panic!("{:?}", aws.subjects()) };
    assert_eq!(mail.topic, "tickets");
    assert_eq!(
        mail.subject,
        "LENT support-bot (prod) : reponses correctes, mais lentes ou au second essai"
    );
    assert_eq!(aws.state().sent.len(), 0);
}

#[tokio::test]
async fn change_from_two_senders_is_sent_once() {
    let mut aws = FakeAws::new();
    for name in ["cloudwatch-down.json", "eventbridge-down.json", "cloudwatch-down.json"] {
        aws.message(&event(name), at("14:05:13")).await;
        aws.flush(at("14:05:43")).await;
    }
    assert_eq!(aws.subjects().len(), 1, "{:?}", aws.subjects());
}

#[tokio::test]
async fn older_event_never_overrides_a_newer_one() {
    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    // SQS delivers the alarm again, much later.
    aws.message(&event("cloudwatch-down.json"), at("14:20:00")).await;
    aws.flush(at("14:20:30")).await;
    aws.tick(at("14:25:00")).await;
    let states: Vec<String> =
        aws.published().iter().map(|mail| mail.attributes["state"].clone()).collect();
    assert_eq!(states, ["ALARM", "OK"]);
}

#[tokio::test]
async fn no_data_is_sent_and_then_its_end() {
    let mut aws = FakeAws::new();
    // A new alarm leaves INSUFFICIENT_DATA, which was not reported.
    aws.message(&event("cloudwatch-ok-after-no-data.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    assert_eq!(aws.subjects(), Vec::<String>::new());

    let mut aws = FakeAws::new();
    aws.message(&event("cloudwatch-no-data.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.message(&event("cloudwatch-ok-after-no-data.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    assert_eq!(
        aws.subjects(),
        [
            "NO DATA support-bot (prod): no results",
            "OK support-bot (prod): results arrive again, no data for 12 min"
        ]
    );
}

#[tokio::test]
async fn alertmanager_alerts_are_sent_like_alarms() {
    let mut aws = FakeAws::new();
    aws.message(&event("alertmanager-firing.json"), at("14:05:41")).await;
    aws.flush(at("14:06:11")).await;
    aws.message(&event("alertmanager-resolved.json"), at("14:17:41")).await;
    aws.flush(at("14:18:11")).await;
    assert_eq!(
        aws.subjects(),
        [
            "1 DOWN, 1 ALARM (prod): support-bot, InstanceDown",
            "OK support-bot (prod): answers correctly again, down for 12 min"
        ]
    );
    let attributes = &aws.published()[0].attributes;
    assert_eq!(attributes["team"], "chat");
    assert_eq!(attributes["probe"], "support-bot");
}

#[tokio::test]
async fn unknown_message_is_sent_unchanged() {
    let mut aws = FakeAws::new();
    let text = event("amp-default-text.txt");
    aws.message(&text, at("14:05:12")).await;
    aws.bodies(vec!["{\"neither\":\"nor\"".to_owned()], at("14:05:13")).await;
    aws.flush(at("14:05:43")).await;
    let [mail] = &aws.published()[..] else { panic!("{:?}", aws.subjects()) };
    assert!(mail.subject.starts_with("2 ALARM (prod): "), "{}", mail.subject);
    assert!(mail.body.contains("alertname = DiskFull"), "{}", mail.body);
    assert!(mail.body.contains("{\"neither\":\"nor\""), "{}", mail.body);
    aws.tick(at("23:00:00")).await;
    assert_eq!(aws.published().len(), 1, "no reminder");
}

#[tokio::test]
async fn other_kinds_of_alarms_are_sent() {
    let mut aws = FakeAws::with(&[("GROUP_WINDOW_SECONDS", "0")]);
    aws.message(&event("cloudwatch-external.json"), at("14:05:12")).await;
    aws.message(&event("cloudwatch-composite.json"), at("14:05:13")).await;
    let subjects = aws.subjects();
    assert!(subjects[0].starts_with("ALARM database: disk almost full (prod): "), "{subjects:?}");
    assert_eq!(subjects[1], "ALARM vigie-prod-silent (prod): fault in Vigie");
    let bodies = aws.published();
    assert!(bodies[0].body.contains("Grow the volume."), "{}", bodies[0].body);
    assert!(bodies[1].body.contains("Nothing is probed any more."), "{}", bodies[1].body);
    assert!(
        bodies[1].body.contains("ALARM database: disk almost full, since "),
        "{}",
        bodies[1].body
    );
}

#[tokio::test]
async fn a_thousand_alarms_make_one_mail() {
    let mut aws = FakeAws::new();
    let messages: Vec<String> = (0..1_000)
        .map(|number| alarm("cloudwatch-down.json", &format!("bot-{number}"), at("14:05:11")))
        .collect();
    for batch in messages.chunks(10) {
        assert_eq!(aws.messages(batch, at("14:05:12")).await, 0);
    }
    assert_eq!(aws.state().sent.len(), 1, "one flush is armed");
    aws.flush(at("14:05:42")).await;
    assert_eq!(aws.subjects(), ["1000 DOWN (prod): bot-0, bot-1, bot-10, bot-100, +996"]);
    aws.tick(at("14:08:00")).await;
    assert_eq!(aws.published().len(), 1);
}

#[tokio::test]
async fn open_page_is_repeated_and_escalated() {
    let mut aws = FakeAws::with(&[("ESCALATE_AFTER_SECONDS", "3600")]);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.message(&event("cloudwatch-degraded.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    for minute in 6..60 {
        aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    for hour in 15..23 {
        for minute in 0..60 {
            aws.tick(at(&format!("{hour}:{minute:02}:00"))).await;
        }
    }
    let sent: Vec<(String, String)> = aws
        .published()
        .into_iter()
        .map(|mail| (mail.topic, mail.subject.split(" support").next().unwrap().to_owned()))
        .collect();
    let expected = [
        ("notifications", "DOWN"),
        ("tickets", "SLOW"),
        ("escalation", "ESCALATED: DOWN"),
        ("notifications", "STILL DOWN"),
    ];
    let expected: Vec<(String, String)> =
        expected.map(|(topic, state)| (topic.to_owned(), state.to_owned())).into();
    assert_eq!(sent[..4], expected[..], "{sent:?}");
    assert!(sent[4..].iter().all(|(_, state)| state == "STILL DOWN"), "{sent:?}");
    assert_eq!(sent.len(), 5, "18:05 or later and 22:05 or later: {sent:?}");
}

#[tokio::test]
async fn flapping_is_sent_once_and_when_it_ends() {
    let mut aws = FakeAws::new();
    for round in 0..15 {
        for (name, second) in [("cloudwatch-down.json", 11), ("cloudwatch-ok.json", 40)] {
            let changed = at(&format!("14:{:02}:{second}", round * 2));
            aws.message(&alarm(name, "support-bot", changed), changed).await;
            aws.flush(changed).await;
        }
    }
    let sent = aws.subjects().len();
    assert_eq!(sent, 5, "{:?}", aws.subjects());
    assert!(aws.subjects()[4].starts_with("FLAPPING support-bot (prod): "));
    aws.tick(at("14:40:00")).await;
    assert_eq!(aws.subjects().len(), 5);
    aws.tick(at("14:55:00")).await;
    assert_eq!(
        aws.subjects()[5..],
        ["OK AFTER FLAPPING support-bot (prod): answers correctly again"]
    );
}

#[tokio::test]
async fn test_alarm_is_sent_and_changes_no_record() {
    let mut aws = FakeAws::new();
    let mut test: serde_json::Value = serde_json::from_str(&event("cloudwatch-down.json")).unwrap();
    test["VigieTest"] = "b7d1".into();
    aws.message(&test.to_string(), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    let [mail] = &aws.published()[..] else { panic!("{:?}", aws.subjects()) };
    assert!(mail.subject.starts_with("[TEST] DOWN support-bot (prod)"), "{}", mail.subject);
    assert_eq!(mail.attributes["test"], "b7d1");
    let noted = ("test#b7d1".to_owned(), "published".to_owned());
    assert!(aws.state().items.contains_key(&noted), "`vigie test-alert` looks for it");

    aws.message(&event("cloudwatch-down.json"), at("14:06:12")).await;
    aws.flush(at("14:06:42")).await;
    assert_eq!(aws.published().len(), 2, "the real alarm is sent");
}

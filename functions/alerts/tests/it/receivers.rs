//! Receivers of `infra/routes.json` beside the topics.

use axum::http::HeaderMap;
use notify::Acknowledgement;
use serde_json::{Value, json};
use testkit::vendors::{Fault, ROUTING_KEY, Vendor, VendorServer};

use crate::fake_aws::{FakeAws, Part, at, event};

struct Setup {
    aws: FakeAws,
    pager: VendorServer,
    chat: VendorServer,
    _folder: tempfile::TempDir,
}

/// AWS with a pager and a chat, whose requests the scripts answer by their number.
async fn setup(
    pager: impl FnMut(usize) -> Option<Fault> + Send + 'static,
    chat: impl FnMut(usize) -> Option<Fault> + Send + 'static,
) -> Setup {
    let pager = VendorServer::start(Vendor::PagerDuty, pager).await;
    let chat = VendorServer::start(Vendor::Slack, chat).await;
    let file = json!({ "receivers": [
        {
            "name": "on-call",
            "type": "pagerduty",
            "routing_key": "${secret:vigie/${environment}/receivers/pagerduty}",
            "url": pager.url,
        },
        { "name": "chat", "type": "slack", "url": "${secret:vigie/prod/receivers/slack#url}" },
        { "name": "elsewhere", "type": "slack", "url": { "dev": "https://a.example" } },
    ] });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routes.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let aws = FakeAws::with(&[("ROUTES_FILE", path.to_str().unwrap())]);
    aws.state().secrets = [
        ("vigie/prod/receivers/pagerduty".to_owned(), ROUTING_KEY.to_owned()),
        ("vigie/prod/receivers/slack".to_owned(), json!({ "url": chat.url }).to_string()),
    ]
    .into();
    Setup { aws, pager, chat, _folder: folder }
}

impl Setup {
    async fn down(&mut self) {
        self.aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
        self.aws.flush(at("14:05:42")).await;
    }

    async fn recovery(&mut self) {
        self.aws.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
        self.aws.flush(at("14:17:42")).await;
    }

    /// Opened, resolved, open.
    fn incident(&self) -> Option<(usize, usize, bool)> {
        let incidents = self.pager.incidents();
        incidents.into_values().next().map(|one| (one.opened, one.resolved, one.is_open))
    }

    fn failed(&self) -> f64 {
        let counts = self.aws.state().counts.clone();
        counts.iter().filter(|(name, _)| name == "NotificationsUnpublished").map(|one| one.1).sum()
    }
}

#[tokio::test]
async fn outage_opens_and_recovery_resolves_one_incident() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.down().await;
    assert_eq!(setup.incident(), Some((1, 0, true)));
    assert_eq!((setup.chat.accepted().len(), setup.aws.published().len()), (1, 1));
    for minute in 6..17 {
        setup.aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    setup.recovery().await;
    assert_eq!(setup.incident(), Some((1, 1, false)));
    let titles: Vec<String> = setup
        .chat
        .accepted()
        .iter()
        .map(|message| message.json()["text"].as_str().unwrap().chars().take(8).collect())
        .collect();
    assert_eq!(titles, ["🔴 DOWN s", "🟢 OK sup"]);
    assert_eq!((setup.aws.published().len(), setup.failed()), (2, 0.0));
    let metrics = setup.pager.accepted()[0].json();
    assert_eq!(metrics["payload"]["severity"], "critical");
}

#[tokio::test]
async fn failing_receiver_neither_blocks_nor_repeats_others() {
    let mut setup = setup(|number| (number < 3).then_some(Fault::Status(500)), |_| None).await;
    setup.down().await;
    assert_eq!((setup.incident(), setup.failed()), (None, 1.0));
    assert_eq!((setup.chat.accepted().len(), setup.aws.published().len()), (1, 1));
    for minute in 6..12 {
        setup.aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    assert_eq!(setup.incident(), Some((1, 0, true)));
    assert_eq!((setup.chat.accepted().len(), setup.aws.published().len()), (1, 1));
    setup.recovery().await;
    assert_eq!(setup.incident(), Some((1, 1, false)));
}

#[tokio::test]
async fn missing_secret_fails_only_its_receiver() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.aws.state().secrets.remove("vigie/prod/receivers/slack");
    setup.down().await;
    assert_eq!((setup.incident(), setup.failed()), (Some((1, 0, true)), 1.0));
    assert_eq!((setup.chat.requests(), setup.aws.published().len()), (0, 1));
}

#[tokio::test]
async fn broken_topic_does_not_stop_the_receivers() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.aws.breaks(Part::Topics);
    setup.down().await;
    assert_eq!((setup.incident(), setup.chat.accepted().len()), (Some((1, 0, true)), 1));
}

#[tokio::test]
async fn ticket_opens_no_incident() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.aws.message(&event("cloudwatch-degraded.json"), at("14:05:12")).await;
    setup.aws.flush(at("14:05:42")).await;
    assert_eq!((setup.incident(), setup.chat.accepted().len()), (None, 1));
}

#[tokio::test]
async fn acknowledgement_is_sent_to_the_pager_once() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.down().await;
    let by = Acknowledgement { by: "ada".to_owned(), at: at("14:08:00") };
    setup.aws.acknowledge("vigie-prod-support-bot-down", &by).await;
    for minute in 9..14 {
        setup.aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    let incident = setup.pager.incidents().into_values().next().unwrap();
    assert_eq!((incident.opened, incident.acknowledged, incident.is_open), (1, 1, true));
    assert_eq!(setup.chat.accepted().len(), 1);
}

#[tokio::test]
async fn deleted_alarm_resolves_its_incident() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.down().await;
    setup.aws.state().alarms.remove("vigie-prod-support-bot-down");
    for minute in 6..14 {
        setup.aws.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    assert_eq!(setup.incident(), Some((1, 1, false)));
}

/// Answers every request with `answer` and sends its target and body to the returned channel.
async fn event_bridge(
    answer: &'static str,
) -> (String, tokio::sync::mpsc::UnboundedReceiver<(String, Value)>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let handle = async move |headers: HeaderMap, body: String| {
        let target = headers["x-amz-target"].to_str().unwrap().to_owned();
        sender.send((target, serde_json::from_str(&body).unwrap())).unwrap();
        answer
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(handle);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, receiver)
}

#[tokio::test]
async fn notifications_are_events_on_the_bus() {
    let (url, mut events) =
        event_bridge(r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#).await;
    let mut aws = FakeAws::with(&[("EVENT_BUS_NAME", "chatbots")]);
    aws.event_bridge_is_at(&url);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    let (target, input) = events.try_recv().unwrap();
    assert_eq!(target, "AWSEvents.PutEvents");
    let entry = &input["Entries"][0];
    assert_eq!((&entry["EventBusName"], &entry["Source"]), (&json!("chatbots"), &json!("vigie")));
    assert_eq!(entry["DetailType"], "Vigie Notification");
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!((&detail["action"], &detail["status"]), (&json!("trigger"), &json!("down")));
    aws.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
    aws.flush(at("14:17:42")).await;
    let (_, input) = events.try_recv().unwrap();
    assert!(input["Entries"][0]["Detail"].as_str().unwrap().contains("\"action\":\"resolve\""));
    assert!(events.try_recv().is_err(), "each is sent once");
}

#[tokio::test]
async fn rejected_event_is_counted_and_sent_again() {
    let rejected = r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}"#;
    let (url, mut events) = event_bridge(rejected).await;
    let mut aws = FakeAws::with(&[("EVENT_BUS_NAME", "chatbots")]);
    aws.event_bridge_is_at(&url);
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.tick(at("14:08:00")).await;
    assert!(events.try_recv().is_ok() && events.try_recv().is_ok());
    let counts = aws.state().counts.clone();
    assert!(counts.iter().any(|(name, _)| name == "NotificationsUnpublished"), "{counts:?}");
    assert_eq!(aws.published().len(), 1, "the mail is not repeated");
}

//! Receivers of `infra/routes.json` beside the topics.

use notify::Acknowledgement;
use serde_json::json;
use testkit::vendors::{Fault, ROUTING_KEY, Vendor, VendorServer};

use crate::world::{Part, World, at, event};

struct Setup {
    world: World,
    pager: VendorServer,
    chat: VendorServer,
    _folder: tempfile::TempDir,
}

/// A world with a pager and a chat, whose requests the scripts answer by their number.
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
    let world = World::with(&[("ROUTES_FILE", path.to_str().unwrap())]);
    world.state().secrets = [
        ("vigie/prod/receivers/pagerduty".to_owned(), ROUTING_KEY.to_owned()),
        ("vigie/prod/receivers/slack".to_owned(), json!({ "url": chat.url }).to_string()),
    ]
    .into();
    Setup { world, pager, chat, _folder: folder }
}

impl Setup {
    async fn down(&mut self) {
        self.world.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
        self.world.flush(at("14:05:42")).await;
    }

    async fn recovery(&mut self) {
        self.world.message(&event("cloudwatch-ok.json"), at("14:17:12")).await;
        self.world.flush(at("14:17:42")).await;
    }

    /// Opened, resolved, open.
    fn incident(&self) -> Option<(usize, usize, bool)> {
        let incidents = self.pager.incidents();
        incidents.into_values().next().map(|one| (one.opened, one.resolved, one.is_open))
    }

    fn failed(&self) -> f64 {
        let counts = self.world.state().counts.clone();
        counts.iter().filter(|(name, _)| name == "NotificationsUnpublished").map(|one| one.1).sum()
    }
}

#[tokio::test]
async fn outage_opens_and_recovery_resolves_one_incident() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.down().await;
    assert_eq!(setup.incident(), Some((1, 0, true)));
    assert_eq!((setup.chat.accepted().len(), setup.world.published().len()), (1, 1));
    for minute in 6..17 {
        setup.world.tick(at(&format!("14:{minute:02}:00"))).await;
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
    assert_eq!((setup.world.published().len(), setup.failed()), (2, 0.0));
    let metrics = setup.pager.accepted()[0].json();
    assert_eq!(metrics["payload"]["severity"], "critical");
}

#[tokio::test]
async fn failing_receiver_neither_blocks_nor_repeats_others() {
    let mut setup = setup(|number| (number < 3).then_some(Fault::Status(500)), |_| None).await;
    setup.down().await;
    assert_eq!((setup.incident(), setup.failed()), (None, 1.0));
    assert_eq!((setup.chat.accepted().len(), setup.world.published().len()), (1, 1));
    for minute in 6..12 {
        setup.world.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    assert_eq!(setup.incident(), Some((1, 0, true)));
    assert_eq!((setup.chat.accepted().len(), setup.world.published().len()), (1, 1));
    setup.recovery().await;
    assert_eq!(setup.incident(), Some((1, 1, false)));
}

#[tokio::test]
async fn missing_secret_fails_only_its_receiver() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.world.state().secrets.remove("vigie/prod/receivers/slack");
    setup.down().await;
    assert_eq!((setup.incident(), setup.failed()), (Some((1, 0, true)), 1.0));
    assert_eq!((setup.chat.requests(), setup.world.published().len()), (0, 1));
}

#[tokio::test]
async fn broken_topic_does_not_stop_the_receivers() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.world.breaks(Part::Topics);
    setup.down().await;
    assert_eq!((setup.incident(), setup.chat.accepted().len()), (Some((1, 0, true)), 1));
}

#[tokio::test]
async fn ticket_opens_no_incident() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.world.message(&event("cloudwatch-degraded.json"), at("14:05:12")).await;
    setup.world.flush(at("14:05:42")).await;
    assert_eq!((setup.incident(), setup.chat.accepted().len()), (None, 1));
}

#[tokio::test]
async fn acknowledgement_is_sent_to_the_pager_once() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.down().await;
    let by = Acknowledgement { by: "ada".to_owned(), at: at("14:08:00") };
    setup.world.acknowledge("vigie-prod-support-bot-down", &by).await;
    for minute in 9..14 {
        setup.world.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    let incident = setup.pager.incidents().into_values().next().unwrap();
    assert_eq!((incident.opened, incident.acknowledged, incident.is_open), (1, 1, true));
    assert_eq!(setup.chat.accepted().len(), 1);
}

#[tokio::test]
async fn deleted_alarm_resolves_its_incident() {
    let mut setup = setup(|_| None, |_| None).await;
    setup.down().await;
    setup.world.state().alarms.remove("vigie-prod-support-bot-down");
    for minute in 6..14 {
        setup.world.tick(at(&format!("14:{minute:02}:00"))).await;
    }
    assert_eq!(setup.incident(), Some((1, 1, false)));
}

//! Notifications of `vigie serve`: outage, restart in between, recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cli::Exit;
use harness::smtp::{MailServer, ReceivedMail};
use testkit::gradio_app::{Answer, GradioApp};
use testkit::vendors::{Fault, ROUTING_KEY, Vendor, VendorServer};

use crate::serve::Serve;
use crate::{probe, vigie};

async fn until(what: &str, is_done: impl Fn() -> bool) {
    let done = async {
        while !is_done() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, done).await.unwrap_or_else(|_| panic!("{what} got nothing"));
}

async fn mails(server: &MailServer, count: usize) -> Vec<ReceivedMail> {
    until("the mail server", || count <= server.mails().len()).await;
    server.mails()
}

#[tokio::test]
async fn outage_is_notified_once_over_a_restart_and_recovery_too() {
    let works = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&works);
    let bot = GradioApp::start(move |_| {
        Answer::text(if state.load(Ordering::Relaxed) { "Hello" } else { "wrong" })
    })
    .await;
    let (folder, file) = probe(&format!(
        "probe: bot\nevery: 10s\ntimeout: 5s\nretry: {{ attempts: 0 }}\nalarm: {{ down: 1 of 1 }}\n\
         target: {{ url: \"{}\" }}\nconversation: [ {{ say: hi, expect: [ {{ contains: Hello }} ] }} ]\n",
        bot.url
    ));
    let smtp = MailServer::open().await.unwrap();
    let config = folder.path().join("vigie.toml");
    let pager = VendorServer::start(Vendor::PagerDuty, |_| None).await;
    // The first request fails, and its retries too.
    let chat =
        VendorServer::start(Vendor::Slack, |number| (number < 1).then_some(Fault::Status(404)))
            .await;
    let text = format!(
        "address = \"https://status.example.com\"\n[mail]\nserver = \"{}\"\ntls = \"none\"\n\
         from = \"Vigie <vigie@example.com>\"\nto = [\"oncall@example.com\", \"ana@example.com\"]\n\
         [notifications]\ntime_zone = \"Asia/Tokyo\"\n\
         [[receivers]]\nname = \"on-call\"\ntype = \"pagerduty\"\nrouting_key = \"${{PAGERDUTY_KEY}}\"\nurl = \"{}\"\n\
         [[receivers]]\nname = \"chat\"\ntype = \"slack\"\nurl = \"{}\"\n",
        smtp.address, pager.url, chat.url
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_string_lossy().into_owned();
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--config", config.as_str()];
    let key = [("PAGERDUTY_KEY", ROUTING_KEY)];
    let mut serve = Serve::start_in(data.path(), &file, &arguments, &key).await;
    let summary = serve.until("notifications").await;
    assert_eq!(summary, "notifications  mail, on-call, chat");
    let outage = mails(&smtp, 1).await.remove(0);
    assert_eq!(outage.to, ["oncall@example.com", "ana@example.com"]);
    assert!(
        outage.subject.contains("DOWN") && outage.subject.contains("bot"),
        "{}",
        outage.subject
    );
    for expected in
        ["https://status.example.com/probes/bot/runs/", "received   \"wrong\"", "Asia/Tokyo)"]
    {
        assert!(outage.text.contains(expected), "{expected}: {}", outage.text);
    }
    for absent in ["vigie mute", "console.aws.amazon.com", "s3/object", "runbook.md"] {
        assert!(!outage.text.contains(absent), "{absent}: {}", outage.text);
    }
    let (_, page) = serve.get("/").await;
    assert!(page.contains("bot is down"), "{page}");
    let ack = ["alerts", "ack", "bot", "--by", "ana", "--url", serve.url.as_str()];
    let done = vigie(&ack).await;
    assert_eq!(
        (done.exit, done.out.as_str()),
        (Exit::Success, "acknowledged bot\n"),
        "{}",
        done.err
    );
    let (_, page) = serve.get("/incidents/1").await;
    assert!(page.contains("ana, "), "{page}");
    // The chat rejected the first request, so it is sent again.
    until("the chat", || chat.accepted().len() == 1).await;
    serve.stop("TERM").await;

    let mut serve = Serve::start_in(data.path(), &file, &arguments, &key).await;
    // Two runs that fail after the restart do not repeat the mail.
    serve.until("Run finished").await;
    serve.until("Run finished").await;
    works.store(true, Ordering::Relaxed);
    let all = mails(&smtp, 2).await;
    assert_eq!(all.len(), 2, "{:?}", all.iter().map(|mail| &mail.subject).collect::<Vec<_>>());
    assert!(all[1].subject.contains("OK"), "{}", all[1].subject);
    until("the chat", || chat.accepted().len() == 2).await;
    let incidents: Vec<_> = pager.incidents().into_values().collect();
    let [incident] = &incidents[..] else { panic!("{incidents:?}") };
    assert_eq!((incident.opened, incident.resolved, incident.is_open), (1, 1, false));
    assert_eq!(incident.acknowledged, 1);
    assert_eq!((pager.accepted().len(), pager.refused(), chat.refused()), (3, vec![], vec![]));
    assert!(pager.accepted()[0].body.contains("https://status.example.com/probes/bot"));
    let (_, page) = serve.get("/incidents").await;
    assert!(page.contains("bot was down") && page.contains("resolved"), "{page}");
    let done = vigie(&["alerts", "ack", "bot", "--by", "ana", "--url", &serve.url]).await;
    assert_eq!(done.exit, Exit::Down, "{}", done.err);
    let request = serve.http.post(format!("{}/api/v1/probes/bot/acknowledgement", serve.url));
    let request = request.header("origin", serve.url.clone());
    let answer = request.json(&serde_json::json!({ "by": "page" })).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    serve.stop("TERM").await;
}

//! Mails of `vigie serve`: outage, restart in between, recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::smtp::{MailServer, ReceivedMail};
use testkit::gradio_app::{Answer, GradioApp};

use crate::probe;
use crate::serve::Serve;

async fn mails(server: &MailServer, count: usize) -> Vec<ReceivedMail> {
    let arrived = async {
        while server.mails().len() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), arrived).await.unwrap();
    server.mails()
}

#[tokio::test]
async fn outage_is_mailed_once_over_a_restart_and_recovery_too() {
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
    let text = format!(
        "address = \"https://status.example.com\"\n[mail]\nserver = \"{}\"\ntls = \"none\"\n\
         from = \"Vigie <vigie@example.com>\"\nto = [\"oncall@example.com\", \"ana@example.com\"]\n",
        smtp.address
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_string_lossy().into_owned();
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--config", config.as_str()];
    let serve = Serve::start_in(data.path(), &file, &arguments, &[]).await;
    let outage = mails(&smtp, 1).await.remove(0);
    assert_eq!(outage.to, ["oncall@example.com", "ana@example.com"]);
    assert!(
        outage.subject.contains("DOWN") && outage.subject.contains("bot"),
        "{}",
        outage.subject
    );
    for expected in ["https://status.example.com/probes/bot/runs/", "received   \"wrong\""] {
        assert!(outage.text.contains(expected), "{expected}: {}", outage.text);
    }
    for absent in ["vigie mute", "console.aws.amazon.com", "s3/object"] {
        assert!(!outage.text.contains(absent), "{absent}: {}", outage.text);
    }
    let (_, page) = serve.get("/").await;
    assert!(page.contains("bot is down"), "{page}");
    serve.stop("TERM").await;

    let mut serve = Serve::start_in(data.path(), &file, &arguments, &[]).await;
    // Two runs that fail after the restart do not repeat the mail.
    serve.until("Run finished").await;
    serve.until("Run finished").await;
    works.store(true, Ordering::Relaxed);
    let all = mails(&smtp, 2).await;
    assert_eq!(all.len(), 2, "{:?}", all.iter().map(|mail| &mail.subject).collect::<Vec<_>>());
    assert!(all[1].subject.contains("OK"), "{}", all[1].subject);
    let (_, page) = serve.get("/incidents").await;
    assert!(page.contains("bot was down") && page.contains("resolved"), "{page}");
    serve.stop("TERM").await;
}

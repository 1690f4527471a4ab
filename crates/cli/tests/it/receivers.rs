//! `vigie check routes.json` and `vigie alerts test`.

use cli::Exit;
use serde_json::json;
use testkit::vendors::{Fault, ROUTING_KEY, Vendor, VendorServer};

use crate::vigie;

fn routes(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routes.json");
    std::fs::write(&path, text).unwrap();
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

#[tokio::test]
async fn check_underlines_a_mistake_in_the_routes() {
    let (_folder, file) =
        routes("{ \"receivers\": [\n  { \"name\": \"a\", \"type\": \"slak\" }\n] }\n");
    let done = vigie(&["check", &file]).await;
    assert_eq!(done.exit, Exit::Failed);
    assert!(done.err.contains("error: `type` is `slak`"), "{}", done.err);
    assert!(done.err.contains("^^^^^^ expected `pagerduty`, `slack`"), "{}", done.err);
}

#[tokio::test]
async fn check_counts_receivers_without_errors() {
    let (_folder, file) =
        routes(r#"{ "receivers": [{ "name": "a", "type": "slack", "url": "${secret:x}" }] }"#);
    let done = vigie(&["check", &file]).await;
    assert_eq!((done.exit, done.err.as_str()), (Exit::Success, ""));
    assert!(done.out.ends_with("1 receiver checked: no errors\n"), "{}", done.out);
}

#[tokio::test]
async fn test_notification_is_sent_to_each_receiver() {
    let pager = VendorServer::start(Vendor::PagerDuty, |_| None).await;
    let chat = VendorServer::start(Vendor::Slack, |_| Some(Fault::Status(404))).await;
    let file = json!({ "receivers": [
        { "name": "on-call", "type": "pagerduty", "routing_key": ROUTING_KEY, "url": pager.url },
        { "name": "chat", "type": "slack", "url": chat.url },
        { "name": "elsewhere", "type": "slack", "url": { "dev": "https://a.example" } },
    ] });
    let (_folder, file) = routes(&file.to_string());
    let line = ["alerts", "test", "--environment", "prod", "--routes", &file];
    let done = vigie(&line).await;
    assert_eq!(done.exit, Exit::Down);
    assert_eq!(done.out, "accepted on-call\n");
    assert!(done.err.contains("not accepted chat: receiver `chat` rejected"), "{}", done.err);
    assert!(!done.err.contains("canary"), "{}", done.err);
    let incidents: Vec<_> = pager.incidents().into_values().collect();
    assert_eq!((incidents[0].opened, incidents[0].is_open), (1, false));

    let done = vigie(&[&line[..], &["on-call"]].concat()).await;
    assert_eq!((done.exit, done.err.as_str()), (Exit::Success, ""));
    let done = vigie(&[&line[..], &["nobody"]].concat()).await;
    assert_eq!(done.exit, Exit::Failed);
}

#[tokio::test]
async fn receivers_of_the_settings_file_are_tested() {
    let chat = VendorServer::start(Vendor::Slack, |_| None).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.toml");
    let slack =
        format!("[[receivers]]\nname = \"chat\"\ntype = \"slack\"\nurl = \"{}\"\n", chat.url);
    std::fs::write(&path, &slack).unwrap();
    let file = path.to_string_lossy().into_owned();
    let line = ["alerts", "test", "--environment", "local", "--routes", &file];
    let done = vigie(&line).await;
    assert_eq!((done.exit, done.out.as_str()), (Exit::Success, "accepted chat\n"), "{}", done.err);
    assert_eq!(chat.accepted().len(), 1);
    std::fs::write(&path, slack.replace("slack", "slak")).unwrap();
    let done = vigie(&line).await;
    assert_eq!(done.exit, Exit::Failed);
    assert!(done.err.contains("receiver `chat`: `type` is `slak`"), "{}", done.err);
}

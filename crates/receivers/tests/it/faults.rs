//! What the sender does when a receiver is slow, rate-limits or fails.

use std::time::Duration;

use notify::Language;
use receivers::{Payload, SendError, Sender, deliveries};
use testkit::vendors::{Fault, Vendor, VendorServer};
use tokio::time::Instant;

use crate::support::{outage, policy, receiver};

async fn send(
    server: &VendorServer,
    vendor: Vendor,
    attempts: u32,
    within: Duration,
) -> Result<(), SendError> {
    let receiver = receiver(vendor, &server.url);
    let all = deliveries(&receiver, &outage(), Language::English).unwrap();
    let Payload::Http(requests) = &all[0].payload else { panic!("{all:?}") };
    Sender::new(policy(attempts)).send(&receiver, requests, Instant::now() + within).await
}

#[tokio::test(start_paused = true)]
async fn transient_failure_is_retried() {
    let rows = [
        ("unavailable", Fault::Status(503)),
        ("internal error", Fault::Status(500)),
        ("rate limit", Fault::RateLimit("0")),
        ("rate limit with a fraction", Fault::RateLimit("0.002")),
        ("rate limit until a past date", Fault::RateLimit("Sun, 22 Nov 2020 14:00:00 GMT")),
        ("no answer", Fault::Hang),
    ];
    for (name, fault) in rows {
        let server =
            VendorServer::start(Vendor::Slack, move |number| (number < 2).then_some(fault)).await;
        let sent = send(&server, Vendor::Slack, 3, Duration::from_secs(30)).await;
        assert!(sent.is_ok(), "{name}: {sent:?}");
        assert_eq!((server.requests(), server.accepted().len()), (3, 1), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn permanent_rejection_is_not_retried() {
    for status in [400, 401, 403, 404, 410, 413] {
        let server = VendorServer::start(Vendor::Teams, move |_| Some(Fault::Status(status))).await;
        let error = send(&server, Vendor::Teams, 3, Duration::from_secs(30)).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert_eq!(server.requests(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirect_is_not_followed() {
    let server = VendorServer::start(Vendor::Webhook, |_| {
        Some(Fault::Redirect("http://169.254.169.254/latest/meta-data"))
    })
    .await;
    let error = send(&server, Vendor::Webhook, 3, Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(error, SendError::Rejected { status: 302, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn wait_beyond_the_deadline_ends_the_attempts() {
    let server = VendorServer::start(Vendor::Slack, |_| Some(Fault::RateLimit("3600"))).await;
    let error = send(&server, Vendor::Slack, 5, Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(error, SendError::Unavailable { status: 429, .. }), "{error}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn unreachable_receiver_is_an_error() {
    let server = VendorServer::start(Vendor::Slack, |_| None).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let away = server.url.replace(server.url.split('/').nth(2).unwrap(), &closed.to_string());
    let receiver = receiver(Vendor::Slack, &away);
    let all = deliveries(&receiver, &outage(), Language::English).unwrap();
    let Payload::Http(requests) = &all[0].payload else { panic!("{all:?}") };
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = Sender::new(policy(2)).send(&receiver, requests, deadline).await.unwrap_err();
    assert!(matches!(error, SendError::Unreachable { .. }), "{error}");
}

/// Every secret of the receivers begins with `canary`, and a gateway's error repeats the address.
#[tokio::test(start_paused = true)]
async fn error_has_no_secret() {
    for vendor in [
        Vendor::PagerDuty,
        Vendor::Slack,
        Vendor::Teams,
        Vendor::Webhook,
        Vendor::GoogleChat,
        Vendor::Discord,
        Vendor::Ntfy,
    ] {
        for fault in [Fault::Status(502), Fault::Status(404), Fault::Hang] {
            let server = VendorServer::start(vendor, move |_| Some(fault)).await;
            let error = send(&server, vendor, 1, Duration::from_secs(30)).await.unwrap_err();
            let mut text = format!("{error} {error:?}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            assert!(!text.contains("canary"), "{vendor:?}: {text}");
        }
    }
    let receiver = receiver(Vendor::Opsgenie, "https://a.example/canary");
    let all = deliveries(&receiver, &outage(), Language::English).unwrap();
    let text = format!("{receiver:?} {all:?}");
    assert!(!text.contains("canary"), "{text}");
}

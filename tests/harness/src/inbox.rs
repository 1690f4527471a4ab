//! The mails that SNS would send, in a folder and on a page.
//!
//! The emulator only logs messages to e-mail subscriptions. This module adds an HTTP subscription with the
//! same filter to each of them, and stores each received message as the mail that SNS would send, with the
//! same subject and body. Limits of SNS that the emulator does not check are checked here; a mail over a
//! limit has a `defect`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use aws_sdk_sns::Client;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use serde::Deserialize;

use crate::net::{http_client, loopback};

/// A mail as the user receives it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    /// Last part of the topic's ARN.
    pub topic: String,
    pub subject: String,
    pub body: String,
    /// Why SNS would not send it; `None` for a valid mail.
    pub defect: Option<String>,
}

/// Receives until it is dropped.
pub struct Inbox {
    pub address: SocketAddr,
    pub folder: PathBuf,
    mails: Arc<Mutex<Vec<Mail>>>,
    heartbeats: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Receiver {
    mails: Arc<Mutex<Vec<Mail>>>,
    folder: PathBuf,
    client: reqwest::Client,
}

impl Inbox {
    /// An empty inbox on a free port, its mails as `.eml` files in `folder`.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let mails = Arc::<Mutex<Vec<Mail>>>::default();
        let heartbeats = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&heartbeats);
        let beat = async move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let receiver = Receiver {
            mails: Arc::clone(&mails),
            folder: folder.to_owned(),
            client: http_client()?,
        };
        let app = Router::new()
            .route("/", get(page))
            .route("/sns", post(receive))
            .route("/heartbeat", get(beat))
            .with_state(receiver);
        let listener = tokio::net::TcpListener::bind(loopback(0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Ends with the task; an accept error would occur again.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, folder: folder.to_owned(), mails, heartbeats, server })
    }

    /// The URL of the heartbeat service outside AWS, which notifies people when heartbeats stop.
    #[must_use]
    pub fn heartbeat_url(&self) -> String {
        format!("http://{}/heartbeat", self.address)
    }

    /// The number of heartbeats.
    #[must_use]
    pub fn heartbeats(&self) -> usize {
        self.heartbeats.load(Ordering::Relaxed)
    }

    /// All mails so far, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds an HTTP subscription beside every e-mail subscription.
    ///
    /// Returns the addresses of the subscriptions.
    pub async fn stand_in_for_mail(&self, sns: &Client) -> anyhow::Result<Vec<String>> {
        self.stand_in_for_mail_of(sns, "").await
    }

    /// The same for the topics whose name begins with `prefix`.
    pub async fn stand_in_for_mail_of(
        &self,
        sns: &Client,
        prefix: &str,
    ) -> anyhow::Result<Vec<String>> {
        let mut addresses = Vec::new();
        let subscriptions = sns.list_subscriptions().send().await?;
        for subscription in subscriptions.subscriptions() {
            if !subscription.protocol().is_some_and(|protocol| protocol.starts_with("email")) {
                continue;
            }
            let name = subscription.topic_arn().and_then(|arn| arn.rsplit(':').next());
            if !name.is_some_and(|name| name.starts_with(prefix)) {
                continue;
            }
            let to =
                subscription.endpoint().context("an e-mail subscription without an address")?;
            let topic = subscription.topic_arn().context("a subscription without a topic")?;
            let mut endpoint = url::Url::parse(&format!("http://{}/sns", self.address))?;
            endpoint.query_pairs_mut().append_pair("to", to);
            let mut subscribe =
                sns.subscribe().topic_arn(topic).protocol("http").endpoint(endpoint.as_str());
            // An unconfirmed subscription has no ARN, so its filter cannot be read.
            if let Some(arn) = subscription.subscription_arn().filter(|arn| arn.starts_with("arn:"))
            {
                let attributes =
                    sns.get_subscription_attributes().subscription_arn(arn).send().await?;
                for (name, value) in attributes.attributes().into_iter().flatten() {
                    if name.starts_with("FilterPolicy") {
                        subscribe = subscribe.attributes(name, value);
                    }
                }
            }
            subscribe.send().await.with_context(|| format!("`{topic}` for `{to}`"))?;
            addresses.push(to.to_owned());
        }
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Deserialize)]
struct To {
    to: String,
}

/// What SNS posts: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Post {
    r#type: String,
    topic_arn: String,
    message: String,
    subject: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
}

async fn receive(
    State(receiver): State<Receiver>,
    Query(To { to }): Query<To>,
    body: String,
) -> Result<(), (StatusCode, String)> {
    let refuse = |reason: String| (StatusCode::BAD_REQUEST, reason);
    let post: Post = serde_json::from_str(&body).map_err(|error| refuse(error.to_string()))?;
    match (post.r#type.as_str(), post.subscribe_url) {
        ("SubscriptionConfirmation", Some(url)) => {
            let confirmed = receiver.client.get(url).send().await;
            confirmed
                .and_then(reqwest::Response::error_for_status)
                .map_err(|error| refuse(error.to_string()))?;
        }
        ("Notification", _) => {
            let topic = post.topic_arn.rsplit(':').next().unwrap_or_default().to_owned();
            let subject = post.subject.unwrap_or_else(|| "AWS Notification Message".to_owned());
            let defect = defect(&subject, &post.message);
            let mail = Mail { to, topic, subject, body: post.message, defect };
            receiver.keep(mail).map_err(|error| refuse(error.to_string()))?;
        }
        (other, _) => return Err(refuse(format!("`{other}` is not a message of SNS"))),
    }
    Ok(())
}

impl Receiver {
    fn keep(&self, mail: Mail) -> std::io::Result<()> {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.join(format!("{:04}.eml", mails.len() + 1));
        std::fs::write(path, mail.as_sent())?;
        mails.push(mail);
        Ok(())
    }
}

impl Mail {
    /// Headers and body, with the footer that SNS adds to each mail.
    #[must_use]
    pub fn as_sent(&self) -> String {
        format!(
            "From: AWS Notifications <no-reply@sns.amazonaws.com>\r\nTo: {}\r\nSubject: {}\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\r\n{}\r\n\r\n--\r\n\
             If you wish to stop receiving notifications from this topic, please click or visit the link \
             below to unsubscribe.\r\n",
            self.to, self.subject, self.body
        )
    }
}

/// Why `Publish` of SNS would reject the message: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.
fn defect(subject: &str, body: &str) -> Option<String> {
    if subject.len() > 100 {
        Some(format!("the subject has {} characters; SNS accepts 100", subject.len()))
    } else if !subject.starts_with(|first: char| first.is_ascii_graphic()) {
        Some("the subject does not begin with a letter, number or punctuation mark".to_owned())
    } else if let Some(wrong) = subject.chars().find(|c| !(' '..='~').contains(c)) {
        Some(format!("the subject contains {wrong:?}; SNS accepts printable ASCII"))
    } else if body.is_empty() || body.len() > 262_144 {
        Some(format!("the body has {} bytes; SNS accepts 1 to 262,144", body.len()))
    } else {
        None
    }
}

async fn page(State(receiver): State<Receiver>) -> Html<String> {
    let mails = receiver.mails.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut html = String::from(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=5><title>Inbox</title>\
         <style>body{font:15px system-ui;margin:2em auto;max-width:50em}pre{white-space:pre-wrap}\
         article{border-top:1px solid #8888;padding:1em 0}</style><h1>Inbox</h1>",
    );
    if mails.is_empty() {
        html.push_str("<p>No mail yet. This page looks again every five seconds.</p>");
    }
    for mail in mails.iter().rev() {
        let [to, topic, subject, body] =
            [&mail.to, &mail.topic, &mail.subject, &mail.body].map(|text| escaped(text));
        let _ = write!(
            html,
            "<article><h2>{subject}</h2><p>to {to}, by topic {topic}</p><pre>{body}</pre></article>"
        );
    }
    Html(html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_that_sns_rejects_has_a_defect() {
        for (subject, body, expected) in [
            ("DOWN support-bot", "text", None),
            (&"x".repeat(101), "text", Some("the subject has 101 characters; SNS accepts 100")),
            ("Rétabli", "text", Some("the subject contains 'é'; SNS accepts printable ASCII")),
            ("two\nlines", "text", Some("the subject contains '\\n'; SNS accepts printable ASCII")),
            (
                " indented",
                "text",
                Some("the subject does not begin with a letter, number or punctuation mark"),
            ),
            ("empty", "", Some("the body has 0 bytes; SNS accepts 1 to 262,144")),
        ] {
            assert_eq!(defect(subject, body).as_deref(), expected, "{subject}");
        }
    }
}

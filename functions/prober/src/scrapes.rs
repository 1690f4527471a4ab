//! Fetches the metrics of targets and sends them to the bridge, as a Prometheus server would store them.
//!
//! Which series a target had is needed to end those that vanish. It lies in S3, read with each
//! scrape (a hundredth of a cent a thousand) and written only when the set changes. When it is
//! lost, series that vanished meanwhile end by Prometheus' own rule, five minutes after their last
//! sample, and nothing else is wrong. When the probe is switched off, all of them end and it is deleted.

use std::time::Instant;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::primitives::ByteStream;
use domain::message::ScrapeOrder;
use domain::report::RunId;
use forward::message::{Outgoing, encode};
use jiff::Timestamp;
use lambda_kit::chain;
use remote_write::Timestamp as At;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use scrape::{Labels, Limits, Memory, Page, Request, Scrape};
use secrets::Secrets;
use tracing::{info, warn};
use url::Url;

use crate::Config;
use crate::publish::{Publisher, send};
use crate::runs::fill;
use conversation::FilledTarget;
use conversation::target::FilledAuth;

/// Bytes of a target's remembered series.
const LARGEST_STATE: usize = 16 << 20;

/// Makes one scrape and sends what came of it. What went wrong on our side is named.
pub(crate) async fn make(
    order: &ScrapeOrder,
    due: Timestamp,
    publisher: &Publisher,
    client: &reqwest::Client,
    secrets: &Secrets,
) -> Result<(), String> {
    let Some(queue_url) = &publisher.config.samples_queue_url else { return Ok(()) };
    let target = fill(&order.target, secrets).await?;
    let request = request(order, &target)?;
    let config = &publisher.config;
    let instance = target.instance();
    let labels = labels(order, config, instance);
    let key = key(order);

    let mut memory = remembered(&publisher.s3, config, &key).await.unwrap_or_default();
    let at = At::from_millis(due.as_millisecond());
    let began = Instant::now();
    let page = scrape::fetch(client, &request).await.map(|page| without_secrets(page, &target));
    let scrape = memory.absorb(&labels, &request.limits, page, at, || began.elapsed());
    tell(order, &scrape, &target);

    let run = RunId::of(&config.environment, &order.probe, due);
    let group = group(order, config, instance);
    let messages = encode(&group, &format!("scrape-{run}"), at, &scrape.entries)
        .map_err(|error| chain(&error))?;
    send_all(publisher, queue_url, &messages).await?;
    // Only after the samples are in the queue: a series whose end was not sent must be remembered.
    if scrape.memory_changed {
        publisher.put(&key, "application/octet-stream", memory.to_bytes()).await?;
    }
    Ok(())
}

/// Ends the series of a target whose probe is switched off, and forgets them. Where nothing is remembered
/// that was done before. A target that never answered is not remembered either: its `up` ends by itself.
pub(crate) async fn end(
    order: &ScrapeOrder,
    due: Timestamp,
    publisher: &Publisher,
    secrets: &Secrets,
) -> Result<(), String> {
    let Some(queue_url) = &publisher.config.samples_queue_url else { return Ok(()) };
    let (config, key) = (&publisher.config, key(order));
    let Some(mut memory) = remembered(&publisher.s3, config, &key).await else { return Ok(()) };
    let target = fill(&order.target, secrets).await?;
    let instance = target.instance();
    let at = At::from_millis(due.as_millisecond());
    let entries = memory.retire(&labels(order, config, instance), at);
    info!(probe = %order.probe, job = order.job, series = entries.len(), "a target is switched off");

    let run = RunId::of(&config.environment, &order.probe, due);
    let messages = encode(&group(order, config, instance), &format!("end-{run}"), at, &entries)
        .map_err(|error| chain(&error))?;
    send_all(publisher, queue_url, &messages).await?;
    // As above: not before the ends are in the queue.
    publisher.delete(&key).await
}

/// Where the target's series are remembered.
fn key(order: &ScrapeOrder) -> String {
    format!("scrapes/{}/{}.series", order.probe, order.job)
}

/// Samples of a target stay in order.
fn group(order: &ScrapeOrder, config: &Config, instance: &str) -> String {
    format!("{}/{instance}/{}", config.environment, order.job)
}

/// One by one: a scrape is large, and a batch must stay below the queue's limit as a whole.
async fn send_all(
    publisher: &Publisher,
    queue_url: &str,
    messages: &[Outgoing],
) -> Result<(), String> {
    for message in messages.chunks(1) {
        send(&publisher.sqs, queue_url, message).await?;
    }
    Ok(())
}

/// An app may show in its labels what it was told; what is no text is no page of metrics either.
fn without_secrets(mut page: Page, target: &FilledTarget) -> Page {
    if let Ok(text) = str::from_utf8(&page.body) {
        page.body = target.redacted(text).into_bytes();
    }
    page
}

/// `up` of a scrape carries no probe: two probes may share the target.
fn labels<'a>(order: &'a ScrapeOrder, config: &'a Config, instance: &'a str) -> Labels {
    let ours =
        [("environment", config.environment.as_str()), ("location", config.location.as_str())];
    let theirs = order.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Labels::new(&order.job, instance, theirs.chain(ours))
}

fn request(order: &ScrapeOrder, target: &FilledTarget) -> Result<Request, String> {
    // The URL may hold credentials, so a text about it names the probe instead.
    let unusable =
        || format!("the target of `{}` and its path `{}` make no URL", order.probe, order.path);
    let mut url =
        Url::parse(target.url()).and_then(|url| url.join(&order.path)).map_err(|_| unusable())?;
    let mut headers = HeaderMap::new();
    match target.auth() {
        Some(FilledAuth::Bearer(token)) => {
            insert(&mut headers, AUTHORIZATION.as_str(), &format!("Bearer {}", expose(token)))?;
        }
        Some(FilledAuth::Headers(own)) => {
            own.iter().try_for_each(|(name, value)| insert(&mut headers, name, expose(value)))?;
        }
        // Gradio's log-in guards the app, not the page of metrics beside it.
        Some(FilledAuth::Login { .. }) | None => {}
    }
    url.set_fragment(None);
    Ok(Request { url, headers, timeout: order.timeout, limits: Limits::default() })
}

fn expose(secret: &secrecy::SecretString) -> &str {
    secrecy::ExposeSecret::expose_secret(secret)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{name}` is not the name of a header"))?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| format!("header `{name}` has characters that no header may have"))?;
    value.set_sensitive(true);
    headers.insert(parsed, value);
    Ok(())
}

/// What is remembered of the target; `None` when there is nothing or it could not be read now.
async fn remembered(s3: &S3, config: &Config, key: &str) -> Option<Memory> {
    let object = match s3.get_object().bucket(&config.report_bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) => {
            let absent = error
                .as_service_error()
                .is_some_and(aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key);
            if !absent {
                warn!(
                    key,
                    error = chain(&error),
                    "the series of a scraped target could not be read"
                );
            }
            return None;
        }
    };
    let Some(bytes) = limited(object.body).await else {
        warn!(
            key,
            "the series of a scraped target are too many, or broke off while they were read"
        );
        return None;
    };
    Some(Memory::from_bytes(&bytes).unwrap_or_else(|error| {
        warn!(key, error = chain(&error), "the series of a scraped target are forgotten");
        Memory::new()
    }))
}

/// The whole body; `None` when it is over the limit or breaks off.
async fn limited(mut body: ByteStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.try_next().await.ok()? {
        bytes.extend_from_slice(&piece);
        if LARGEST_STATE < bytes.len() {
            return None;
        }
    }
    Some(bytes)
}

fn tell(order: &ScrapeOrder, scrape: &Scrape, target: &FilledTarget) {
    let error = scrape.error.as_ref().map(|error| target.redacted(&chain(error)));
    info!(probe = %order.probe, job = order.job, samples = scrape.entries.len(), error, "scrape");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(path: &str, url: &str) -> ScrapeOrder {
        serde_json::from_value(serde_json::json!({
            "probe": "bot", "target": { "url": url, "auth": { "bearer": "token-canary" } }, "path": path,
            "job": "gradio_chatbot", "every_seconds": 15, "timeout_seconds": 10, "labels": { "team": "chat" },
        }))
        .unwrap()
    }

    fn target(order: &ScrapeOrder) -> FilledTarget {
        FilledTarget::new(&order.target, &|_| None).unwrap()
    }

    #[tokio::test]
    async fn what_is_remembered_is_read_whole_and_only_up_to_its_limit() {
        assert_eq!(
            limited(ByteStream::from_static(b"state")).await.as_deref(),
            Some(&b"state"[..])
        );
        assert_eq!(limited(ByteStream::from(vec![0; LARGEST_STATE + 1])).await, None);
    }

    #[test]
    fn the_path_is_one_of_the_targets_host() {
        let order = order("/metrics", "https://chat.example.com/my/bot?x#y");
        let request = request(&order, &target(&order)).unwrap();
        assert_eq!(request.url.as_str(), "https://chat.example.com/metrics");
        assert!(request.headers["authorization"].is_sensitive());
    }

    #[test]
    fn an_unusable_target_is_told_without_its_url() {
        let order = order("/metrics", "canary without a scheme");
        let problem = request(&order, &target(&order)).unwrap_err();
        assert_eq!(problem, "the target of `bot` and its path `/metrics` make no URL");
    }
}

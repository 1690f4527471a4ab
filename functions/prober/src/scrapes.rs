//! Fetches the metrics of targets and sends them to the bridge, as a Prometheus server would store them.
//!
//! Which series a target had is needed to end those that vanish. It lies in S3, read with each
//! scrape (a hundredth of a cent a thousand) and written only when the set changes. When it is
//! lost, series that vanished meanwhile end by Prometheus' own rule, five minutes after their last
//! sample, and nothing else is wrong. When the probe is switched off, all of them end and it is deleted.

use std::time::Instant;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::primitives::ByteStream;
use domain::report::RunId;
use domain::run_request::ScrapeRequest;
use jiff::Timestamp;
use lambda_kit::chain;
use samples::Timestamp as At;
use samples::message::encode;
use scrape::{Labels, Memory, Scrape};
use secrets::Secrets;
use tracing::{info, warn};

use crate::publish::{Publisher, send};
use crate::runs::fill_target;
use crate::{Config, page};
use conversation::FilledTarget;

/// Bytes of a target's remembered series.
const LARGEST_STATE: usize = 16 << 20;

/// Makes one scrape and sends what came of it. What went wrong on our side is named.
pub(crate) async fn make(
    order: &ScrapeRequest,
    due: Timestamp,
    publisher: &Publisher,
    client: &reqwest::Client,
    secrets: &Secrets,
) -> Result<(), String> {
    let Some(queue_url) = &publisher.config.samples_queue_url else { return Ok(()) };
    let target = fill_target(&order.target, secrets).await.map_err(|error| chain(&error))?;
    let request = page::request(order, &target)?;
    let config = &publisher.config;
    let instance = target.instance();
    let labels = labels(order, config, instance);
    let key = key(order);

    let mut memory = remembered(&publisher.s3, config, &key).await.unwrap_or_default();
    let at = At::from_millis(due.as_millisecond());
    let began = Instant::now();
    let page = page::fetch(client, &request, &target).await;
    let scrape = memory.absorb(&labels, &request.limits, page, at, || began.elapsed());
    tell(order, &scrape, &target);

    let run = RunId::of(&config.environment, &order.probe, due);
    let group = group(order, config, instance);
    let messages = encode(&group, &format!("scrape-{run}"), at, &scrape.entries)
        .map_err(|error| chain(&error))?;
    send(&publisher.sqs, queue_url, messages).await?;
    // Only after the samples are in the queue: a series whose end was not sent must be remembered.
    if scrape.memory_changed {
        publisher.put(&key, "application/octet-stream", memory.to_bytes()).await?;
    }
    Ok(())
}

/// Ends the series of a target whose probe is switched off, and forgets them. Where nothing is remembered
/// that was done before. A target that never answered is not remembered either: its `up` ends by itself.
pub(crate) async fn end(
    order: &ScrapeRequest,
    due: Timestamp,
    publisher: &Publisher,
    secrets: &Secrets,
) -> Result<(), String> {
    let Some(queue_url) = &publisher.config.samples_queue_url else { return Ok(()) };
    let (config, key) = (&publisher.config, key(order));
    let Some(mut memory) = remembered(&publisher.s3, config, &key).await else { return Ok(()) };
    let target = fill_target(&order.target, secrets).await.map_err(|error| chain(&error))?;
    let instance = target.instance();
    let at = At::from_millis(due.as_millisecond());
    let entries = memory.retire(&labels(order, config, instance), at);
    info!(probe = %order.probe, job = order.job, series = entries.len(), "a target is switched off");

    let run = RunId::of(&config.environment, &order.probe, due);
    let messages = encode(&group(order, config, instance), &format!("end-{run}"), at, &entries)
        .map_err(|error| chain(&error))?;
    send(&publisher.sqs, queue_url, messages).await?;
    // As above: not before the ends are in the queue.
    publisher.delete(&key).await
}

/// Where the target's series are remembered.
fn key(order: &ScrapeRequest) -> String {
    format!("scrapes/{}/{}.series", order.probe, order.job)
}

/// Samples of a target stay in order.
fn group(order: &ScrapeRequest, config: &Config, instance: &str) -> String {
    format!("{}/{instance}/{}", config.environment, order.job)
}

/// `up` of a scrape carries no probe: two probes may share the target.
fn labels<'a>(order: &'a ScrapeRequest, config: &'a Config, instance: &'a str) -> Labels {
    let ours =
        [("environment", config.environment.as_str()), ("location", config.location.as_str())];
    let theirs = order.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Labels::new(&order.job, instance, theirs.chain(ours))
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

fn tell(order: &ScrapeRequest, scrape: &Scrape, target: &FilledTarget) {
    let error = scrape.error.as_ref().map(|error| target.redact(&chain(error)));
    info!(probe = %order.probe, job = order.job, samples = scrape.entries.len(), error, "scrape");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_remembered_is_read_whole_and_only_up_to_its_limit() {
        assert_eq!(
            limited(ByteStream::from_static(b"state")).await.as_deref(),
            Some(&b"state"[..])
        );
        assert_eq!(limited(ByteStream::from(vec![0; LARGEST_STATE + 1])).await, None);
    }
}

//! Scrapes targets and sends the samples to the bridge, as a Prometheus server would store them.
//!
//! The series of a target are stored in S3, so that series that are gone get a stale marker. The object
//! is read with each scrape (a hundredth of a cent for a thousand) and written only when the set changes.
//! If it is lost, series that vanished meanwhile end by the rule of Prometheus, five minutes after their
//! last sample. When the probe is switched off, all series end and the object is deleted.

use std::time::{Duration, Instant};

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::primitives::ByteStream;
use domain::chain;
use domain::report::RunId;
use domain::run_request::ScrapeRequest;
use domain::scrape::ScrapeOptions;
use jiff::Timestamp;
use relabel::{InvalidRule, Rule};
use samples::Timestamp as At;
use samples::message::encode;
use scrape::{FetchError, Labels, Limits, Memory, Page, Request, Scrape};
use secrets::Secrets;
use tokio::sync::RwLock;
use tracing::{info, warn};

use crate::config::Config;
use crate::error::ScrapeError;
use crate::page;
use crate::publish::{Publisher, send};
use crate::runs::{fill_scrape, fill_target};
use crate::scrapers::Scrapers;
use conversation::FilledTarget;

/// Bytes of the stored series of a target, at most.
const LARGEST_STATE: usize = 16 << 20;

/// A page larger than this share of the limit is scraped alone.
const SMALL_PAGES: usize = 16;

/// Limits of the scrapes of an execution environment, which share its memory.
pub(crate) struct ScrapeMemory {
    /// Limits of a page that is scraped alone.
    limits: Limits,
    /// Held for reading by scrapes of small pages, of which ten fit into the memory, and for writing by
    /// the scrape of a large one.
    lock: RwLock<()>,
}

impl ScrapeMemory {
    /// `bytes` is the memory of the function.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { limits: Limits::for_memory(bytes), lock: RwLock::default() }
    }
}

/// Makes one scrape and sends its samples. The error is a fault of Vigie: a target that cannot be scraped
/// is a sample, `up` 0.
pub(crate) async fn make(
    scrape: &ScrapeRequest,
    due: Timestamp,
    publisher: &Publisher,
    scrapers: &Scrapers,
    secrets: &Secrets,
    shared: &ScrapeMemory,
) -> Result<(), ScrapeError> {
    let Some(queue_url) = &publisher.config.samples_queue_url else { return Ok(()) };
    let (target, http) = fill_scrape(scrape, secrets).await?;
    let request = page::request(scrape, &target, &http)?;
    let client = scrapers.client(&target, &http).await?;
    let limits = limits(&scrape.options, shared.limits);
    let small = shared.limits.body_bytes / SMALL_PAGES;
    let small = Limits { body_bytes: small.min(limits.body_bytes), text_bytes: small, ..limits };
    let config = &publisher.config;
    let instance = target.instance();
    let labels = rules(labels(scrape, config, instance), &scrape.options)?;
    let key = key(scrape);

    let at = At::from_millis(due.as_millisecond());
    let mut shared_use = Some(shared.lock.read().await);
    // The wait for memory is not part of the scrape.
    let (began, mut waited) = (Instant::now(), Duration::ZERO);
    let fetch = async |limits, waited: Duration| -> Result<Page, FetchError> {
        let spent = began.elapsed().saturating_sub(waited);
        let timeout = request.timeout.saturating_sub(spent);
        let request = Request { limits, timeout, ..request.clone() };
        page::fetch(&client, &request, &target, &http).await
    };
    let mut page = fetch(small, waited).await;
    let mut alone = None;
    if matches!(page, Err(FetchError::TooLarge { .. })) {
        shared_use = None;
        let since = Instant::now();
        alone = Some(shared.lock.write().await);
        waited = since.elapsed();
        page = fetch(limits, waited).await;
    }
    let mut memory = remembered(&publisher.s3, config, &key).await.unwrap_or_default();
    let scraped =
        memory.absorb(&labels, &limits, page, at, || began.elapsed().saturating_sub(waited));
    log(scrape, &scraped, &target);

    let run = RunId::of(&config.environment, &scrape.probe, due);
    let group = group(scrape, config, instance);
    let encoded = encode(&group, &format!("scrape-{run}"), at, &scraped.entries);
    let changed = scraped.memory_changed;
    drop(scraped);
    drop((shared_use, alone));
    let messages = publisher.fitting(encoded).await;
    send(&publisher.sqs, queue_url, messages).await?;
    // After the samples are in the queue: a series whose end was not sent must stay in the object.
    if changed {
        publisher.put(&key, "application/octet-stream", memory.to_bytes()).await?;
    }
    Ok(())
}

/// Ends the series of a target whose probe is switched off, and deletes the object. Without an object it
/// was done before, or the target was never up: then its `up` ends by the rule of Prometheus.
pub(crate) async fn end(
    scrape: &ScrapeRequest,
    due: Timestamp,
    publisher: &Publisher,
    secrets: &Secrets,
) -> Result<(), ScrapeError> {
    let Some(queue_url) = &publisher.config.samples_queue_url else { return Ok(()) };
    let (config, key) = (&publisher.config, key(scrape));
    let Some(mut memory) = remembered(&publisher.s3, config, &key).await else { return Ok(()) };
    let target = fill_target(&scrape.target, secrets).await?;
    let instance = target.instance();
    let at = At::from_millis(due.as_millisecond());
    let entries = memory.retire(&labels(scrape, config, instance), at);
    info!(probe = %scrape.probe, job = scrape.job, series = entries.len(), "Target is disabled; its series end");

    let run = RunId::of(&config.environment, &scrape.probe, due);
    let encoded = encode(&group(scrape, config, instance), &format!("end-{run}"), at, &entries);
    let messages = publisher.fitting(encoded).await;
    send(&publisher.sqs, queue_url, messages).await?;
    // As above, after the stale markers are in the queue.
    Ok(publisher.delete(&key).await?)
}

/// The key of the object with the series of the target.
fn key(scrape: &ScrapeRequest) -> String {
    format!("scrapes/{}/{}.series", scrape.probe, scrape.job)
}

/// The message group: samples of a target stay in order.
fn group(scrape: &ScrapeRequest, config: &Config, instance: &str) -> String {
    format!("{}/{instance}/{}", config.environment, scrape.job)
}

/// The labels have no probe, since two probes may share the target.
fn labels<'a>(scrape: &'a ScrapeRequest, config: &'a Config, instance: &'a str) -> Labels {
    let own =
        [("environment", config.environment.as_str()), ("location", config.location.as_str())];
    let configured = scrape.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Labels::new(&scrape.job, instance, configured.chain(own))
}

/// The limits of the probe file, within those of the memory.
fn limits(options: &ScrapeOptions, most: Limits) -> Limits {
    let limit = |value: Option<u32>| value.and_then(|value| usize::try_from(value).ok());
    Limits {
        body_bytes: limit(options.body_size_limit).unwrap_or(most.body_bytes).min(most.body_bytes),
        text_bytes: most.text_bytes,
        samples: limit(options.sample_limit),
        labels: limit(options.label_limit),
        label_name_bytes: limit(options.label_name_length_limit),
        label_value_bytes: limit(options.label_value_length_limit),
    }
}

fn rules(mut labels: Labels, options: &ScrapeOptions) -> Result<Labels, InvalidRule> {
    let rules = options.metric_relabel_configs.iter().map(Rule::new).collect::<Result<_, _>>()?;
    labels = labels.with_rules(rules);
    if options.honor_labels {
        labels = labels.with_honored_labels();
    }
    if options.ignore_timestamps {
        labels = labels.without_timestamps();
    }
    if options.bounds_as_written {
        labels = labels.with_bounds_as_written();
    }
    Ok(labels)
}

/// The stored series of the target; `None` if there are none or they could not be read.
async fn remembered(s3: &S3, config: &Config, key: &str) -> Option<Memory> {
    let object = match s3.get_object().bucket(&config.report_bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) => {
            let absent = error
                .as_service_error()
                .is_some_and(aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key);
            if !absent {
                warn!(key, error = chain(&error), "Stored series of a target could not be read");
            }
            return None;
        }
    };
    let Some(bytes) = limited(object.body).await else {
        warn!(key, "Stored series of a target are too large or could not be read");
        return None;
    };
    Some(Memory::from_bytes(&bytes).unwrap_or_else(|error| {
        warn!(key, error = chain(&error), "Stored series of a target are invalid; starting again");
        Memory::new()
    }))
}

/// The whole body; `None` when it is over the limit or incomplete.
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

fn log(request: &ScrapeRequest, scrape: &Scrape, target: &FilledTarget) {
    let error = scrape.error.as_ref().map(|error| target.redact(&chain(error)));
    info!(probe = %request.probe, job = request.job, samples = scrape.entries.len(), error, "Scrape finished");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn object_is_read_up_to_its_limit() {
        assert_eq!(
            limited(ByteStream::from_static(b"state")).await.as_deref(),
            Some(&b"state"[..])
        );
        assert_eq!(limited(ByteStream::from(vec![0; LARGEST_STATE + 1])).await, None);
    }
}

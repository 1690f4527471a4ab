//! Takes CloudWatch metric streams from Firehose and puts them into the bridge's queue.
//!
//! The URL is public, so the access key is looked at before anything else of a request. A request is taken
//! as a whole or not at all: what can't be read, or not be queued, is answered with an error, Firehose tries
//! again and in the end keeps it in its backup bucket, so that nothing is lost. Only single values that
//! CloudWatch would not send (not finite, without a name) are left out and counted.
//!
//! Firehose may deliver a request again. Its id is part of the queue's deduplication id for five minutes; later
//! the same samples arrive once more, which receivers take as the samples they have.

mod config;
mod envelope;
mod json;
mod name;
mod open_telemetry;
mod point;

use std::collections::BTreeMap;
use std::time::Instant;

use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlResponse,
};
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_sqs::Client as Sqs;
use domain::SecretReference;
use domain::metrics::Unit;
use http::StatusCode;
use lambda_kit::chain;
use samples::message::{Outgoing, encode};
use samples::{Entry, Timestamp};
use secrecy::ExposeSecret as _;
use secrets::Secrets;
use sqs_batch::Message;

pub use config::Config;
pub use envelope::Refusal;

use envelope::Envelope;
use point::Labels;

/// The AWS services that it calls.
pub struct Services {
    pub sqs: Sqs,
    pub cloudwatch: CloudWatch,
    pub secrets: Secrets,
}

/// The function.
pub struct Ingest {
    config: Config,
    services: Services,
}

impl Ingest {
    #[must_use]
    pub fn new(config: Config, services: Services) -> Self {
        Self { config, services }
    }

    /// Answers one request of Firehose; `now` goes into the answer.
    pub async fn handle(
        &self,
        request: LambdaFunctionUrlRequest,
        now: Timestamp,
    ) -> LambdaFunctionUrlResponse {
        let header = |name| envelope::header(&request.headers, name).unwrap_or_default();
        let id = header("x-amz-firehose-request-id").to_owned();
        // Boxed, since the compiler gives up on futures that are nested as deep as those of the SDK.
        match Box::pin(self.take(&request, &id, now)).await {
            Ok(id) => envelope::answer(StatusCode::OK, &id, now, None),
            Err(refusal) => {
                let reason = chain(&refusal);
                tracing::warn!(request = id, reason, "request refused");
                envelope::answer(refusal.status(), &id, now, Some(&refusal))
            }
        }
    }

    /// Takes a request; returns its id.
    async fn take(
        &self,
        request: &LambdaFunctionUrlRequest,
        header_id: &str,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let key = self.access_key().await?;
        envelope::check_access(request, key.expose_secret())?;
        let Envelope { request_id, records } = envelope::open(request)?;
        let id = if header_id.is_empty() { request_id } else { header_id.to_owned() };

        let labels = Labels {
            environment: self.config.environment.as_str(),
            location: &self.config.location,
        };
        let mut samples = Samples::default();
        for (index, record) in records.iter().enumerate() {
            samples.read(record, labels).map_err(|why| Refusal::Record { index, why })?;
        }
        let Samples { groups, refused } = samples;
        let count: usize = groups.values().map(Vec::len).sum();
        self.send(&id, groups).await?;
        if 0 < refused {
            self.report(refused, now).await;
        }
        tracing::info!(request = id, samples = count, refused, "metrics taken");
        Ok(id)
    }

    /// The access key: the whole secret, or `api_key` of a JSON object, which is how Firehose itself reads it.
    async fn access_key(&self) -> Result<secrecy::SecretString, Refusal> {
        #[derive(serde::Deserialize)]
        struct ForFirehose {
            api_key: String,
        }
        let reference = SecretReference::SecretsManager {
            id: self.config.access_key_secret.clone(),
            key: None,
        };
        let secret = self.services.secrets.get(&reference, Instant::now()).await;
        let secret = secret.map_err(|source| Refusal::NoKey { source })?;
        match serde_json::from_str::<ForFirehose>(secret.expose_secret()) {
            Ok(found) => Ok(found.api_key.into()),
            Err(_) => Ok(secret),
        }
    }

    /// Queues the samples, group by group, each group's in the order of their times.
    async fn send(&self, id: &str, groups: BTreeMap<String, Vec<Entry>>) -> Result<(), Refusal> {
        let mut messages: Vec<Outgoing> = Vec::new();
        for (namespace, mut entries) in groups {
            entries.sort_by_key(Entry::at);
            let Some(last) = entries.last().map(Entry::at) else { continue };
            // A queue knows a deduplication id whatever its group, so the group has to be part of it.
            let encoded = encode(
                &format!("metric-stream/{namespace}"),
                &format!("{id}/{namespace}"),
                last,
                &entries,
            );
            messages.extend(encoded.map_err(|source| Refusal::Message { source })?);
        }
        let messages = messages
            .into_iter()
            .map(|message| Message::fifo(message.group, message.deduplication, message.body))
            .collect::<Vec<_>>();
        sqs_batch::send(&self.services.sqs, &self.config.queue_url, &messages)
            .await
            .map_err(|source| Refusal::Queue { source })
    }

    /// Counts what was left out, so that an alarm tells of it. The samples themselves are safe by now, so a
    /// failure here is only told.
    async fn report(&self, refused: usize, now: Timestamp) {
        let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let number = f64::from(u32::try_from(refused).unwrap_or(u32::MAX));
        let environment = &self.config.environment;
        let datum = cloudwatch::own("SamplesRefused", environment, number, Unit::Count, at);
        if let Err(error) = cloudwatch::put(&self.services.cloudwatch, vec![datum]).await {
            tracing::error!(reason = chain(&error), refused, "refused samples were not counted");
        }
    }
}

/// What the records of a request hold.
#[derive(Default)]
struct Samples {
    /// By namespace: its metrics share a group of the queue, and so keep their order.
    groups: BTreeMap<String, Vec<Entry>>,
    /// Values that were left out.
    refused: usize,
}

impl Samples {
    fn read(&mut self, record: &[u8], labels: Labels<'_>) -> Result<(), point::Unreadable> {
        let points = match record.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Ok(()),
            Some(b'{') => json::points(record)?,
            Some(_) => open_telemetry::points(record)?,
        };
        for point in points {
            // Metrics come as a few long runs of one namespace.
            if !self.groups.contains_key(&*point.namespace) {
                self.groups.insert(point.namespace.to_string(), Vec::new());
            }
            if let Some(entries) = self.groups.get_mut(&*point.namespace) {
                self.refused += point.entries(labels, entries);
            }
        }
        Ok(())
    }
}

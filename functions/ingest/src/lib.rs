//! Receives CloudWatch metric streams from Firehose and sends their samples to the queue of the bridge.
//!
//! The URL is public, so the access key is checked before the body is read. A request is accepted as a
//! whole: if a record cannot be read or queued, the answer is an error, and Firehose retries and finally
//! stores the request in its backup bucket. Only values that CloudWatch does not send (not finite, without a
//! name) are dropped and counted.
//!
//! Firehose may deliver a request again. Its id is part of the deduplication id, so within five minutes the
//! queue drops the repeat; later the same samples arrive again, which receivers accept.

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
use cloudwatch::OwnMetric;
use domain::SecretReference;
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

/// The AWS services of the function.
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

    /// Handles one request of Firehose; `now` is part of the answer.
    pub async fn handle(
        &self,
        request: LambdaFunctionUrlRequest,
        now: Timestamp,
    ) -> LambdaFunctionUrlResponse {
        let header = |name| envelope::header(&request.headers, name).unwrap_or_default();
        let id = header("x-amz-firehose-request-id").to_owned();
        // Boxed, since the type of the future is too deep for the compiler.
        match Box::pin(self.take(&request, &id, now)).await {
            Ok(id) => envelope::answer(StatusCode::OK, &id, now, None),
            Err(refusal) => {
                let reason = chain(&refusal);
                tracing::warn!(request = id, reason, "Request rejected");
                envelope::answer(refusal.status(), &id, now, Some(&refusal))
            }
        }
    }

    /// Queues the samples of a request; returns its id.
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
        tracing::info!(request = id, samples = count, refused, "Samples queued");
        Ok(id)
    }

    /// The access key: the whole secret, or `api_key` of a JSON object, the format of Firehose.
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

    /// Queues the samples by group, each group in the order of time.
    async fn send(&self, id: &str, groups: BTreeMap<String, Vec<Entry>>) -> Result<(), Refusal> {
        let mut messages: Vec<Outgoing> = Vec::new();
        for (namespace, mut entries) in groups {
            entries.sort_by_key(Entry::at);
            let Some(last) = entries.last().map(Entry::at) else { continue };
            // Deduplication ids of a queue do not depend on the group, so the id contains the group.
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

    /// Publishes the number of dropped values for an alarm. The samples are queued by now, so a failure is
    /// only logged.
    async fn report(&self, refused: usize, now: Timestamp) {
        let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let number = f64::from(u32::try_from(refused).unwrap_or(u32::MAX));
        let environment = &self.config.environment;
        let datum = cloudwatch::own(OwnMetric::SamplesRefused, environment, number, at);
        if let Err(error) = cloudwatch::put(&self.services.cloudwatch, vec![datum]).await {
            tracing::error!(
                reason = chain(&error),
                refused,
                "Metric of rejected samples was not published"
            );
        }
    }
}

/// The samples of the records of a request.
#[derive(Default)]
struct Samples {
    /// By namespace, which is the group of the queue, so that its metrics keep their order.
    groups: BTreeMap<String, Vec<Entry>>,
    /// Values that were dropped.
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
            // Metrics of a namespace follow each other, so the name is rarely copied.
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

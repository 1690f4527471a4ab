//! Transformation function of a Firehose: sends the samples of a CloudWatch metric stream to the queue of the bridge.
//!
//! Firehose invokes the function with the credentials of its role and stores the records that the function
//! could not queue. Each record has its own result: one that cannot be read does not affect the others.
//!
//! Firehose may invoke the function again with the same records. The deduplication ID is a hash of them, so
//! within five minutes the queue drops the repetition; later the same samples arrive again, which receivers accept.

mod config;
mod json;
mod name;
mod open_telemetry;
mod point;
mod transformation;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_sqs::Client as Sqs;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cloudwatch::OwnMetric;
use lambda_kit::chain;
use samples::message::{Outgoing, encode};
use samples::{Entry, Timestamp};
use sha2::{Digest as _, Sha256};
use sqs_batch::Message;

pub use config::Config;
pub use transformation::{Invocation, Outcome, Record, Transformed, TransformedRecord};

use point::{Labels, Unreadable};

/// Times between attempts to queue the samples. Firehose retries an invocation that times out, but not one that
/// reports failed records.
const RETRY_PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// The AWS services of the function.
pub struct Services {
    pub sqs: Sqs,
    pub cloudwatch: CloudWatch,
}

/// Why the samples of an invocation are not in the queue.
#[derive(Debug, thiserror::Error)]
#[error("could not queue the samples")]
struct QueueError(#[from] sqs_batch::SendError);

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

    /// Handles one invocation; `now` is the time of the metrics about it.
    pub async fn handle(&self, invocation: Invocation, now: Timestamp) -> Transformed {
        let Invocation { invocation_id, records } = invocation;
        let mut samples = Samples::default();
        let mut outcomes: Vec<Outcome> =
            records.iter().map(|record| self.read(record, &mut samples)).collect();
        let Samples { groups, invalid } = samples;
        let count: usize = groups.values().map(Vec::len).sum();
        // Boxed, since the type of the future is too deep for the compiler.
        let too_large = match Box::pin(self.send(&batch_id(&records), groups)).await {
            Ok(too_large) => too_large,
            Err(error) => {
                tracing::error!(
                    invocation = invocation_id,
                    error = chain(&error),
                    "Samples were not queued"
                );
                outcomes.fill(Outcome::ProcessingFailed);
                0
            }
        };
        let rejected =
            outcomes.iter().filter(|outcome| **outcome == Outcome::ProcessingFailed).count();
        self.report(rejected, invalid, too_large, now).await;
        tracing::info!(
            invocation = invocation_id,
            records = records.len(),
            rejected,
            samples = count,
            invalid,
            "Records handled"
        );
        let transformed = |(record, result): (Record, Outcome)| TransformedRecord {
            record_id: record.record_id,
            result,
            data: record.data,
        };
        Transformed { records: records.into_iter().zip(outcomes).map(transformed).collect() }
    }

    /// Adds the samples of a record, or none if the record cannot be read.
    fn read(&self, record: &Record, samples: &mut Samples) -> Outcome {
        let labels = Labels {
            environment: self.config.environment.as_str(),
            location: &self.config.location,
        };
        let data = match BASE64_STANDARD.decode(&record.data) {
            Ok(data) => data,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(record = record.record_id, error, "Record is not base64");
                return Outcome::ProcessingFailed;
            }
        };
        match samples.read(&data, labels) {
            Ok(0) => Outcome::Dropped,
            Ok(_) => Outcome::Ok,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(record = record.record_id, error, "Record could not be read");
                Outcome::ProcessingFailed
            }
        }
    }

    /// Queues the samples by group, each group in the order of time. Returns the number of samples that
    /// are too large for a message.
    async fn send(
        &self,
        id: &str,
        groups: BTreeMap<String, Vec<Entry>>,
    ) -> Result<usize, QueueError> {
        let mut messages: Vec<Outgoing> = Vec::new();
        let mut too_large = 0;
        for (namespace, mut entries) in groups {
            entries.sort_by_key(Entry::at);
            let Some(last) = entries.last().map(Entry::at) else { continue };
            // Deduplication IDs of a queue do not depend on the group, so the ID contains the group.
            let encoded = encode(
                &format!("metric-stream/{namespace}"),
                &format!("{id}/{namespace}"),
                last,
                &entries,
            );
            for error in &encoded.too_large {
                tracing::warn!(error = chain(error), "Sample dropped");
            }
            too_large += encoded.too_large.len();
            messages.extend(encoded.messages);
        }
        let messages = messages
            .into_iter()
            .map(|message| Message::fifo(message.group, message.deduplication, message.body))
            .collect::<Vec<_>>();
        for pause in RETRY_PAUSES {
            match self.send_messages(&messages).await {
                Ok(()) => return Ok(too_large),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "Samples were not queued; retrying");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        self.send_messages(&messages).await?;
        Ok(too_large)
    }

    async fn send_messages(&self, messages: &[Message]) -> Result<(), QueueError> {
        Ok(sqs_batch::send(&self.services.sqs, &self.config.queue_url, messages).await?)
    }

    /// Publishes the numbers of rejected records and of dropped values for the alarms. The response does not
    /// depend on it, so a failure is only logged.
    async fn report(&self, rejected: usize, invalid: usize, too_large: usize, now: Timestamp) {
        let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let counts = [
            (OwnMetric::RecordsRejected, rejected),
            (OwnMetric::SamplesRefused, invalid),
            (OwnMetric::SamplesTooLarge, too_large),
        ];
        let data: Vec<_> = counts
            .into_iter()
            .filter(|(_, count)| 0 < *count)
            .map(|(metric, count)| {
                let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
                cloudwatch::own(metric, &self.config.environment, count, at)
            })
            .collect();
        if data.is_empty() {
            return;
        }
        if let Err(error) = cloudwatch::put(&self.services.cloudwatch, data).await {
            tracing::error!(error = chain(&error), rejected, invalid, "Metrics were not published");
        }
    }
}

/// The same for the same records in the same order.
fn batch_id(records: &[Record]) -> String {
    let mut hash = Sha256::new();
    for record in records {
        hash.update(record.data.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// The samples of an invocation.
#[derive(Default)]
struct Samples {
    /// By namespace, which is the group of the queue, so that its metrics keep their order.
    groups: BTreeMap<String, Vec<Entry>>,
    /// Values that were dropped.
    invalid: usize,
}

impl Samples {
    /// Adds the samples of a record; returns the number of invalid values.
    fn read(&mut self, record: &[u8], labels: Labels<'_>) -> Result<usize, Unreadable> {
        let points = match record.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Ok(0),
            Some(b'{') => json::points(record)?,
            Some(_) => open_telemetry::points(record)?,
        };
        let mut invalid = 0;
        for point in points {
            // Metrics of a namespace follow each other, so the name is rarely copied.
            if !self.groups.contains_key(&*point.namespace) {
                self.groups.insert(point.namespace.to_string(), Vec::new());
            }
            if let Some(entries) = self.groups.get_mut(&*point.namespace) {
                invalid += point.entries(labels, entries);
            }
        }
        self.invalid += invalid;
        Ok(invalid)
    }
}

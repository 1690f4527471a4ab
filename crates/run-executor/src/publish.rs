//! Publishes results: metrics to CloudWatch, samples to the bridge's queue, a record of every run to the table,
//! reports to S3.
//!
//! A destination that fails does not stop the others. Each failure is returned, so that the invocation
//! fails and its alarm rises.

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_s3::Client as S3;
use aws_sdk_sqs::Client as Sqs;
use cloudwatch::{OwnMetric, PutError};
use domain::chain;
use domain::metrics::for_prometheus;
use domain::{Report, Verdict};
use futures_util::future::join_all;
use run_record::RunRecord;
use run_table::RunTable;
use samples::message::{Encoded, Outgoing, encode};
use samples::{Entry, Timestamp};
use sqs_batch::Message;
use tracing::warn;

use crate::claim::Due;
use crate::config::Config;
use crate::error::{PublishError, SamplesError, StoreError};

/// The destinations of results.
pub(crate) struct Publisher {
    pub(crate) config: Config,
    pub(crate) cloudwatch: CloudWatch,
    pub(crate) sqs: Sqs,
    pub(crate) s3: S3,
    pub(crate) history: RunTable,
}

impl Publisher {
    /// Publishes the results and returns what failed.
    pub(crate) async fn publish(&self, reports: &[Report], due: &Due) -> Vec<PublishError> {
        let (metrics, samples, recorded, stored) = tokio::join!(
            self.metrics(reports, due.location.is_some()),
            self.samples(reports),
            self.record(reports, due),
            self.store(reports)
        );
        let metrics = metrics.err().map(PublishError::from);
        let samples = samples.err().map(PublishError::from);
        metrics.into_iter().chain(samples).chain(recorded).chain(stored).collect()
    }

    /// Adds each run to the run history, if the environment has one.
    async fn record(&self, reports: &[Report], due: &Due) -> Vec<PublishError> {
        if !due.recorded {
            return Vec::new();
        }
        let one = async |report: &Report| {
            let has_report = report.outcome.verdict() != Some(Verdict::Up);
            let run = RunRecord { has_report, ..RunRecord::of(report) };
            self.history.record(&report.probe, due.location.as_ref(), &run).await
        };
        let recorded = join_all(reports.iter().map(one)).await;
        recorded.into_iter().filter_map(Result::err).map(PublishError::from).collect()
    }

    /// `located`: with the metrics of the location too.
    async fn metrics(&self, reports: &[Report], located: bool) -> Result<(), PutError> {
        let mut data: Vec<_> = reports
            .iter()
            .flat_map(|report| cloudwatch::data(report, self.config.detail))
            .collect();
        if located {
            data.extend(reports.iter().flat_map(cloudwatch::data_of_location));
        }
        // Self-monitoring counts the runs of the whole environment.
        for report in reports {
            let own = |name| cloudwatch::own(name, &self.config.environment, 1.0, report.due);
            data.push(own(OwnMetric::RunsReported));
            if report.outcome.verdict().is_none() {
                data.push(own(OwnMetric::RunErrors));
            }
            if report.is_blurred() {
                data.push(own(OwnMetric::RunsStalled));
            }
        }
        cloudwatch::put(&self.cloudwatch, data).await
    }

    async fn samples(&self, reports: &[Report]) -> Result<(), SamplesError> {
        let Some(queue_url) = &self.config.samples_queue_url else { return Ok(()) };
        let mut messages: Vec<Outgoing> = Vec::new();
        for report in reports {
            messages.extend(self.fitting(samples(report)?).await);
        }
        send(&self.sqs, queue_url, messages).await
    }

    /// The messages of encoded samples. Samples that are too large for a message are logged and counted.
    pub(crate) async fn fitting(&self, encoded: Encoded) -> Vec<Outgoing> {
        let Encoded { messages, too_large } = encoded;
        for error in &too_large {
            warn!(error = chain(error), "Sample dropped");
        }
        if !too_large.is_empty() {
            let number = u32::try_from(too_large.len()).unwrap_or(u32::MAX);
            let environment = &self.config.environment;
            let metric = OwnMetric::SamplesTooLarge;
            let datum =
                cloudwatch::own(metric, environment, f64::from(number), jiff::Timestamp::now());
            if let Err(error) = cloudwatch::put(&self.cloudwatch, vec![datum]).await {
                warn!(error = chain(&error), "Publishing the metric of dropped samples failed");
            }
        }
        messages
    }

    /// Stores the report of every run that is not up, and as the latest report of its probe.
    async fn store(&self, reports: &[Report]) -> Vec<PublishError> {
        let kept = reports.iter().filter(|report| report.outcome.verdict() != Some(Verdict::Up));
        let mut errors = Vec::new();
        for report in kept {
            let failed =
                |source| PublishError::Report { run: report.run.as_str().to_owned(), source };
            match self.store_one(report).await {
                Ok(failures) => errors.extend(failures.into_iter().map(failed)),
                Err(error) => errors.push(failed(error)),
            }
        }
        errors
    }

    async fn store_one(&self, report: &Report) -> Result<Vec<StoreError>, StoreError> {
        let json = serde_json::to_vec_pretty(report)?;
        let page = report_page::render(report).into_bytes();
        let key = report.key();
        let (json_key, page_key) = (format!("{key}.json"), format!("{key}.html"));
        let latest = Report::latest_key(&report.probe);
        let (json_put, page_put, latest_put) = tokio::join!(
            self.put(&json_key, "application/json", json.clone()),
            self.put(&page_key, "text/html; charset=utf-8", page),
            self.put(&latest, "application/json", json),
        );
        Ok([json_put, page_put, latest_put].into_iter().filter_map(Result::err).collect())
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), StoreError> {
        let put = self
            .s3
            .put_object()
            .bucket(&self.config.report_bucket)
            .key(key)
            .content_type(content_type);
        match put.body(body.into()).send().await {
            Ok(_) => Ok(()),
            Err(source) => Err(StoreError::Put { key: key.to_owned(), source: Box::new(source) }),
        }
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.s3.delete_object().bucket(&self.config.report_bucket).key(key);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(StoreError::Delete { key: key.to_owned(), source: Box::new(source) })
            }
        }
    }
}

/// A run's samples as messages of its probe's group.
fn samples(report: &Report) -> Result<Encoded, SamplesError> {
    let at = Timestamp::from_millis(report.due.as_millisecond());
    let values = for_prometheus(report);
    let entries = values.iter().map(|value| {
        let labels = value.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Entry::of(value.name, labels, value.value, at)
    });
    let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    let group = format!("{}/{}", report.environment, report.probe);
    Ok(encode(&group, report.run.as_str(), at, &entries))
}

/// Sends messages of samples to the bridge's queue.
pub(crate) async fn send(
    sqs: &Sqs,
    queue_url: &str,
    messages: Vec<Outgoing>,
) -> Result<(), SamplesError> {
    let messages = messages
        .into_iter()
        .map(|message| Message::fifo(message.group, message.deduplication, message.body))
        .collect::<Vec<_>>();
    Ok(sqs_batch::send(sqs, queue_url, &messages).await?)
}

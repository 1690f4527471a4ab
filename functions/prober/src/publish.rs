//! Publishes what was seen: figures to CloudWatch, samples to the bridge's queue, reports to S3.
//!
//! Each way is tried whatever becomes of the others. What did not get through is named, so that
//! the invocation fails and its alarm rises.

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_s3::Client as S3;
use aws_sdk_sqs::Client as Sqs;
use domain::metrics::{Unit, for_prometheus};
use domain::{Report, Verdict};
use lambda_kit::chain;
use samples::message::{Outgoing, encode};
use samples::{Entry, Timestamp};
use sqs_batch::Message;

use crate::Config;

/// Where results go.
pub(crate) struct Publisher {
    pub(crate) config: Config,
    pub(crate) cloudwatch: CloudWatch,
    pub(crate) sqs: Sqs,
    pub(crate) s3: S3,
}

impl Publisher {
    /// One sentence for everything that was not published; empty when all was.
    pub(crate) async fn publish(&self, reports: &[Report]) -> Vec<String> {
        let (figures, samples, stored) =
            tokio::join!(self.figures(reports), self.samples(reports), self.store(reports));
        [figures, samples].into_iter().flatten().chain(stored).collect()
    }

    async fn figures(&self, reports: &[Report]) -> Option<String> {
        let mut data: Vec<_> = reports
            .iter()
            .flat_map(|report| cloudwatch::data(report, self.config.detail))
            .collect();
        // The watch on ourselves looks at the environment as a whole.
        for report in reports {
            let own = |name| {
                cloudwatch::own(name, &self.config.environment, 1.0, Unit::Count, report.due)
            };
            data.push(own("RunsReported"));
            if report.outcome.verdict().is_none() {
                data.push(own("RunErrors"));
            }
            if report.is_blurred() {
                data.push(own("RunsStalled"));
            }
        }
        cloudwatch::put(&self.cloudwatch, data).await.err().map(|error| chain(&error))
    }

    async fn samples(&self, reports: &[Report]) -> Option<String> {
        let queue_url = self.config.samples_queue_url.as_ref()?;
        let mut messages: Vec<Outgoing> = Vec::new();
        for report in reports {
            match samples(report) {
                Ok(encoded) => messages.extend(encoded),
                Err(problem) => return Some(problem),
            }
        }
        send(&self.sqs, queue_url, messages).await.err()
    }

    /// Keeps the report of every run that is not up, and the newest of them under a fixed name.
    async fn store(&self, reports: &[Report]) -> Vec<String> {
        let kept = reports.iter().filter(|report| report.outcome.verdict() != Some(Verdict::Up));
        let mut problems = Vec::new();
        for report in kept {
            let Ok(json) = serde_json::to_vec_pretty(report) else { continue };
            let key = report.key();
            let page = report_page::render(report).into_bytes();
            let latest = Report::latest_key(&report.probe);
            let (json_key, page_key) = (format!("{key}.json"), format!("{key}.html"));
            let (json_put, page_put, latest_put) = tokio::join!(
                self.put(&json_key, "application/json", json.clone()),
                self.put(&page_key, "text/html; charset=utf-8", page),
                self.put(&latest, "application/json", json),
            );
            problems.extend([json_put, page_put, latest_put].into_iter().filter_map(Result::err));
        }
        problems
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), String> {
        let put = self
            .s3
            .put_object()
            .bucket(&self.config.report_bucket)
            .key(key)
            .content_type(content_type);
        match put.body(body.into()).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("`{key}` was not stored: {}", chain(&error))),
        }
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), String> {
        let delete = self.s3.delete_object().bucket(&self.config.report_bucket).key(key);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("`{key}` was not deleted: {}", chain(&error))),
        }
    }
}

/// A run's samples as messages of its probe's group.
fn samples(report: &Report) -> Result<Vec<Outgoing>, String> {
    let at = Timestamp::from_millis(report.due.as_millisecond());
    let figures = for_prometheus(report);
    let entries = figures.iter().map(|figure| {
        let labels = figure.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Entry::of(figure.name, labels, figure.value, at)
    });
    let entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(|error| chain(&error))?;
    let group = format!("{}/{}", report.environment, report.probe);
    encode(&group, report.run.as_str(), at, &entries).map_err(|error| chain(&error))
}

/// Sends messages of samples to the bridge's queue.
pub(crate) async fn send(
    sqs: &Sqs,
    queue_url: &str,
    messages: Vec<Outgoing>,
) -> Result<(), String> {
    let messages = messages
        .into_iter()
        .map(|message| Message::fifo(message.group, message.deduplication, message.body))
        .collect::<Vec<_>>();
    sqs_batch::send(sqs, queue_url, &messages)
        .await
        .map_err(|error| format!("could not queue samples: {}", chain(&error)))
}

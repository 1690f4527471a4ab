//! The `AWS/SQS` metrics, which the emulator does not publish: put from `GetQueueAttributes`.
//!
//! Each minute, as SQS does for queues in use. Counts of events (messages sent, received, deleted) are
//! not in the attributes and are not published.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;

const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";

/// Publishes until it is dropped.
pub struct QueueMetrics(tokio::task::JoinHandle<()>);

impl QueueMetrics {
    #[must_use]
    pub fn start(sqs: aws_sdk_sqs::Client, cloudwatch: aws_sdk_cloudwatch::Client) -> Self {
        Self(tokio::spawn(async move {
            let mut waiting_since = HashMap::new();
            let mut every = tokio::time::interval(Duration::from_secs(60));
            loop {
                every.tick().await;
                // A failed round is missing data, as with SQS.
                let _ = publish(&sqs, &cloudwatch, &mut waiting_since).await;
            }
        }))
    }
}

impl Drop for QueueMetrics {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn publish(
    sqs: &aws_sdk_sqs::Client,
    cloudwatch: &aws_sdk_cloudwatch::Client,
    waiting_since: &mut HashMap<String, Instant>,
) -> anyhow::Result<()> {
    let queues = sqs.list_queues().send().await?;
    for url in queues.queue_urls() {
        let answer = sqs.get_queue_attributes().queue_url(url).attribute_names(Attribute::All);
        let answer = answer.send().await?;
        let number = |attribute: Attribute| -> f64 {
            answer
                .attributes()
                .and_then(|attributes| attributes.get(&attribute)?.parse().ok())
                .unwrap_or(0.0)
        };
        let visible = number(Attribute::ApproximateNumberOfMessages);
        // The attributes do not have the age of the oldest message. Its upper bound is the time since the queue
        // was last empty.
        let age = if visible > 0.0 {
            waiting_since.entry(url.clone()).or_insert_with(Instant::now).elapsed().as_secs_f64()
        } else {
            waiting_since.remove(url);
            0.0
        };
        let name = url.rsplit('/').next().unwrap_or_default();
        let datum = |metric: &str, value: f64, unit: StandardUnit| {
            MetricDatum::builder()
                .metric_name(metric)
                .dimensions(Dimension::builder().name("QueueName").value(name).build())
                .timestamp(SystemTime::now().into())
                .value(value)
                .unit(unit)
                .build()
        };
        cloudwatch
            .put_metric_data()
            .namespace("AWS/SQS")
            .metric_data(datum(VISIBLE, visible, StandardUnit::Count))
            .metric_data(datum(
                "ApproximateNumberOfMessagesNotVisible",
                number(Attribute::ApproximateNumberOfMessagesNotVisible),
                StandardUnit::Count,
            ))
            .metric_data(datum(
                "ApproximateNumberOfMessagesDelayed",
                number(Attribute::ApproximateNumberOfMessagesDelayed),
                StandardUnit::Count,
            ))
            .metric_data(datum("ApproximateAgeOfOldestMessage", age, StandardUnit::Seconds))
            .send()
            .await?;
    }
    Ok(())
}

//! Monitoring of Vigie itself: the heartbeat to a dead man's switch, the mail subscriptions, the weekly mail. It runs
//! after what is due was sent, and its failures are only logged.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicError;
use cloudwatch::OwnMetric;
use jiff::Timestamp;
use lambda_kit::chain;

use crate::handler::Alerts;

/// The longest time of one of these tasks.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The heartbeat looks at three minutes, the last of which ended two minutes ago: by then the results of its runs
/// are published.
const SETTLED: Duration = Duration::from_secs(120);
const LOOKED_AT: Duration = Duration::from_secs(180);
/// The heartbeat stops when the table has been unavailable for this long.
const STORE_OUTAGE: Duration = Duration::from_secs(600);
/// Subscriptions are checked once a day, and hourly while one is unconfirmed. They are not checked in the first hour of
/// a stack, so that the recipients have time to confirm.
const DAILY: Duration = Duration::from_secs(86_400 - 600);
const HOURLY: Duration = Duration::from_secs(3_600 - 60);
const FIRST_HOUR: Duration = Duration::from_secs(3_600);
/// The most pages of subscriptions of a topic, a hundred each.
const MOST_PAGES: usize = 20;

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelfMonitoringError {
    #[error("could not read the metrics of the pipeline")]
    Metrics { source: Box<SdkError<GetMetricDataError>> },
    #[error("could not list the subscriptions of `{topic}`")]
    Subscriptions {
        topic: String,
        source: Box<aws_sdk_sns::error::SdkError<ListSubscriptionsByTopicError>>,
    },
    #[error("CloudWatch or SNS did not answer in time")]
    Timeout,
}

impl Alerts {
    /// The tasks of one minute.
    pub(crate) async fn monitor_itself(&self, now: Timestamp) {
        Box::pin(self.heartbeat(now)).await;
        Box::pin(self.check_subscriptions(now)).await;
        Box::pin(self.send_weekly(now)).await;
    }

    /// Calls the dead man's switch if the results of the last minutes were published.
    async fn heartbeat(&self, now: Timestamp) {
        let Some(url) = &self.config.heartbeat_url else { return };
        let outage = self.cache().store_failed_for(now);
        if STORE_OUTAGE <= outage {
            let seconds = outage.as_secs();
            tracing::error!(seconds, "Heartbeat skipped: the notification store is unavailable");
            return;
        }
        match in_time(self.is_alive(now)).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("Heartbeat skipped: recent results were not published");
                return;
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "Heartbeat skipped: health is unknown");
                return;
            }
        }
        // The URL is a secret: with it, anyone could keep the heartbeat going.
        let http = self.http.get_or_init(reqwest::Client::new);
        let answer = http.get(url).timeout(TIMEOUT).send().await;
        match answer.and_then(reqwest::Response::error_for_status) {
            Ok(_) => tracing::debug!("Heartbeat sent"),
            Err(error) => {
                tracing::warn!(error = chain(&error.without_url()), "Heartbeat was not accepted");
            }
        }
    }

    /// Whether the dispatcher requested runs, and their results were published.
    async fn is_alive(&self, now: Timestamp) -> Result<bool, SelfMonitoringError> {
        let minute = now.as_second().div_euclid(60) * 60;
        let end = Timestamp::from_second(minute).unwrap_or(now) - SETTLED;
        let metrics = [OwnMetric::RunsDispatched, OwnMetric::RunsReported, OwnMetric::RunsLate];
        let queries = metrics.iter().enumerate().map(|(index, metric)| {
            let environment = self.config.environment.as_str();
            let metric = Metric::builder()
                .namespace(cloudwatch::NAMESPACE)
                .metric_name(metric.name())
                .dimensions(Dimension::builder().name("Environment").value(environment).build())
                .build();
            let period = i32::try_from(LOOKED_AT.as_secs()).unwrap_or(180);
            let stat = MetricStat::builder().metric(metric).period(period).stat("Sum").build();
            MetricDataQuery::builder().id(format!("v{index}")).metric_stat(stat).build()
        });
        let answer = self
            .clients
            .cloudwatch
            .get_metric_data()
            .start_time(DateTime::from_secs((end - LOOKED_AT).as_second()))
            .end_time(DateTime::from_secs(end.as_second()))
            .set_metric_data_queries(Some(queries.collect()))
            .send()
            .await
            .map_err(|source| SelfMonitoringError::Metrics { source: Box::new(source) })?;
        let sum = |id: &str| -> Option<f64> {
            let results = answer.metric_data_results().iter();
            let values =
                results.filter(|result| result.id() == Some(id)).flat_map(MetricDataResult::values);
            values.copied().reduce(|a, b| a + b)
        };
        // No value at all means that the dispatcher does not run; 0 means that no run was due.
        let Some(dispatched) = sum("v0") else { return Ok(false) };
        let back = sum("v1").unwrap_or(0.0) + sum("v2").unwrap_or(0.0);
        Ok(dispatched <= 2.0 * back)
    }

    /// Counts the e-mail subscriptions that would receive nothing; an alarm evaluates the metric.
    async fn check_subscriptions(&self, now: Timestamp) {
        if self.is_first_hour(now).await {
            return;
        }
        // If the table is unavailable the check runs more often, which is harmless.
        if !self.store.claim("subscriptions", now, HOURLY).await.unwrap_or(true) {
            return;
        }
        let mut unconfirmed = 0;
        let mut unknown = 0;
        for (topic, addresses) in &self.config.subscribed {
            match in_time(self.unconfirmed(topic, addresses)).await {
                Ok(count) => unconfirmed += count,
                Err(error) => {
                    unknown += 1;
                    tracing::error!(error = chain(&error), topic, "Subscriptions were not checked");
                }
            }
        }
        if 0 < unconfirmed {
            tracing::warn!(unconfirmed, "E-mail subscriptions are not confirmed");
        }
        // Without every topic, 0 is not known and must not end the alarm.
        if unknown == 0 || 0 < unconfirmed {
            let metric = OwnMetric::SubscriptionsUnconfirmed;
            self.count(metric, f64::from(unconfirmed), now).await;
        }
        if unknown == 0 && unconfirmed == 0 {
            // All is well until tomorrow.
            let _ = self.store.release("subscriptions", now).await;
            let _ = self.store.claim("subscriptions", now, DAILY).await;
        } else if 0 < unknown
            && let Err(error) = self.store.release("subscriptions", now).await
        {
            tracing::warn!(error = chain(&error), "Claim was not released");
        }
    }

    /// The claim is set once, at the first tick of the stack, and found again for as long as ticks renew it.
    async fn is_first_hour(&self, now: Timestamp) -> bool {
        match self.store.first_seen("stack", now).await {
            Ok(first) => now.duration_since(first).unsigned_abs() < FIRST_HOUR,
            Err(_) => false,
        }
    }

    /// The number of subscriptions of `topic` that wait for confirmation, or of `addresses` that are missing:
    /// SNS deletes a subscription that was not confirmed within two days.
    async fn unconfirmed(
        &self,
        topic: &str,
        addresses: &[String],
    ) -> Result<u32, SelfMonitoringError> {
        let mut waiting = 0;
        let mut missing: BTreeSet<&str> = addresses.iter().map(String::as_str).collect();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .clients
                .sns
                .list_subscriptions_by_topic()
                .topic_arn(topic)
                .set_next_token(next)
                .send()
                .await
                .map_err(|source| SelfMonitoringError::Subscriptions {
                    topic: topic.to_owned(),
                    source: Box::new(source),
                })?;
            for subscription in page.subscriptions() {
                let address = subscription.endpoint().unwrap_or_default();
                // A subscription that waits, or that SNS disabled, has no ARN.
                if subscription.subscription_arn().unwrap_or_default().starts_with("arn:") {
                    missing.remove(address);
                } else if !addresses.iter().any(|known| known == address) {
                    waiting += 1;
                }
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(waiting + u32::try_from(missing.len()).unwrap_or(u32::MAX))
    }
}

async fn in_time<T>(
    task: impl Future<Output = Result<T, SelfMonitoringError>>,
) -> Result<T, SelfMonitoringError> {
    tokio::time::timeout(TIMEOUT, task).await.unwrap_or(Err(SelfMonitoringError::Timeout))
}

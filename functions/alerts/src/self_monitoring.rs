//! Monitoring of Vigie itself: the heartbeat to a dead man's switch, the mail subscriptions, the weekly mail. It runs
//! after what is due was sent, and its failures are only logged.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicError;
use cloudwatch::OwnMetric;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::mail::{Unconfirmed, write_unconfirmed};

use crate::handler::Alerts;
use crate::publish::publish_weekly;

/// The longest time of one of these tasks.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The heartbeat looks at three minutes, the last of which ended two minutes ago: by then the results of its runs
/// are published. If a probe has a longer timeout, the dispatcher publishes it and the minutes are as much earlier.
const SETTLED: Duration = Duration::from_secs(120);
const LOOKED_AT: Duration = Duration::from_secs(180);
/// Time to publish a result after the timeout of its run.
const PUBLISHING: Duration = Duration::from_secs(30);
/// The longest timeout that a probe can have; the queries look back so far.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);
/// The period of the queries, in seconds.
const MINUTE: i32 = 60;
/// The heartbeat stops when the table has been unavailable for this long.
const STORE_OUTAGE: Duration = Duration::from_secs(600);
/// Subscriptions are checked once a day, and hourly while one is unconfirmed. They are not checked in the first hour of
/// a stack, so that the recipients have time to confirm.
const DAILY: Duration = Duration::from_secs(86_400 - 600);
const HOURLY: Duration = Duration::from_secs(3_600 - 60);
/// How long a process waits after a claim that another one holds: each claim is a write.
const CLAIM_AGAIN: Duration = Duration::from_secs(600);
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

/// The subscriptions of a topic.
struct Subscribers {
    pending: Unconfirmed,
    confirmed: usize,
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
        let newest = Timestamp::from_second(minute).unwrap_or(now);
        let oldest = newest - LONGEST_TIMEOUT - PUBLISHING * 2 - LOOKED_AT;
        let metrics = [
            (OwnMetric::RunsDispatched, "Sum"),
            (OwnMetric::RunsReported, "Sum"),
            (OwnMetric::RunsLate, "Sum"),
            (OwnMetric::LongestTimeout, "Maximum"),
        ];
        let queries = metrics.iter().enumerate().map(|(index, (metric, statistic))| {
            let environment = self.config.environment.as_str();
            let metric = Metric::builder()
                .namespace(cloudwatch::NAMESPACE)
                .metric_name(metric.name())
                .dimensions(Dimension::builder().name("Environment").value(environment).build())
                .build();
            let stat = MetricStat::builder().metric(metric).period(MINUTE).stat(*statistic).build();
            MetricDataQuery::builder().id(format!("v{index}")).metric_stat(stat).build()
        });
        let answer = self
            .clients
            .cloudwatch
            .get_metric_data()
            .start_time(DateTime::from_secs(oldest.as_second()))
            .end_time(DateTime::from_secs(newest.as_second()))
            .set_metric_data_queries(Some(queries.collect()))
            .send()
            .await
            .map_err(|source| SelfMonitoringError::Metrics { source: Box::new(source) })?;
        let results = answer.metric_data_results();
        let timeout = values(results, "v3").map(|(_, value)| value).fold(0.0, f64::max);
        let end = newest.as_second() - settled_seconds(timeout);
        let start = end - i64::try_from(LOOKED_AT.as_secs()).unwrap_or(180);
        let sum = |id: &str| -> Option<f64> {
            let inside = values(results, id).filter(|(at, _)| (start..end).contains(at));
            inside.map(|(_, value)| value).reduce(|a, b| a + b)
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
        if now.as_second() < self.subscriptions_due.load(Ordering::Relaxed) {
            return;
        }
        // If the table is unavailable the check runs more often, which is harmless.
        if !self.store.claim("subscriptions", now, HOURLY).await.unwrap_or(true) {
            self.subscriptions_due.store((now + CLAIM_AGAIN).as_second(), Ordering::Relaxed);
            return;
        }
        let mut topics = Vec::new();
        let mut unknown = 0;
        for (topic, addresses) in &self.config.subscribed {
            match in_time(self.subscribers(topic, addresses)).await {
                Ok(subscribers) => topics.push(subscribers),
                Err(error) => {
                    unknown += 1;
                    tracing::error!(error = chain(&error), topic, "Subscriptions were not checked");
                }
            }
        }
        let unconfirmed = topics.iter().map(|topic| topic.pending.addresses.len()).sum::<usize>();
        let unconfirmed = u32::try_from(unconfirmed).unwrap_or(u32::MAX);
        if 0 < unconfirmed {
            tracing::warn!(unconfirmed, "E-mail subscriptions are not confirmed");
            self.send_unconfirmed(&topics).await;
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

    async fn is_first_hour(&self, now: Timestamp) -> bool {
        let first = match self.first_use.get() {
            Some(first) => *first,
            None => match self.store.first_seen("stack", now).await {
                Ok(first) => *self.first_use.get_or_init(|| first),
                Err(_) => return false,
            },
        };
        now.duration_since(first).unsigned_abs() < FIRST_HOUR
    }

    /// Sends the list of unconfirmed addresses over a topic that reaches someone, if possible not one of theirs.
    async fn send_unconfirmed(&self, topics: &[Subscribers]) {
        let config = &self.config;
        // The topics that this function may publish to.
        let own = [Some(&config.notifications_topic), Some(&config.tickets_topic)];
        let own = own.into_iter().chain([config.escalation_topic.as_ref()]).flatten();
        let reached: Vec<&Subscribers> = own
            .filter_map(|topic| topics.iter().find(|one| one.pending.topic == *topic))
            .filter(|topic| 0 < topic.confirmed)
            .collect();
        let unaffected = reached.iter().find(|topic| topic.pending.addresses.is_empty());
        let Some(channel) = unaffected.or(reached.first()) else {
            tracing::error!("Unconfirmed addresses were not reported: no topic has a subscriber");
            return;
        };
        let pending: Vec<Unconfirmed> = topics
            .iter()
            .map(|topic| topic.pending.clone())
            .filter(|pending| !pending.addresses.is_empty())
            .collect();
        let mail = write_unconfirmed(&config.environment, &pending, config.language);
        let topic = &channel.pending.topic;
        match publish_weekly(&self.clients.sns, topic, &mail, &config.environment).await {
            Ok(message) => tracing::info!(message, topic, "Unconfirmed addresses were reported"),
            Err(error) => {
                tracing::error!(error = chain(&error), "Unconfirmed addresses were not reported");
            }
        }
    }

    /// The subscriptions of `topic` that wait for confirmation, and those of `addresses` that are missing:
    /// SNS deletes a subscription that was not confirmed within two days.
    async fn subscribers(
        &self,
        topic: &str,
        addresses: &[String],
    ) -> Result<Subscribers, SelfMonitoringError> {
        let mut waiting = Vec::new();
        let mut confirmed = 0;
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
                    confirmed += 1;
                } else if !addresses.iter().any(|known| known == address) {
                    waiting.push(address.to_owned());
                }
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        waiting.extend(missing.into_iter().map(str::to_owned));
        let pending = Unconfirmed { topic: topic.to_owned(), addresses: waiting };
        Ok(Subscribers { pending, confirmed })
    }
}

/// How long ago the looked-at minutes end, in whole minutes, for the longest timeout in seconds.
fn settled_seconds(timeout: f64) -> i64 {
    let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default().min(LONGEST_TIMEOUT);
    let settled = SETTLED.max(timeout + PUBLISHING);
    i64::try_from(settled.as_secs().next_multiple_of(60)).unwrap_or(120)
}

/// Times and values of a query.
fn values<'a>(
    results: &'a [MetricDataResult],
    id: &'a str,
) -> impl Iterator<Item = (i64, f64)> + 'a {
    let results = results.iter().filter(move |result| result.id() == Some(id));
    results.flat_map(|result| {
        let times = result.timestamps().iter().map(DateTime::secs);
        times.zip(result.values().iter().copied())
    })
}

async fn in_time<T>(
    task: impl Future<Output = Result<T, SelfMonitoringError>>,
) -> Result<T, SelfMonitoringError> {
    tokio::time::timeout(TIMEOUT, task).await.unwrap_or(Err(SelfMonitoringError::Timeout))
}

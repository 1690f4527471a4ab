//! What the function does for its own sake, minute by minute: the heartbeat to a dead man's switch, once
//! a day a look at the mail subscriptions, once a week a mail that says that somebody is still watching.
//!
//! Nothing here may hold up an alarm: it runs after what is due to be told, and its failures are logged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use domain::EnvironmentName;
use domain::metrics::Unit;
use jiff::Timestamp;
use jiff::civil::Weekday;
use lambda_kit::chain;

use crate::alerts::Clients;
use crate::config::Config;
use crate::store::NotificationStore;
use notify::notification::{ProbeWeek, Runs};

/// The most that one of these may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The heartbeat looks at three minutes, of which the last ended two minutes ago: by then every
/// result of a run within them is published.
const SETTLED: Duration = Duration::from_secs(120);
const LOOKED_AT: Duration = Duration::from_secs(180);
/// Once a day, and at most a little late.
const DAILY: Duration = Duration::from_secs(86_400 - 600);
const WEEKLY: Duration = Duration::from_secs(6 * 86_400);
/// The weekly mail comes on Mondays from this hour on, in the team's zone.
const WEEKLY_HOUR: i8 = 8;
/// The most pages of subscriptions of a topic, a hundred each.
const MOST_PAGES: usize = 20;

pub(crate) struct SelfMonitoring<'a> {
    pub(crate) config: &'a Config,
    pub(crate) clients: &'a Clients,
    pub(crate) http: &'a OnceLock<reqwest::Client>,
    pub(crate) store: NotificationStore<'a>,
}

impl SelfMonitoring<'_> {
    /// Tells the dead man's switch that we live, if the last minutes' results were published.
    pub(crate) async fn heartbeat(&self, now: Timestamp) {
        let Some(url) = &self.config.heartbeat_url else { return };
        match tokio::time::timeout(PATIENCE, self.alive(now)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                tracing::error!("no heartbeat: the last minutes' results were not published");
                return;
            }
            Ok(Err(error)) => {
                tracing::error!(error, "no heartbeat: it is not known whether we live");
                return;
            }
            Err(_) => {
                tracing::error!("no heartbeat: CloudWatch does not answer");
                return;
            }
        }
        // The address is a secret: whoever has it can keep a dead watch alive.
        let http = self.http.get_or_init(reqwest::Client::new);
        let answer = http.get(url).timeout(PATIENCE).send().await;
        match answer.and_then(reqwest::Response::error_for_status) {
            Ok(_) => tracing::debug!("heartbeat"),
            Err(error) => {
                tracing::warn!(error = chain(&error.without_url()), "the heartbeat was not taken");
            }
        }
    }

    /// Whether the dispatcher planned, and what it planned came back.
    async fn alive(&self, now: Timestamp) -> Result<bool, String> {
        let minute = now.as_second().div_euclid(60) * 60;
        let end = Timestamp::from_second(minute).map_err(|error| chain(&error))? - SETTLED;
        let names = ["RunsDispatched", "RunsReported", "RunsLate"];
        let queries = names.iter().enumerate().map(|(index, name)| {
            let metric = Metric::builder()
                .namespace(cloudwatch::NAMESPACE)
                .metric_name(*name)
                .dimensions(dimension(&self.config.environment))
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
            .map_err(|error| chain(&error))?;
        let sum = |id: &str| -> Option<f64> {
            let results = answer.metric_data_results().iter();
            let values =
                results.filter(|result| result.id() == Some(id)).flat_map(MetricDataResult::values);
            values.copied().reduce(|a, b| a + b)
        };
        // No plan at all is not the same as a plan without runs: then the dispatcher is dead.
        let Some(dispatched) = sum("v0") else { return Ok(false) };
        let back = sum("v1").unwrap_or(0.0) + sum("v2").unwrap_or(0.0);
        Ok(dispatched <= 2.0 * back)
    }

    /// Counts the mail subscriptions that nothing would reach; an alarm of the watch looks at the figure.
    pub(crate) async fn daily(&self, now: Timestamp) {
        // A table that fails makes it happen more often, which harms nobody.
        if !self.store.claim("daily", now, DAILY).await.unwrap_or(true) {
            return;
        }
        let mut unconfirmed = 0;
        let mut unseen = 0;
        for (topic, addresses) in &self.config.subscribed {
            match tokio::time::timeout(PATIENCE, self.unconfirmed(topic, addresses)).await {
                Ok(Ok(count)) => unconfirmed += count,
                Ok(Err(error)) => {
                    unseen += 1;
                    tracing::error!(error, topic, "the subscriptions could not be looked at");
                }
                Err(_) => {
                    unseen += 1;
                    tracing::error!(topic, "the subscriptions could not be looked at in time");
                }
            }
        }
        tracing::info!(unconfirmed, unseen, "subscriptions");
        // Nothing found among those that were seen is not that nothing is wrong, and would end an alarm.
        if unseen == 0 || 0 < unconfirmed {
            self.publish("SubscriptionsUnconfirmed", f64::from(unconfirmed), now).await;
        }
        if 0 < unseen {
            self.store.release("daily", now).await;
        }
    }

    /// Counts notifications that SNS did not take. An alarm looks at the figure, and goes straight to a
    /// topic that is not ours to fail on.
    pub(crate) async fn unpublished(&self, count: usize, now: Timestamp) {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        self.publish("NotificationsUnpublished", count, now).await;
    }

    async fn publish(&self, name: &str, value: f64, now: Timestamp) {
        let datum = cloudwatch::own(name, &self.config.environment, value, Unit::Count, now);
        let put = cloudwatch::put(&self.clients.cloudwatch, vec![datum]);
        match tokio::time::timeout(PATIENCE, put).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = chain(&error), name, "a figure was not taken");
            }
            Err(_) => tracing::error!(name, "a figure was not taken in time"),
        }
    }

    /// How many subscriptions of `topic` wait for their confirmation, or of `addresses` are gone: SNS
    /// deletes what was not confirmed for two days, and what somebody unsubscribed.
    async fn unconfirmed(&self, topic: &str, addresses: &[String]) -> Result<u32, String> {
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
                .map_err(|error| chain(&error))?;
            for subscription in page.subscriptions() {
                let address = subscription.endpoint().unwrap_or_default();
                // SNS gives no ARN to a subscription that waits, or that it switched off.
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

    /// Whether this is the moment of the weekly mail.
    pub(crate) async fn is_weekly(&self, now: Timestamp) -> bool {
        let there = now.to_zoned(self.config.zone.rules.clone());
        let hour = there.weekday() == Weekday::Monday && WEEKLY_HOUR <= there.hour();
        // Without a table it would be mailed each minute: rather not at all.
        hour && self.store.claim("weekly", now, WEEKLY).await.unwrap_or(false)
    }

    /// The week of each probe that ran, by name; `None` when CloudWatch does not tell.
    pub(crate) async fn week(&self, now: Timestamp) -> Option<Vec<ProbeWeek>> {
        match tokio::time::timeout(PATIENCE, self.weeks(now)).await {
            Ok(Ok(weeks)) => Some(weeks),
            Ok(Err(error)) => {
                tracing::warn!(error, "the week's figures could not be had");
                None
            }
            Err(_) => {
                tracing::warn!("the week's figures took too long");
                None
            }
        }
    }

    async fn weeks(&self, now: Timestamp) -> Result<Vec<ProbeWeek>, String> {
        let environment = &self.config.environment;
        let query = |id: &str, statistic: &str| {
            let search = format!(
                "SEARCH('{{{},Environment,Probe}} MetricName=\"Success\" Environment=\"{environment}\"', '{statistic}', 86400)",
                cloudwatch::NAMESPACE,
            );
            MetricDataQuery::builder()
                .id(id)
                .expression(search)
                .label("${PROP('Dim.Probe')}")
                .build()
        };
        let day = now.as_second().div_euclid(86_400) * 86_400;
        let mut pages = self
            .clients
            .cloudwatch
            .get_metric_data()
            .start_time(DateTime::from_secs(day - 7 * 86_400))
            .end_time(DateTime::from_secs(day))
            .metric_data_queries(query("passed", "Sum"))
            .metric_data_queries(query("total", "SampleCount"))
            .into_paginator()
            .send();
        let mut probes: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| chain(&error))?;
            for result in page.metric_data_results() {
                let sum: f64 = result.values().iter().sum();
                let probe = result.label().unwrap_or_default().to_owned();
                let (passed, total) = probes.entry(probe).or_default();
                match result.id() {
                    Some("passed") => *passed += sum,
                    Some("total") => *total += sum,
                    _ => {}
                }
            }
        }
        let week = |(name, (passed, total)): (String, (f64, f64))| {
            Some(ProbeWeek { probe: name.parse().ok()?, runs: Runs::of(passed, total)? })
        };
        Ok(probes.into_iter().filter_map(week).collect())
    }
}

fn dimension(environment: &EnvironmentName) -> Dimension {
    Dimension::builder().name("Environment").value(environment.as_str()).build()
}

//! The weekly mail.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::MetricDataQuery;
use cloudwatch::OwnMetric;
use jiff::Timestamp;
use jiff::civil::Weekday;
use lambda_kit::chain;
use notify::mail::write_weekly;
use notify::notification::{ProbeWeek, Runs, WeeklyReport};
use notify::reconcile::Records;
use notify::selection::other_alarms;

use crate::handler::Alerts;
use crate::publish::publish_weekly;

/// The longest that the mail waits for its metrics.
const TIMEOUT: Duration = Duration::from_secs(5);
const WEEKLY: Duration = Duration::from_secs(6 * 86_400);
/// The mail is sent on Mondays from this hour on, in the team's time zone.
const WEEKLY_HOUR: i8 = 8;

impl Alerts {
    /// Sends the weekly mail when it is due.
    pub(crate) async fn send_weekly(&self, now: Timestamp) {
        if !self.is_weekly(now).await {
            return;
        }
        let open = match self.store.all().await {
            Ok(all) => {
                let records = all.into_iter().map(|s| (s.record.alert.key.clone(), s.record));
                let mut records: Records = records.collect();
                let facts = self.facts(&records).await;
                for (key, record) in &mut records {
                    if let Some(fact) = facts.alarms.get(key) {
                        record.confirm(fact, now);
                    }
                }
                other_alarms(None, &records, &facts)
            }
            Err(_) => None,
        };
        let config = &self.config;
        let report = WeeklyReport {
            environment: config.environment.clone(),
            region: config.region.clone(),
            now,
            zone: config.zone.clone(),
            probes: Box::pin(self.probe_weeks(now)).await,
            open,
            dashboard: self.dashboard(),
        };
        let mail = write_weekly(&report, config.language);
        let topic = &config.notifications_topic;
        match publish_weekly(&self.clients.sns, topic, &mail, &config.environment).await {
            Ok(message) => {
                tracing::info!(message, subject = mail.subject, "Weekly mail published");
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "Weekly mail was not published");
                self.count(OwnMetric::NotificationsUnpublished, 1.0, now).await;
            }
        }
    }

    async fn is_weekly(&self, now: Timestamp) -> bool {
        let there = now.to_zoned(self.config.zone.rules.clone());
        let hour = there.weekday() == Weekday::Monday && WEEKLY_HOUR <= there.hour();
        // Without the table it would be sent each minute, so it is not sent at all.
        hour && self.store.claim("weekly", now, WEEKLY).await.unwrap_or(false)
    }

    /// The week of each probe that ran, by name; `None` when CloudWatch does not answer.
    async fn probe_weeks(&self, now: Timestamp) -> Option<Vec<ProbeWeek>> {
        match tokio::time::timeout(TIMEOUT, self.query_weeks(now)).await {
            Ok(Ok(weeks)) => Some(weeks),
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "Metrics of the week could not be read");
                None
            }
            Err(_) => {
                tracing::warn!("Reading the metrics of the week timed out");
                None
            }
        }
    }

    async fn query_weeks(
        &self,
        now: Timestamp,
    ) -> Result<Vec<ProbeWeek>, SdkError<GetMetricDataError>> {
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
            let page = page?;
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

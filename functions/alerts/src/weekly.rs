//! The weekly mail.

mod history;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricDataQuery, MetricDataResult};
use cloudwatch::OwnMetric;
use domain::ProbeName;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::mail::write_weekly;
use notify::notification::{ProbeWeek, WeeklyReport};
use notify::reconcile::Records;
use notify::selection::other_alarms;
use notify::weekly::{self, BUDGET_DAYS, Counted, Sums, WEEK_DAYS};

use crate::handler::Alerts;
use crate::publish::publish_weekly;

/// The longest that the mail waits for its metrics.
const TIMEOUT: Duration = Duration::from_secs(5);

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
        // Without the table it would be sent each minute, so it is not sent at all.
        weekly::is_due(now, &self.config.zone)
            && self.store.claim("weekly", now, weekly::PERIOD).await.unwrap_or(false)
    }

    /// The week of each probe that ran, by name; `None` when CloudWatch does not answer.
    async fn probe_weeks(&self, now: Timestamp) -> Option<Vec<ProbeWeek>> {
        let mut counted = self.metrics(now).await?;
        if self.config.has_status_page {
            self.use_history(&mut counted, now).await;
        }
        let objectives = self.objectives().await;
        let week = |(probe, counted): (ProbeName, Counted)| {
            let objective = objectives.get(&probe).copied();
            counted.week_of(probe, objective)
        };
        Some(counted.into_iter().filter_map(week).collect())
    }

    /// What CloudWatch counted; `None` when it does not answer.
    async fn metrics(&self, now: Timestamp) -> Option<BTreeMap<ProbeName, Counted>> {
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
    ) -> Result<BTreeMap<ProbeName, Counted>, SdkError<GetMetricDataError>> {
        let environment = &self.config.environment;
        let query = |(id, metric, statistic): (&str, &str, &str)| {
            let search = format!(
                "SEARCH('{{{},Environment,Probe}} MetricName=\"{metric}\" Environment=\"{environment}\"', '{statistic}', 86400)",
                cloudwatch::NAMESPACE,
            );
            MetricDataQuery::builder()
                .id(id)
                .expression(search)
                .label("${PROP('Dim.Probe')}")
                .build()
        };
        // Runs in maintenance windows are published once more, so that they can be subtracted.
        let queries = [
            (PASSED, "Success", "Sum"),
            (TOTAL, "Success", "SampleCount"),
            (EXCLUDED_PASSED, "MaintenanceSuccess", "Sum"),
            (EXCLUDED_TOTAL, "MaintenanceSuccess", "SampleCount"),
        ];
        let end = now.as_second().div_euclid(DAY) * DAY;
        let mut pages = self
            .clients
            .cloudwatch
            .get_metric_data()
            .start_time(DateTime::from_secs(end - BUDGET_DAYS * DAY))
            .end_time(DateTime::from_secs(end))
            .set_metric_data_queries(Some(queries.map(query).into()))
            .into_paginator()
            .send();
        let mut probes: BTreeMap<ProbeName, Counted> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for result in page?.metric_data_results() {
                if let Ok(probe) = result.label().unwrap_or_default().parse() {
                    add(probes.entry(probe).or_default(), result, end - WEEK_DAYS * DAY);
                }
            }
        }
        Ok(probes)
    }
}

const DAY: i64 = 86_400;

/// Names of the queries.
const PASSED: &str = "passed";
const TOTAL: &str = "total";
const EXCLUDED_PASSED: &str = "excluded_passed";
const EXCLUDED_TOTAL: &str = "excluded_total";

fn add(counted: &mut Counted, result: &MetricDataResult, week_start: i64) {
    let id = result.id().unwrap_or_default();
    let times = result.timestamps().iter().map(DateTime::secs);
    for (at, value) in times.zip(result.values()) {
        add_value(&mut counted.budget, id, *value);
        if week_start <= at {
            add_value(&mut counted.week, id, *value);
        }
    }
}

fn add_value(sums: &mut Sums, id: &str, value: f64) {
    match id {
        PASSED => sums.passed += value,
        TOTAL => sums.total += value,
        EXCLUDED_PASSED => sums.passed -= value,
        EXCLUDED_TOTAL => sums.total -= value,
        _ => {}
    }
}

//! From a batch of messages to what is published.

mod intake;
mod telling;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_kit::{chain, redeliver};
use notify::alert::Alert;

use crate::config::Config;
use crate::publish::publish_week;
use crate::self_monitoring::SelfMonitoring;
use crate::store::{NotificationStore, StoreError, Stored};
use notify::event::{self, Incoming, Timer};
use notify::links;
use notify::mail::write_weekly;
use notify::notification::{OpenAlarm, WeeklyReport};
use telling::{Told, others};

/// Who tells has so long for it: as long as Lambda lets the function run, and a little more.
const LONGEST_TELLING: Duration = Duration::from_secs(65);
/// Calls to the table at once.
const AT_ONCE: usize = 16;

/// The clients of the AWS services that the function uses.
#[derive(Clone, Debug)]
pub struct Clients {
    pub sns: aws_sdk_sns::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
}

impl Clients {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig) -> Self {
        // Path style: the bucket's name as a host name is one more name to resolve, and an endpoint
        // of one's own often has no such names.
        let s3 = aws_sdk_s3::config::Builder::from(aws).force_path_style(true).build();
        Self {
            sns: aws_sdk_sns::Client::new(aws),
            sqs: aws_sdk_sqs::Client::new(aws),
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb: aws_sdk_dynamodb::Client::new(aws),
            cloudwatch: aws_sdk_cloudwatch::Client::new(aws),
        }
    }
}

/// The function.
#[derive(Debug)]
pub struct Alerts {
    config: Config,
    clients: Clients,
    /// For the heartbeat alone, and made with the first: it reads the system's certificates.
    http: OnceLock<reqwest::Client>,
}

impl Alerts {
    #[must_use]
    pub fn new(config: Config, clients: Clients) -> Self {
        Self { config, clients, http: OnceLock::new() }
    }

    /// Handles a batch, and names the messages that must come again.
    pub async fn handle(&self, event: SqsEvent, now: Timestamp) -> SqsBatchResponse {
        let mut alerts: Vec<(Alert, String)> = Vec::new();
        let mut timers: Vec<(Timer, String)> = Vec::new();
        let mut failed: BTreeSet<String> = BTreeSet::new();
        for message in event.records {
            let id = message.message_id.unwrap_or_default();
            let body = message.body.unwrap_or_default();
            match event::read(&body, &id, now, &self.config.environment) {
                Incoming::Alerts(list) => {
                    alerts.extend(list.into_iter().map(|alert| (alert, id.clone())));
                }
                Incoming::Timer(timer) => timers.push((timer, id)),
                Incoming::Refused { version } => {
                    tracing::error!(version, "a timer of a version that is not known is refused");
                    failed.insert(id);
                }
            }
        }
        let taken = self.take(alerts, now).await;
        failed.extend(self.arm_or_tell(taken, now).await);
        failed.extend(self.timers(timers, now).await);
        redeliver(failed)
    }

    fn store(&self) -> NotificationStore<'_> {
        NotificationStore { client: &self.clients.dynamodb, table: &self.config.table }
    }

    fn own_watch(&self) -> SelfMonitoring<'_> {
        SelfMonitoring {
            config: &self.config,
            clients: &self.clients,
            http: &self.http,
            store: self.store(),
        }
    }

    /// Several timers in a batch are as good as one of each kind.
    async fn timers(&self, timers: Vec<(Timer, String)>, now: Timestamp) -> BTreeSet<String> {
        if timers.is_empty() {
            return BTreeSet::new();
        }
        // A flush that fails comes again. A minute of the schedule does not: the next one is due soon.
        let flushes = timers.iter().filter(|(timer, _)| matches!(timer, Timer::Flush(_)));
        let messages: BTreeSet<String> = flushes.map(|(_, id)| id.clone()).collect();
        let carried: Vec<Alert> = timers
            .iter()
            .filter_map(
                |(timer, _)| if let Timer::Flush(alerts) = timer { Some(alerts) } else { None },
            )
            .flatten()
            .cloned()
            .collect();
        // Two who tell at once would both tell what neither has stored as told yet.
        let ours = self.store().claim("telling", now, LONGEST_TELLING).await.unwrap_or(true);
        if !ours && (messages.is_empty() || self.flush_later(carried.clone()).await) {
            if timers.iter().any(|(timer, _)| matches!(timer, Timer::Tick(_))) {
                self.watch(None, now).await;
            }
            return BTreeSet::new();
        }
        let all = self.store().all().await;
        let up = all.as_deref().ok().map(|all| others(all, &BTreeSet::new()));
        let failed = self.flush_or_review(all, carried, messages, now).await;
        self.store().release("telling", now).await;
        if timers.iter().any(|(timer, _)| matches!(timer, Timer::Tick(_))) {
            self.watch(up, now).await;
        }
        failed
    }

    async fn flush_or_review(
        &self,
        all: Result<Vec<Stored>, StoreError>,
        carried: Vec<Alert>,
        messages: BTreeSet<String>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        match all {
            Ok(all) => self.review(all, &messages, now).await,
            Err(error) => {
                tracing::error!(error = chain(&error), "what waits could not be read");
                if carried.is_empty() {
                    return messages;
                }
                // The alerts that armed the flush are told at least, the others when the table is back.
                let told = carried.iter().map(|alert| {
                    let severity =
                        self.config.routes.severity(alert, self.config.environment.as_str());
                    let message = messages.first().cloned().unwrap_or_default();
                    Told::unrecorded(alert, severity, message)
                });
                self.tell(told.collect(), None, now).await
            }
        }
    }

    /// The minute's own duties, once whatever the queue delivers.
    async fn watch(&self, up: Option<Vec<OpenAlarm>>, now: Timestamp) {
        let watch = self.own_watch();
        Box::pin(watch.heartbeat(now)).await;
        Box::pin(watch.daily(now)).await;
        if !watch.is_weekly(now).await {
            return;
        }
        let week = WeeklyReport {
            environment: self.config.environment.clone(),
            region: self.config.region.clone(),
            now,
            zone: self.config.zone.clone(),
            probes: Box::pin(watch.week(now)).await,
            open: up,
            dashboard: self.dashboard(),
        };
        let mail = write_weekly(&week, self.config.language);
        let topic = &self.config.notifications_topic;
        let environment = &self.config.environment;
        match publish_week(&self.clients.sns, topic, &mail, environment).await {
            Ok(message) => tracing::info!(message, subject = mail.subject, "published"),
            Err(error) => {
                tracing::error!(error = chain(&error), "the weekly mail was not taken");
                watch.unpublished(1, now).await;
            }
        }
    }

    fn dashboard(&self) -> Option<String> {
        let name = self.config.dashboard.as_ref()?;
        Some(links::dashboard(name, &self.config.region))
    }
}

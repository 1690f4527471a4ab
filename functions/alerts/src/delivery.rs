//! Reads the records, queries CloudWatch, sends what is due, and stores what was sent.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use lambda_kit::chain;
use notify::NotificationKind;
use notify::alert::Alert;
use notify::links;
use notify::mail::write;
use notify::notification::{Item, Notification};
use notify::reconcile::{
    Delivery, Facts, Outgoing, Records, Trigger, begin, is_due, reconcile, settle, severity_by,
};
use notify::record::AlarmRecord;
use notify::selection::{other_alarms, own_alarms, seen_from};
use notify::sent::Outcome;

use crate::config::is_topic;
use crate::evidence::Evidence;
use crate::handler::Alerts;
use crate::publish::{PublishError, publish};
use crate::storage::Work;

/// Reports are read for this many alarms of a list.
const REPORTS_OF_A_LIST: usize = 12;
/// Minutes between queries of CloudWatch without an event.
const QUERY_EVERY: i64 = 3;

impl Alerts {
    /// Sends the notifications that are due; returns whether all of them were sent.
    pub(crate) async fn reconcile(
        &self,
        trigger: Trigger,
        carried: Vec<Alert>,
        now: Timestamp,
    ) -> bool {
        let stored = self.store.all().await;
        if let Err(error) = &stored {
            tracing::error!(error = chain(error), "Records could not be read");
        }
        let mut revisions = BTreeMap::new();
        let stored = stored.ok().map(|all| {
            let records = all.into_iter().map(|stored| {
                let key = stored.record.alert.key.clone();
                revisions.insert(key.clone(), stored.revision);
                (key, stored.record)
            });
            records.collect::<Records>()
        });
        let before = stored.clone().unwrap_or_default();
        let mut records = self.cache().load(stored, now);
        self.take_carried(&mut records, carried, now);
        let rules = &self.config.rules;
        let minute = now.as_second().div_euclid(60);
        let queries = trigger == Trigger::Flush
            || minute % QUERY_EVERY == 0
            || self.cache().query_failed()
            || is_due(records.values(), rules, now);
        if !queries {
            return true;
        }
        let facts = self.facts(&records).await;
        self.cache().note_query(facts.listed.is_some());
        let severity = severity_by(&self.config.routes, self.config.environment.as_str());
        let outgoing = reconcile(&mut records, &facts, rules, severity, trigger, now);
        let outgoing = self.within_rate(outgoing, now);
        let mut work = Work { before, revisions, records };
        if !outgoing.is_empty() {
            // The attempts are stored first: if the process ends while it publishes, the next one knows of them.
            begin(&mut work.records, &outgoing, now);
            self.save(&mut work, now).await;
            self.queue_unsaved(now).await;
        }
        let mut deliveries = Vec::new();
        let (topics, others): (Vec<&Outgoing>, Vec<&Outgoing>) =
            outgoing.iter().partition(|outgoing| is_topic(&outgoing.receiver));
        for outgoing in topics {
            deliveries.extend(self.deliver(outgoing, &work.records, &facts, now).await);
        }
        // The other receivers are slower than SNS. They share one deadline, and none waits for another.
        let deadline = Self::receivers_deadline();
        let sent = join_all(others.into_iter().map(|outgoing| {
            Box::pin(self.deliver_to_receiver(outgoing, &work.records, &facts, deadline, now))
        }));
        deliveries.extend(sent.await.into_iter().flatten());
        settle(&mut work.records, &deliveries, now);
        self.save(&mut work, now).await;
        let kept = self.queue_unsaved(now).await;
        kept && deliveries.iter().all(|delivery| delivery.outcome == Outcome::Accepted)
    }

    fn within_rate(&self, outgoing: Vec<Outgoing>, now: Timestamp) -> Vec<Outgoing> {
        let mut outgoing = outgoing;
        outgoing.retain(|outgoing| {
            let allowed = self.cache().may_send(&outgoing.receiver, now);
            if !allowed {
                tracing::warn!(
                    receiver = outgoing.receiver,
                    "Notification delayed by the rate limit"
                );
            }
            allowed
        });
        outgoing
    }

    /// Sends one notification to a receiver of the file; returns the outcome for each alarm in it.
    async fn deliver_to_receiver(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        deadline: tokio::time::Instant,
        now: Timestamp,
    ) -> Vec<Delivery> {
        let name = &outgoing.receiver;
        let delivery =
            |key: &String, outcome| Delivery { receiver: name.clone(), key: key.clone(), outcome };
        let mut receivers = self.config.receivers.iter();
        let Some(receiver) = receivers.find(|receiver| receiver.name == *name) else {
            tracing::warn!(receiver = name, "Receiver is no longer configured");
            let keys = outgoing.items.iter().map(|(key, _)| key);
            return keys.map(|key| delivery(key, Outcome::Accepted)).collect();
        };
        let notification = self.notification(outgoing, records, facts, now).await;
        let outcomes = self.send_to_receiver(receiver, &notification, deadline, now).await;
        let keys = notification.items.iter().map(|item| &item.alert.key);
        keys.zip(outcomes).map(|(key, outcome)| delivery(key, outcome)).collect()
    }

    /// Publishes one notification to a topic; returns the outcome for each alarm in it.
    async fn deliver(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Vec<Delivery> {
        let outcome = match self.send(outgoing, records, facts, now).await {
            Ok(()) => Outcome::Accepted,
            Err(error) => {
                tracing::error!(error = chain(&error), "Notification was not published");
                let count = u32::try_from(outgoing.items.len()).unwrap_or(u32::MAX);
                let metric = cloudwatch::OwnMetric::NotificationsUnpublished;
                self.count(metric, f64::from(count), now).await;
                error.outcome()
            }
        };
        let delivery = |(key, _): &(String, NotificationKind)| Delivery {
            receiver: outgoing.receiver.clone(),
            key: key.clone(),
            outcome,
        };
        outgoing.items.iter().map(delivery).collect()
    }

    /// Alerts of a flush that are missing in the records, because the table failed when they came.
    fn take_carried(&self, records: &mut Records, carried: Vec<Alert>, now: Timestamp) {
        for alert in carried {
            let severity = self.config.routes.severity(&alert, self.config.environment.as_str());
            let lease = self.config.rules.lease;
            if let Some(record) =
                AlarmRecord::observe(records.get(&alert.key), &alert, severity, lease, now)
            {
                self.cache().keep(record.clone(), false);
                records.insert(alert.key, record);
            }
        }
    }

    /// The notification with all evidence, the most urgent alarm first.
    async fn notification(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Notification {
        let list = own_alarms(outgoing, records);
        let config = &self.config;
        Notification {
            environment: config.environment.clone(),
            now,
            zone: config.zone.clone(),
            items: self.items(&list, now).await,
            others: other_alarms(Some(outgoing), records, facts),
            seen_from: seen_from(outgoing, records, facts),
            dashboard: self.dashboard(),
            region: config.region.clone(),
            bucket: config.bucket.clone(),
            status_page: None,
        }
    }

    async fn send(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let config = &self.config;
        let notification = self.notification(outgoing, records, facts, now).await;
        let mail = write(&notification, config.language);
        let topic = config.topic(&outgoing.receiver);
        let items = &notification.items;
        let message = publish(&self.clients.sns, topic, &mail, &config.environment, items).await?;
        let reports = items.iter().filter_map(|item| item.report.as_ref());
        let runs: Vec<&str> = reports.map(|report| report.run.as_str()).collect();
        tracing::info!(
            topic,
            message,
            subject = mail.subject,
            alarms = items.len(),
            runs = runs.join(" "),
            "Notification published"
        );
        for test in items.iter().filter_map(|item| item.alert.test.as_deref()) {
            if let Err(error) = self.store.note_test(test, &message, now).await {
                tracing::warn!(error = chain(&error), "Test message was not recorded");
            }
        }
        Ok(())
    }

    /// A single alarm gets all evidence; of a list the first ones get their reports.
    async fn items(&self, list: &[(NotificationKind, &AlarmRecord)], now: Timestamp) -> Vec<Item> {
        let evidence = &Evidence {
            s3: &self.clients.s3,
            cloudwatch: &self.clients.cloudwatch,
            bucket: &self.config.bucket,
            environment: &self.config.environment,
        };
        let alone = list.len() == 1;
        join_all(list.iter().enumerate().map(async |(index, (kind, record))| {
            let report = async {
                if index < REPORTS_OF_A_LIST { evidence.report(record).await } else { None }
            };
            let metrics =
                async { if alone { Box::pin(evidence.metrics(record, now)).await } else { None } };
            let (report, metrics) = Box::pin(join(report, metrics)).await;
            Item {
                kind: *kind,
                alert: record.alert.clone(),
                severity: record.severity,
                incident: record.incident,
                closure: record.closure,
                acknowledged: record.acknowledged.clone(),
                report,
                metrics,
            }
        }))
        .await
    }

    pub(crate) fn dashboard(&self) -> Option<String> {
        let name = self.config.dashboard.as_ref()?;
        Some(links::dashboard(name, &self.config.region))
    }
}

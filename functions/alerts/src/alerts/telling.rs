//! What waits is told: decided, written, published, and only then stored as told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Severity;
use futures_util::StreamExt as _;
use futures_util::future::{join, join_all};
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::NotificationKind;
use notify::alarm_record::{AlarmRecord, Decision};
use notify::alert::{Alert, State, Subject};

use super::{AT_ONCE, Alerts};
use crate::alarm_states;
use crate::evidence::Evidence;
use crate::mutes;
use crate::publish::{Unpublished, publish};
use crate::store::Stored;
use notify::mail::urgency;
use notify::mail::write;
use notify::notification::{Item, Notification, OpenAlarm};

/// Reports are read for so many alarms of a list.
const REPORTS_OF_A_LIST: usize = 12;
/// What waits for longer than the window and this was left behind by a flush.
const LEFT_BEHIND: Duration = Duration::from_secs(60);

/// What there is to tell of one alarm, and what to store once it is told.
pub(super) struct Told {
    news: Vec<NotificationKind>,
    memory: AlarmRecord,
    /// `None` where the table did not answer: there is nothing to store.
    after: Option<(AlarmRecord, u64)>,
    /// The messages that wait for it; they are handed back if it can't be told.
    messages: BTreeSet<String>,
}

impl Told {
    pub(super) fn decided(stored: Stored, decision: Decision, messages: BTreeSet<String>) -> Self {
        Self {
            news: decision.kinds,
            memory: stored.memory,
            after: Some((decision.after, stored.revision)),
            messages,
        }
    }

    /// What is told without the table: the change itself.
    pub(super) fn unrecorded(alert: &Alert, severity: Severity, message: String) -> Self {
        Self {
            news: vec![NotificationKind::Changed],
            memory: AlarmRecord::of(alert, severity),
            after: None,
            messages: [message].into(),
        }
    }
}

impl Alerts {
    /// Tells what there is to tell of all alarms. `messages` are the flushes that ask for it, and come
    /// again where it fails; with none, what is young waits for its own.
    pub(super) async fn review(
        &self,
        all: Vec<Stored>,
        messages: &BTreeSet<String>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let patience = self.config.window + LEFT_BEHIND;
        let mut tell = Vec::new();
        let mut quiet = Vec::new();
        for stored in &all {
            let since = stored.memory.pending;
            let young = since.is_some_and(|since| now.duration_since(since) < duration(patience));
            if young && messages.is_empty() {
                continue;
            }
            let decision = stored.memory.decide(&self.config.rules, now);
            if !decision.kinds.is_empty() {
                tell.push(Told::decided(stored.clone(), decision, messages.clone()));
            } else if since.is_some() {
                quiet.push((decision.after, stored.revision));
            }
        }
        // What is muted stays due, and is told once the mute is over.
        let own_accord = |told: &Told| !told.memory.untold();
        let again = tell.iter().filter(|told| own_accord(told)).map(|told| &told.memory.alert);
        let muted = mutes::muted(&self.clients.cloudwatch, again).await;
        tell.retain(|told| !(own_accord(told) && muted.contains(&told.memory.alert.name)));
        // An alarm that was deleted never says OK, and an OK can get lost: ask before reminding.
        let reminding = |told: &Told| {
            told.memory.alert.state == State::Alarm
                && !told.news.contains(&NotificationKind::Changed)
        };
        let names = tell.iter().filter(|told| reminding(told)).map(|told| &told.memory.alert);
        let current = alarm_states::ask(&self.clients.cloudwatch, names).await;
        tell.retain(|told| {
            let revision = told.after.as_ref().map_or(0, |(_, revision)| *revision);
            match alarm_states::correct(&told.memory, &current, now) {
                Some(corrected) if reminding(told) => {
                    quiet.push((corrected, revision));
                    false
                }
                _ => true,
            }
        });
        self.save(quiet, now).await;
        if tell.is_empty() { BTreeSet::new() } else { self.tell(tell, Some(&all), now).await }
    }

    /// Publishes one notification per topic and stores that it was; returns the messages of what
    /// could not be published. `all` are the memories, where they were read already.
    pub(super) async fn tell(
        &self,
        tell: Vec<Told>,
        all: Option<&[Stored]>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let others = match all {
            Some(all) => Some(all.to_vec()),
            None if tell.iter().all(|told| told.after.is_none()) => None,
            None => self.store().all().await.ok(),
        };
        let mut topics: BTreeMap<&str, Vec<(NotificationKind, usize)>> = BTreeMap::new();
        for (index, told) in tell.iter().enumerate() {
            for news in &told.news {
                topics
                    .entry(self.topic(*news, told.memory.severity))
                    .or_default()
                    .push((*news, index));
            }
        }
        let mut failed: BTreeSet<usize> = BTreeSet::new();
        for (topic, list) in topics {
            if let Err(error) = self.publish(topic, &list, &tell, others.as_deref(), now).await {
                tracing::error!(error = chain(&error), "not published; its messages come again");
                failed.extend(list.iter().map(|(_, index)| *index));
            }
        }
        if !failed.is_empty() {
            self.own_watch().unpublished(failed.len(), now).await;
        }
        let told = tell.iter().enumerate().filter(|(index, _)| !failed.contains(index));
        let after = told.filter_map(|(_, told)| told.after.clone()).collect();
        self.save(after, now).await;
        failed.iter().flat_map(|index| tell[*index].messages.clone()).collect()
    }

    fn topic(&self, news: NotificationKind, severity: Severity) -> &str {
        match (news, &self.config.escalation_topic, severity) {
            (NotificationKind::Escalation, Some(topic), _) => topic,
            (_, _, Severity::Page) => &self.config.notifications_topic,
            (_, _, Severity::Ticket) => &self.config.tickets_topic,
        }
    }

    async fn publish(
        &self,
        topic: &str,
        list: &[(NotificationKind, usize)],
        tell: &[Told],
        all: Option<&[Stored]>,
        now: Timestamp,
    ) -> Result<(), Unpublished> {
        let mut list: Vec<(NotificationKind, &AlarmRecord)> =
            list.iter().map(|(news, index)| (*news, &tell[*index].memory)).collect();
        list.sort_by_key(|(_, memory)| urgency(&memory.alert, memory.severity));
        let items = self.items(&list, now).await;
        let told: BTreeSet<&str> = list.iter().map(|(_, memory)| &*memory.alert.key).collect();
        let config = &self.config;
        let notification = Notification {
            environment: config.environment.clone(),
            now,
            zone: config.zone.clone(),
            items,
            others: all.map(|all| others(all, &told)),
            dashboard: self.dashboard(),
            region: config.region.clone(),
            bucket: config.bucket.clone(),
        };
        let mail = write(&notification, config.language);
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
            "published"
        );
        for test in items.iter().filter_map(|item| item.alert.test.as_deref()) {
            self.store().note_test(test, &message, now).await;
        }
        Ok(())
    }

    /// One alarm gets all its evidence; of a list the first ones get their reports.
    async fn items(&self, list: &[(NotificationKind, &AlarmRecord)], now: Timestamp) -> Vec<Item> {
        let evidence = &Evidence {
            s3: &self.clients.s3,
            cloudwatch: &self.clients.cloudwatch,
            bucket: &self.config.bucket,
            environment: &self.config.environment,
        };
        let alone = list.len() == 1;
        join_all(list.iter().enumerate().map(async |(index, (news, memory))| {
            let report = async {
                if index < REPORTS_OF_A_LIST { evidence.report(memory).await } else { None }
            };
            let figures =
                async { if alone { Box::pin(evidence.figures(memory, now)).await } else { None } };
            let (report, figures) = Box::pin(join(report, figures)).await;
            Item {
                kind: *news,
                alert: memory.alert.clone(),
                severity: memory.severity,
                incident: memory.incident,
                report,
                metrics: figures,
            }
        }))
        .await
    }

    /// A memory that can't be stored says that it was not told: the mail comes twice, at worst.
    async fn save(&self, memories: Vec<(AlarmRecord, u64)>, now: Timestamp) {
        stream::iter(memories)
            .for_each_concurrent(AT_ONCE, async |(memory, revision)| {
                if let Err(error) = self.store().put(&memory, revision, now).await {
                    tracing::warn!(error = chain(&error), "what was told could not be stored");
                }
            })
            .await;
    }
}

/// Alarms that are up besides those that are told.
pub(super) fn others(all: &[Stored], told: &BTreeSet<&str>) -> Vec<OpenAlarm> {
    let up = all.iter().map(|stored| &stored.memory).filter(|memory| {
        let alert = &memory.alert;
        alert.state == State::Alarm
            && alert.test.is_none()
            && alert.subject != Subject::Unreadable
            && !told.contains(&*alert.key)
    });
    let mut up: Vec<&AlarmRecord> = up.collect();
    up.sort_by_key(|memory| urgency(&memory.alert, memory.severity));
    up.into_iter()
        .map(|memory| OpenAlarm {
            alert: memory.alert.clone(),
            since: memory.incident.map_or(memory.alert.changed, |incident| incident.since),
        })
        .collect()
}

fn duration(time: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX)
}

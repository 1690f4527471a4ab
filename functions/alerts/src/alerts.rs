//! From a batch of messages to what is published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::Severity;
use domain::alert::{Alert, State};
use domain::alert_memory::{Decision, Memory, News};
use futures_util::StreamExt as _;
use futures_util::future::{join, join_all};
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::{chain, hand_back};

use crate::config::Config;
use crate::current;
use crate::event::{self, Incoming, Timer};
use crate::evidence::Evidence;
use crate::ledger::{Ledger, LedgerError, Recorded, Stored};
use crate::links;
use crate::mail::{gravity, write, write_week};
use crate::notification::{Item, Notification, Other, Week};
use crate::send::{publish, publish_week};
use crate::watch::Watch;

/// Calls to the table at once.
const AT_ONCE: usize = 16;
/// Reports are read for so many alarms of a list.
const REPORTS_OF_A_LIST: usize = 12;
/// A flush message carries at most so many alerts, and so many bytes of them.
const CARRIED: usize = 10;
const CARRIED_BYTES: usize = 100_000;
/// What waits for longer than the window and this was left behind by a flush.
const LEFT_BEHIND: Duration = Duration::from_secs(60);

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

/// What there is to tell of one alarm, and what to store once it is told.
struct Told {
    news: Vec<News>,
    memory: Memory,
    /// `None` where the table did not answer: there is nothing to store.
    after: Option<(Memory, u64)>,
    /// The messages that wait for it; they are handed back if it can't be told.
    messages: BTreeSet<String>,
}

impl Told {
    fn decided(stored: Stored, decision: Decision, messages: BTreeSet<String>) -> Self {
        Self {
            news: decision.news,
            memory: stored.memory,
            after: Some((decision.after, stored.revision)),
            messages,
        }
    }

    /// What is told without the table: the change itself.
    fn unrecorded(alert: &Alert, severity: Severity, message: String) -> Self {
        Self {
            news: vec![News::Changed],
            memory: Memory::of(alert, severity),
            after: None,
            messages: [message].into(),
        }
    }
}

/// What became of the alerts of a batch.
#[derive(Default)]
struct Taken {
    /// To be told when the window is over, with their messages.
    waiting: BTreeMap<String, (Stored, BTreeSet<String>)>,
    /// At least one of them came before; whoever armed the flush then may have died.
    again: bool,
    /// To be told now, since the table does not answer.
    unrecorded: Vec<Told>,
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
        hand_back(failed)
    }

    fn ledger(&self) -> Ledger<'_> {
        Ledger { client: &self.clients.dynamodb, table: &self.config.table }
    }

    /// Takes alerts into their memories: those of one alarm in their order, alarms side by side.
    async fn take(&self, alerts: Vec<(Alert, String)>, now: Timestamp) -> Taken {
        let mut alarms: BTreeMap<String, Vec<(Alert, String)>> = BTreeMap::new();
        for (mut alert, message) in alerts {
            if let Some(test) = &alert.test {
                // A test never touches what is known of the real alarm.
                alert.key = format!("test:{test}");
            }
            alarms.entry(alert.key.clone()).or_default().push((alert, message));
        }
        let broken = &std::sync::atomic::AtomicBool::new(false);
        let outcomes = stream::iter(alarms.into_values())
            .map(async |mut changes| {
                changes.sort_by_key(|(alert, _)| alert.changed);
                let mut outcomes = Vec::new();
                for (alert, message) in changes {
                    let severity =
                        self.config.routes.severity(&alert, self.config.environment.as_str());
                    let outcome = self.record(&alert, severity, now, broken).await;
                    outcomes.push((alert, severity, message, outcome));
                }
                outcomes
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut taken = Taken::default();
        for (alert, severity, message, outcome) in outcomes.into_iter().flatten() {
            let (stored, again) = match outcome {
                None => {
                    taken.unrecorded.push(Told::unrecorded(&alert, severity, message));
                    continue;
                }
                Some(Recorded::Known) => continue,
                Some(Recorded::News(stored)) => (stored, false),
                Some(Recorded::Waiting(stored)) => (stored, true),
            };
            // The newest one of an alarm has all that is known, and decides whether there is news.
            let (known, messages) = taken
                .waiting
                .entry(alert.key)
                .or_insert_with(|| ((*stored).clone(), BTreeSet::new()));
            *known = *stored;
            messages.insert(message);
            taken.again |= again;
        }
        taken.waiting.retain(|_, (stored, _)| stored.memory.untold());
        taken
    }

    /// `None` when the table does not answer; then it is not asked again for this batch.
    async fn record(
        &self,
        alert: &Alert,
        severity: Severity,
        now: Timestamp,
        broken: &std::sync::atomic::AtomicBool,
    ) -> Option<Recorded> {
        use std::sync::atomic::Ordering::Relaxed;
        if broken.load(Relaxed) {
            return None;
        }
        match self.ledger().record(alert, severity, now).await {
            Ok(recorded) => {
                tracing::info!(
                    alarm = alert.name,
                    state = alert.state.as_str(),
                    changed = %alert.changed,
                    news = matches!(recorded, Recorded::News(_)),
                    "alarm"
                );
                Some(recorded)
            }
            Err(error) => {
                broken.store(true, Relaxed);
                tracing::error!(error = chain(&error), alarm = alert.name, "told without grouping");
                None
            }
        }
    }

    /// Arms the flush for what waits, or tells it at once where there is no window.
    async fn arm_or_tell(&self, taken: Taken, now: Timestamp) -> BTreeSet<String> {
        let mut tell = taken.unrecorded;
        if !taken.waiting.is_empty() {
            let armed = !self.config.window.is_zero()
                && self
                    .arm(taken.waiting.values().map(|(stored, _)| stored), taken.again, now)
                    .await;
            if !armed {
                for (stored, messages) in taken.waiting.into_values() {
                    let decision = stored.memory.decide(&self.config.rules, now);
                    tell.push(Told::decided(stored, decision, messages));
                }
            }
        }
        if tell.is_empty() {
            return BTreeSet::new();
        }
        self.tell(tell, None, now).await
    }

    /// Whether a flush will come.
    async fn arm(
        &self,
        waiting: impl Iterator<Item = &Stored>,
        again: bool,
        now: Timestamp,
    ) -> bool {
        // Who comes in the window's last moments arms a flush of their own: theirs may be stored
        // just after the first one has looked.
        let window = self.config.window;
        let claim = self.ledger().claim("flush", now, window * 3 / 4).await;
        let ours = claim.unwrap_or_else(|error| {
            tracing::warn!(error = chain(&error), "the flush is armed once more than needed");
            true
        });
        if !ours && !again {
            return true;
        }
        let mut carried: Vec<Alert> =
            waiting.take(CARRIED).map(|stored| stored.memory.alert.clone()).collect();
        let size = |alerts: &Vec<Alert>| serde_json::to_string(alerts).map_or(0, |json| json.len());
        while CARRIED_BYTES < size(&carried) {
            carried.pop();
        }
        let delay = i32::try_from(self.config.window.as_secs()).unwrap_or(900);
        let sent = self
            .clients
            .sqs
            .send_message()
            .queue_url(&self.config.queue_url)
            .message_body(Timer::Flush(carried).message())
            .delay_seconds(delay)
            .send()
            .await;
        if let Err(error) = &sent {
            tracing::error!(error = chain(error), "the flush could not be armed; told at once");
        }
        sent.is_ok()
    }

    /// Several timers in a batch are as good as one of each kind.
    async fn timers(&self, timers: Vec<(Timer, String)>, now: Timestamp) -> BTreeSet<String> {
        if timers.is_empty() {
            return BTreeSet::new();
        }
        let messages: BTreeSet<String> = timers.iter().map(|(_, id)| id.clone()).collect();
        let carried: Vec<Alert> = timers
            .iter()
            .filter_map(
                |(timer, _)| if let Timer::Flush(alerts) = timer { Some(alerts) } else { None },
            )
            .flatten()
            .cloned()
            .collect();
        let flush = timers.iter().any(|(timer, _)| matches!(timer, Timer::Flush(_)));
        let all = self.ledger().all().await;
        let up = all.as_deref().ok().map(|all| others(all, &BTreeSet::new()));
        let failed = self.flush_or_review(all, carried, flush, messages, now).await;
        if timers.iter().any(|(timer, _)| matches!(timer, Timer::Tick(_))) {
            self.watch(up, now).await;
        }
        failed
    }

    async fn flush_or_review(
        &self,
        all: Result<Vec<Stored>, LedgerError>,
        carried: Vec<Alert>,
        flush: bool,
        messages: BTreeSet<String>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        match all {
            Ok(all) => self.review(all, flush, &messages, now).await,
            Err(error) => {
                tracing::error!(error = chain(&error), "what waits could not be read");
                if carried.is_empty() {
                    // The next minute looks again, and a flush that fails comes again.
                    return if flush { messages } else { BTreeSet::new() };
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
    async fn watch(&self, up: Option<Vec<Other>>, now: Timestamp) {
        let watch = Watch {
            config: &self.config,
            clients: &self.clients,
            http: &self.http,
            ledger: self.ledger(),
        };
        Box::pin(watch.heartbeat(now)).await;
        Box::pin(watch.daily(now)).await;
        if !watch.is_weekly(now).await {
            return;
        }
        let week = Week {
            environment: self.config.environment.clone(),
            now,
            zone: self.config.zone.clone(),
            probes: Box::pin(watch.week(now)).await,
            up,
            dashboard: self.dashboard(),
        };
        let mail = write_week(&week, self.config.language);
        let topic = &self.config.notifications_topic;
        let environment = &self.config.environment;
        match publish_week(&self.clients.sns, topic, &mail, environment).await {
            Ok(message) => tracing::info!(message, subject = mail.subject, "published"),
            Err(error) => tracing::error!(error = chain(&error), "the weekly mail was not taken"),
        }
    }

    fn dashboard(&self) -> Option<String> {
        let name = self.config.dashboard.as_ref()?;
        Some(links::dashboard(name, &self.config.region))
    }

    /// Tells what there is to tell of all alarms.
    async fn review(
        &self,
        all: Vec<Stored>,
        flush: bool,
        messages: &BTreeSet<String>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let patience = self.config.window + LEFT_BEHIND;
        let mut tell = Vec::new();
        let mut quiet = Vec::new();
        for stored in &all {
            let since = stored.memory.pending;
            let young = since.is_some_and(|since| now.duration_since(since) < duration(patience));
            if young && !flush {
                continue;
            }
            let decision = stored.memory.decide(&self.config.rules, now);
            if !decision.news.is_empty() {
                tell.push(Told::decided(stored.clone(), decision, messages.clone()));
            } else if since.is_some() {
                quiet.push((decision.after, stored.revision));
            }
        }
        // An alarm that was deleted never says OK, and an OK can get lost: ask before reminding.
        let reminding = |told: &Told| {
            told.memory.alert.state == State::Alarm && !told.news.contains(&News::Changed)
        };
        let names = tell.iter().filter(|told| reminding(told)).map(|told| &told.memory.alert);
        let current = current::ask(&self.clients.cloudwatch, names).await;
        tell.retain(|told| {
            let revision = told.after.as_ref().map_or(0, |(_, revision)| *revision);
            match current::correct(&told.memory, &current, now) {
                Some(corrected) if reminding(told) => {
                    quiet.push((corrected, revision));
                    false
                }
                _ => true,
            }
        });
        self.store(quiet, now).await;
        if tell.is_empty() { BTreeSet::new() } else { self.tell(tell, Some(&all), now).await }
    }

    /// Publishes one notification per topic and stores that it was; returns the messages of what
    /// could not be published. `all` are the memories, where they were read already.
    async fn tell(
        &self,
        tell: Vec<Told>,
        all: Option<&[Stored]>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let others = match all {
            Some(all) => Some(all.to_vec()),
            None if tell.iter().all(|told| told.after.is_none()) => None,
            None => self.ledger().all().await.ok(),
        };
        let mut topics: BTreeMap<&str, Vec<(News, usize)>> = BTreeMap::new();
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
        let told = tell.iter().enumerate().filter(|(index, _)| !failed.contains(index));
        let after = told.filter_map(|(_, told)| told.after.clone()).collect();
        self.store(after, now).await;
        failed.iter().flat_map(|index| tell[*index].messages.clone()).collect()
    }

    fn topic(&self, news: News, severity: Severity) -> &str {
        match (news, &self.config.escalation_topic, severity) {
            (News::Escalation, Some(topic), _) => topic,
            (_, _, Severity::Page) => &self.config.notifications_topic,
            (_, _, Severity::Ticket) => &self.config.tickets_topic,
        }
    }

    async fn publish(
        &self,
        topic: &str,
        list: &[(News, usize)],
        tell: &[Told],
        all: Option<&[Stored]>,
        now: Timestamp,
    ) -> Result<(), crate::send::Unpublished> {
        let mut list: Vec<(News, &Memory)> =
            list.iter().map(|(news, index)| (*news, &tell[*index].memory)).collect();
        list.sort_by_key(|(_, memory)| gravity(&memory.alert, memory.severity));
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
        tracing::info!(topic, message, subject = mail.subject, alarms = items.len(), "published");
        for test in items.iter().filter_map(|item| item.alert().test.as_deref()) {
            self.ledger().note_test(test, &message, now).await;
        }
        Ok(())
    }

    /// One alarm gets all its evidence; of a list the first ones get their reports.
    async fn items(&self, list: &[(News, &Memory)], now: Timestamp) -> Vec<Item> {
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
            Item { news: *news, memory: (*memory).clone(), report, figures }
        }))
        .await
    }

    /// A memory that can't be stored says that it was not told: the mail comes twice, at worst.
    async fn store(&self, memories: Vec<(Memory, u64)>, now: Timestamp) {
        stream::iter(memories)
            .for_each_concurrent(AT_ONCE, async |(memory, revision)| {
                if let Err(error) = self.ledger().put(&memory, revision, now).await {
                    tracing::warn!(error = chain(&error), "what was told could not be stored");
                }
            })
            .await;
    }
}

/// Alarms that are up besides those that are told.
fn others(all: &[Stored], told: &BTreeSet<&str>) -> Vec<Other> {
    let up = all.iter().map(|stored| &stored.memory).filter(|memory| {
        let alert = &memory.alert;
        alert.state == State::Alarm
            && alert.test.is_none()
            && alert.subject != domain::alert::Subject::Unreadable
            && !told.contains(&*alert.key)
    });
    let mut up: Vec<&Memory> = up.collect();
    up.sort_by_key(|memory| gravity(&memory.alert, memory.severity));
    up.into_iter()
        .map(|memory| Other {
            alert: memory.alert.clone(),
            since: memory.trouble.map_or(memory.alert.changed, |trouble| trouble.since),
        })
        .collect()
}

fn duration(time: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX)
}

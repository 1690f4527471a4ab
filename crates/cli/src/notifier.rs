//! Notifies people about the alarms of `vigie serve`: the decisions of [`notify`], mails by SMTP, records in the
//! history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alarm_model::StateValue;
use anyhow::Context as _;
use domain::{AlarmKind, AlarmName, EnvironmentName, Probe, Severity, Verdict};
use history::{Reader, RunRecord};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use notify::mail::write;
use notify::notification::{Item, Notification, ProbeMetrics, Runs, Window};
use notify::reconcile::{Delivery, Facts, Outgoing, Records, Trigger, begin, reconcile, settle};
use notify::record::{Fact, FlappingRules};
use notify::rules::Rules;
use notify::selection::{other_alarms, own_alarms};
use notify::sent::Outcome;
use notify::{AlarmRecord, Alert, Language, NotificationKind, Source, State, Subject, Zone};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use crate::alarms::Transition;
use crate::exporter::Exporter;
use crate::mail::{Mailer, Recipients};
use crate::recorder::{Message, Recorder};

/// Time between two checks for reminders and retries.
const TICK: Duration = Duration::from_secs(15);

/// The receivers, as the records name them.
const PAGE: &str = "page";
const TICKETS: &str = "tickets";
const ESCALATION: &str = "escalation";

/// Steps of the line of availability in a mail.
const LINE_STEPS: u32 = 24;

/// What the notifier needs.
pub(crate) struct Notifier {
    pub(crate) mailer: Mailer,
    pub(crate) environment: EnvironmentName,
    pub(crate) language: Language,
    /// The address of the status page.
    pub(crate) address: String,
    pub(crate) remind_every: Option<Duration>,
    pub(crate) escalate_after: Option<Duration>,
    pub(crate) exporter: Arc<Exporter>,
    pub(crate) recorder: Recorder,
    pub(crate) reader: Mutex<Reader>,
}

/// The records, and the state of each alarm.
struct Memory {
    records: Records,
    states: BTreeMap<String, Alert>,
}

impl Notifier {
    /// Works until `stopped`.
    pub(crate) async fn run(
        self,
        mut transitions: mpsc::UnboundedReceiver<Transition>,
        mut stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let mut memory = self.restored()?;
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                transition = transitions.recv() => {
                    let Some(transition) = transition else { return Ok(()) };
                    self.observe(&mut memory, &transition);
                    // Changes of one evaluation are sent together.
                    while let Ok(transition) = transitions.try_recv() {
                        self.observe(&mut memory, &transition);
                    }
                }
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            }
            self.notify(&mut memory, Timestamp::now()).await;
        }
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn restored(&self) -> anyhow::Result<Memory> {
        let mut memory = Memory { records: Records::new(), states: BTreeMap::new() };
        for (key, text) in self.reader().alarms()? {
            let record: AlarmRecord = serde_json::from_str(&text)
                .with_context(|| format!("could not read the record of alarm `{key}`"))?;
            memory.states.insert(key.clone(), record.alert.clone());
            memory.records.insert(key, record);
        }
        Ok(memory)
    }

    fn observe(&self, memory: &mut Memory, transition: &Transition) {
        let Some(probe) = self.exporter.probes().get(&transition.probe).cloned() else { return };
        let alert = self.alert(&probe, transition);
        let severity = severity(&alert);
        let before = memory.records.get(&alert.key);
        let record = AlarmRecord::observe(before, &alert, severity, Duration::ZERO, transition.at);
        if let Some(record) = record {
            memory.records.insert(alert.key.clone(), record);
        }
        memory.states.insert(alert.key.clone(), alert);
    }

    fn alert(&self, probe: &Probe, transition: &Transition) -> Alert {
        let environment = self.environment.clone();
        let name = AlarmName { environment, probe: probe.name.clone(), kind: transition.kind };
        let name = name.to_string();
        let rule = match transition.kind {
            AlarmKind::Down => probe.alarm.down,
            AlarmKind::Degraded => probe.alarm.degraded,
        };
        let severity = match transition.kind {
            AlarmKind::Down => probe.alarm.severity,
            AlarmKind::Degraded => Severity::Ticket,
        };
        Alert {
            key: name.clone(),
            subject: Subject::of_alarm(&name, &self.environment),
            name,
            source: Source::CloudWatch,
            state: state(transition.to),
            previous: Some(state(transition.from)),
            changed: transition.at,
            reported: transition.at,
            reason: transition.reason.clone(),
            description: String::new(),
            labels: probe.labels.clone(),
            severity: Some(severity),
            runbook: probe.runbook.clone(),
            link: Some(format!("{}/probes/{}", self.address, probe.name)),
            looks_back_seconds: Some(u64::from(rule.n()).saturating_mul(probe.every.as_secs())),
            test: None,
        }
    }

    /// Compares the states with what was sent, and sends the difference.
    async fn notify(&self, memory: &mut Memory, now: Timestamp) {
        let before = memory.records.clone();
        let facts = self.facts(memory);
        let rules = self.rules();
        let records = &mut memory.records;
        let outgoing = reconcile(records, &facts, &rules, severity, Trigger::Flush, now);
        if !outgoing.is_empty() {
            begin(records, &outgoing, now);
            self.save(&before, records).await;
        }
        let stored = records.clone();
        let mut deliveries = Vec::new();
        for outgoing in &outgoing {
            let outcome = self.send(outgoing, records, &facts, now).await;
            deliveries.extend(outgoing.items.iter().map(|(key, _)| Delivery {
                receiver: outgoing.receiver.clone(),
                key: key.clone(),
                outcome,
            }));
        }
        settle(records, &deliveries, now);
        let before = if outgoing.is_empty() { before } else { stored };
        self.save(&before, records).await;
    }

    /// The states of all alarms. One whose probe was removed is absent.
    fn facts(&self, memory: &Memory) -> Facts {
        let probes = self.exporter.probes();
        let mut facts = Facts { listed: Some(Vec::new()), ..Facts::default() };
        for (key, alert) in &memory.states {
            let exists = alert.subject.probe().is_some_and(|name| probes.contains_key(name));
            let fact = if exists {
                let (state, since, reason) = (alert.state, alert.changed, alert.reason.clone());
                Fact::Is { state, since, reason }
            } else {
                Fact::Absent
            };
            facts.alarms.insert(key.clone(), fact);
        }
        facts
    }

    fn rules(&self) -> Rules {
        let receiver = |name: &str| vec![name.to_owned()];
        Rules {
            page: receiver(PAGE),
            ticket: receiver(TICKETS),
            escalation: self.escalate_after.map(|_| ESCALATION.to_owned()).into_iter().collect(),
            trackers: BTreeSet::new(),
            remind_every: self.remind_every,
            escalate_after: self.escalate_after,
            flapping: FlappingRules::default(),
            lease: Duration::ZERO,
            window: Duration::ZERO,
        }
    }

    /// Stores the records that differ, and waits until they are stored.
    async fn save(&self, before: &Records, after: &Records) {
        let changed = after.iter().filter(|(key, record)| before.get(*key) != Some(record));
        let encoded = changed
            .filter_map(|(key, record)| Some((key.clone(), serde_json::to_string(record).ok()?)));
        let encoded: Vec<(String, String)> = encoded.collect();
        if encoded.is_empty() {
            return;
        }
        let (stored, is_stored) = oneshot::channel();
        self.recorder.send(Message::AlarmRecords(encoded, stored));
        // An error means that the queue of the recorder is full: the notification is sent anyway.
        let _ = is_stored.await;
    }

    async fn send(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Outcome {
        let notification = self.notification(outgoing, records, facts, now);
        let mail = write(&notification, self.language);
        let to = match outgoing.receiver.as_str() {
            ESCALATION => Recipients::Escalation,
            TICKETS => Recipients::Tickets,
            _ => Recipients::Page,
        };
        match self.mailer.send(to, &mail).await {
            Ok(()) => {
                info!(receiver = outgoing.receiver, subject = mail.subject, "Mail sent");
                Outcome::Accepted
            }
            Err(failed) => {
                let uncertain = failed.is_uncertain();
                let cause = format!("{:#}", anyhow::Error::new(failed));
                error!(receiver = outgoing.receiver, error = cause, "Mail was not sent");
                if uncertain { Outcome::Unknown } else { Outcome::Rejected }
            }
        }
    }

    fn notification(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Notification {
        let list = own_alarms(outgoing, records);
        Notification {
            environment: self.environment.clone(),
            now,
            zone: Zone { name: "UTC".to_owned(), rules: TimeZone::UTC },
            items: list.into_iter().map(|(kind, record)| self.item(kind, record, now)).collect(),
            others: other_alarms(Some(outgoing), records, facts),
            dashboard: Some(format!("{}/", self.address)),
            region: "vigie serve".to_owned(),
            bucket: String::new(),
            status_page: Some(self.address.clone()),
        }
    }

    fn item(&self, kind: NotificationKind, record: &AlarmRecord, now: Timestamp) -> Item {
        let probe = record.alert.subject.probe();
        let report = probe.and_then(|name| self.exporter.latest().get(name).cloned());
        // A report of an earlier time, or of a passing run, does not describe the incident.
        let began = record.incident.map(|incident| incident.began);
        let report = report.filter(|report| {
            record.is_open()
                && report.outcome.verdict() != Some(Verdict::Up)
                && began.is_some_and(|began| began <= report.due)
        });
        Item {
            kind,
            alert: record.alert.clone(),
            severity: record.severity,
            incident: record.incident,
            closure: record.closure,
            acknowledged: record.acknowledged.clone(),
            report: report.map(|report| (*report).clone()),
            metrics: self.metrics(record, now),
        }
    }

    /// The hour before the incident and the time since; `None` if the history cannot be read.
    fn metrics(&self, record: &AlarmRecord, now: Timestamp) -> Option<ProbeMetrics> {
        let probe = record.alert.subject.probe()?;
        let began = record.incident.map_or(record.alert.changed, |incident| incident.began);
        let end = if record.is_open() { now } else { record.alert.changed };
        let hour = Duration::from_secs(3_600);
        let first = began.checked_sub(hour).unwrap_or(began);
        let runs = match self.reader().runs(probe, first, end) {
            Ok(runs) => runs,
            Err(failed) => {
                let cause = format!("{:#}", anyhow::Error::new(failed));
                warn!(error = cause, "The history could not be read");
                return None;
            }
        };
        let split = runs.partition_point(|run| run.due < began);
        let (before, during) = runs.split_at(split);
        let whole = Duration::try_from(end.duration_since(first)).unwrap_or(hour);
        let step = (whole / LINE_STEPS).max(Duration::from_secs(60));
        let line = (0..LINE_STEPS).map(|index| {
            let from = first.saturating_add(step * index).unwrap_or(end);
            let until = from.saturating_add(step).unwrap_or(end);
            let part = runs.iter().filter(|run| from <= run.due && run.due < until);
            counts(part).map(Runs::availability)
        });
        Some(ProbeMetrics {
            before: window(before),
            during: window(during),
            line: line.collect(),
            step,
        })
    }
}

fn window(runs: &[RunRecord]) -> Window {
    let mut times: Vec<Duration> = runs.iter().filter_map(|run| run.first_chunk).collect();
    times.sort_unstable();
    let rank = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map(Duration::as_secs_f64)
    };
    Window { runs: counts(runs.iter()), first_chunk_p50: rank(50), first_chunk_p95: rank(95) }
}

fn counts<'a>(runs: impl Iterator<Item = &'a RunRecord>) -> Option<Runs> {
    let (mut passed, mut total) = (0, 0);
    for verdict in runs.filter_map(|run| run.outcome.verdict()) {
        total += 1;
        passed += u64::from(verdict != Verdict::Down);
    }
    (total > 0).then_some(Runs { passed, total })
}

fn severity(alert: &Alert) -> Severity {
    alert.severity.unwrap_or(Severity::Page)
}

fn state(value: StateValue) -> State {
    match value {
        StateValue::Ok => State::Ok,
        StateValue::Alarm => State::Alarm,
        StateValue::InsufficientData => State::InsufficientData,
    }
}

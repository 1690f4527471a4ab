//! Notifies people about the alarms of `vigie serve`: the decisions of [`notify`], records in the history.

mod channels;
mod evidence;
mod weekly;

use std::collections::BTreeMap;
use std::time::Duration;

use alarm_model::StateValue;
use anyhow::Context as _;
use domain::maintenance::is_maintenance;
use domain::{AlarmKind, AlarmName, Probe, Severity};
use futures_util::future::join_all;
use jiff::Timestamp;
use notify::notification::Notification;
use notify::reconcile::{
    Delivery, Facts, Outgoing, Records, Trigger, begin, reconcile, settle, severity_by,
};
use notify::record::Fact;
use notify::selection::{other_alarms, own_alarms};
use notify::{AlarmRecord, Alert, State, Subject, Zone};
use tokio::sync::{mpsc, oneshot, watch};

use crate::alarms::Transition;
use crate::recorder::{AlarmEvent, Message, Recorder};

pub(crate) use channels::Channels;
pub(crate) use evidence::Evidence;

/// Where the probes run, as mails name it.
const REGION: &str = "vigie serve";
/// Time between two checks for reminders and retries.
const TICK: Duration = Duration::from_secs(15);

/// What the notifier needs.
pub(crate) struct Notifier {
    pub(crate) channels: Channels,
    pub(crate) evidence: Evidence,
    pub(crate) zone: Zone,
    /// The address of the status page.
    pub(crate) address: String,
    /// Whether the weekly mail is sent.
    pub(crate) weekly: bool,
    pub(crate) recorder: Recorder,
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
        mut events: mpsc::UnboundedReceiver<AlarmEvent>,
        mut stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let mut memory = self.restored()?;
        let mut ticks = tokio::time::interval(TICK);
        loop {
            let before = memory.records.clone();
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { return Ok(()) };
                    self.take(&mut memory, event);
                    // Changes of one evaluation are sent together.
                    while let Ok(event) = events.try_recv() {
                        self.take(&mut memory, event);
                    }
                }
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            }
            let now = Timestamp::now();
            self.notify(&mut memory, before, now).await;
            self.send_weekly(&memory, now).await;
        }
    }

    fn take(&self, memory: &mut Memory, event: AlarmEvent) {
        match event {
            AlarmEvent::Changed(transition) => self.observe(memory, &transition),
            AlarmEvent::Acknowledged(probe, by) => {
                for record in memory.records.values_mut() {
                    if record.is_open() && record.alert.subject.probe() == Some(&probe) {
                        record.acknowledged = Some(by.clone());
                    }
                }
            }
        }
    }

    fn restored(&self) -> anyhow::Result<Memory> {
        let mut memory = Memory { records: Records::new(), states: BTreeMap::new() };
        for (key, text) in self.evidence.reader().alarms()? {
            let record: AlarmRecord = serde_json::from_str(&text)
                .with_context(|| format!("could not read the record of alarm `{key}`"))?;
            memory.states.insert(key.clone(), record.alert.clone());
            memory.records.insert(key, record);
        }
        Ok(memory)
    }

    fn severity(&self) -> impl Fn(&Alert) -> Severity {
        severity_by(&self.channels.routes, self.channels.environment.as_str())
    }

    fn observe(&self, memory: &mut Memory, transition: &Transition) {
        let Some(probe) = self.evidence.exporter.probes().get(&transition.probe).cloned() else {
            return;
        };
        let alert = self.alert(&probe, transition);
        let severity = self.severity()(&alert);
        let before = memory.records.get(&alert.key);
        let record = AlarmRecord::observe(before, &alert, severity, Duration::ZERO, transition.at);
        if let Some(record) = record {
            memory.records.insert(alert.key.clone(), record);
        }
        memory.states.insert(alert.key.clone(), alert);
    }

    fn alert(&self, probe: &Probe, transition: &Transition) -> Alert {
        let environment = self.channels.environment.clone();
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
        let subject = Subject::of_alarm(&name, &self.channels.environment);
        Alert {
            previous: Some(state(transition.from)),
            reason: transition.reason.clone(),
            labels: probe.labels.clone(),
            severity: Some(severity),
            runbook: probe.runbook.clone(),
            link: Some(format!("{}/probes/{}", self.address, probe.name)),
            looks_back_seconds: Some(u64::from(rule.n()).saturating_mul(probe.every.as_secs())),
            ..Alert::new(name, subject, state(transition.to), transition.at)
        }
    }

    /// Compares the states with what was sent, and sends the difference. `before`: the records that are stored.
    async fn notify(&self, memory: &mut Memory, before: Records, now: Timestamp) {
        let facts = self.facts(memory, now);
        let rules = self.channels.rules();
        let records = &mut memory.records;
        let outgoing = reconcile(records, &facts, &rules, self.severity(), Trigger::Flush, now);
        if !outgoing.is_empty() {
            begin(records, &outgoing, now);
            self.save(&before, records).await;
        }
        let stored = records.clone();
        // No receiver waits for another.
        let sent = outgoing.iter().map(|one| Box::pin(self.send(one, records, &facts, now)));
        let deliveries = join_all(sent).await.concat();
        settle(records, &deliveries, now);
        let before = if outgoing.is_empty() { before } else { stored };
        self.save(&before, records).await;
    }

    /// The states of all alarms. One whose probe was removed is absent, one in maintenance is muted.
    fn facts(&self, memory: &Memory, now: Timestamp) -> Facts {
        let probes = self.evidence.exporter.probes();
        let mut facts = Facts { listed: Some(Vec::new()), ..Facts::default() };
        for (key, alert) in &memory.states {
            let probe = alert.subject.probe().and_then(|name| probes.get(name));
            if probe.is_some_and(|probe| is_maintenance(&probe.maintenance, now)) {
                facts.muted.insert(key.clone());
            }
            let fact = if probe.is_some() {
                let (state, since, reason) = (alert.state, alert.changed, alert.reason.clone());
                Fact::Is { state, since, reason }
            } else {
                Fact::Absent
            };
            facts.alarms.insert(key.clone(), fact);
        }
        facts
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

    /// Sends one notification; the outcome for each alarm in it.
    async fn send(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Vec<Delivery> {
        let notification = self.notification(outgoing, records, facts, now);
        let outcomes = self.channels.send(&outgoing.receiver, &notification).await;
        let keys = notification.items.into_iter().map(|item| item.alert.key);
        let receiver = &outgoing.receiver;
        keys.zip(outcomes)
            .map(|(key, outcome)| Delivery { receiver: receiver.clone(), key, outcome })
            .collect()
    }

    fn notification(
        &self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: Timestamp,
    ) -> Notification {
        let list = own_alarms(outgoing, records).into_iter();
        Notification {
            environment: self.channels.environment.clone(),
            now,
            zone: self.zone.clone(),
            items: list.map(|(kind, record)| self.evidence.item(kind, record, now)).collect(),
            others: other_alarms(Some(outgoing), records, facts),
            // `vigie serve` makes all runs at one location.
            seen_from: Vec::new(),
            dashboard: Some(format!("{}/", self.address)),
            region: REGION.to_owned(),
            bucket: String::new(),
            status_page: Some(self.address.clone()),
        }
    }
}

fn state(value: StateValue) -> State {
    match value {
        StateValue::Ok => State::Ok,
        StateValue::Alarm => State::Alarm,
        StateValue::InsufficientData => State::InsufficientData,
    }
}

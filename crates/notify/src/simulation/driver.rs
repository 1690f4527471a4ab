//! Plays a history: the real decision code with fakes of CloudWatch, SNS, SQS and DynamoDB around it, in the order of
//! the function's own steps (`functions/alerts`: `intake` and `delivery`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::checks::Checks;
use super::random::Random;
use super::world::{Kind, MINUTE, Part, Truth, World, time};
use crate::alert::{Alert, State};
use crate::cache::RecordCache;
use crate::incident::Acknowledgement;
use crate::reconcile::{Facts, Records, Rules, Trigger, delivered, is_due, open_alarms, reconcile};
use crate::record::{AlarmRecord, Fact, FlappingRules};

const WINDOW: i64 = 30;
const LOCK: i64 = 65;

#[derive(Clone, Debug)]
enum Step {
    Tick,
    Transition { alarm: usize, index: usize },
    Send { alarm: usize, index: usize },
    Deliver(Box<Alert>),
    Flush(Vec<Alert>),
    Acknowledge { alarm: usize },
}

pub(super) struct Driver<'a> {
    world: &'a World,
    random: Random,
    rules: Rules,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    steps: BTreeMap<u64, Step>,
    sequence: u64,
    stored: BTreeMap<String, (AlarmRecord, u64)>,
    lock_until: i64,
    flush_claimed_until: i64,
    environments: [RecordCache; 2],
    busy_until: i64,
    pub(super) checks: Checks,
}

impl<'a> Driver<'a> {
    pub(super) fn new(world: &'a World, random: Random) -> Self {
        let rules = Rules {
            page: vec!["notifications".to_owned()],
            ticket: vec!["tickets".to_owned()],
            escalation: vec!["escalation".to_owned()],
            remind_every: Some(Duration::from_secs(4 * 3_600)),
            escalate_after: Some(Duration::from_secs(2 * 3_600)),
            flapping: FlappingRules::default(),
            lease: Duration::from_secs(u64::try_from(world.repeat * 2).unwrap_or(0)),
            window: Duration::from_secs(30),
        };
        let mut driver = Self {
            world,
            random,
            rules,
            queue: BinaryHeap::new(),
            steps: BTreeMap::new(),
            sequence: 0,
            stored: BTreeMap::new(),
            lock_until: 0,
            flush_claimed_until: 0,
            environments: [RecordCache::default(), RecordCache::default()],
            busy_until: 0,
            checks: Checks::new(world),
        };
        for (alarm, one) in world.alarms.iter().enumerate() {
            for (index, (at, _)) in one.transitions.iter().enumerate() {
                driver.push(*at, Step::Transition { alarm, index });
            }
            for (index, report) in one.reports.iter().enumerate() {
                driver.push(report.at, Step::Send { alarm, index });
            }
        }
        driver.push(MINUTE, Step::Tick);
        driver
    }

    fn push(&mut self, at: i64, step: Step) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence)));
        self.steps.insert(self.sequence, step);
    }

    pub(super) fn play(mut self) -> Checks {
        while let Some(Reverse((now, sequence))) = self.queue.pop() {
            if self.world.end < now || self.checks.violation.is_some() {
                break;
            }
            let Some(step) = self.steps.remove(&sequence) else { continue };
            self.step(step, now);
        }
        self.checks
    }

    fn step(&mut self, step: Step, now: i64) {
        let environment = usize::from(self.random.percent(20));
        match step {
            Step::Tick => {
                let faulty = self
                    .world
                    .faults
                    .iter()
                    .any(|(_, from, to)| (*from - 600..*to + 1_200).contains(&now));
                let busy = faulty || now < self.busy_until;
                self.push(now + MINUTE, Step::Tick);
                // While nothing happens every fifth minute is enough, to save time.
                let played = busy || now.div_euclid(MINUTE) % 5 == 0;
                if played && !self.world.fails(Part::Scheduler, now) {
                    let delay = i64::from(self.random.percent(20)) * self.random.between(0, 20);
                    self.invoke(Trigger::Tick, Vec::new(), environment, now + delay);
                    self.checks.settled(self.world, &self.stored, now + delay);
                }
            }
            Step::Transition { alarm, index } => self.transition(alarm, index, now),
            Step::Send { alarm, index } => {
                let report = self.world.alarms[alarm].reports[index];
                let alert = self.world.alarms[alarm].report(report);
                self.send(&alert, now);
            }
            Step::Deliver(alert) => self.take(*alert, environment, now),
            Step::Flush(carried) => {
                self.invoke(Trigger::Flush, carried, environment, now);
            }
            Step::Acknowledge { alarm } => self.acknowledge(alarm, now),
        }
    }

    fn transition(&mut self, alarm: usize, index: usize, now: i64) {
        self.busy_until = now + 40 * MINUTE;
        let one = &self.world.alarms[alarm];
        let (_, truth) = one.transitions[index];
        self.checks.log(now, &format!("truth alarm-{alarm} {truth:?}"));
        let previous = index.checked_sub(1).map(|index| one.transitions[index].1);
        // No event: a deletion, the first state of a new alarm, and a muted alarm.
        let created = previous.is_none_or(|previous| previous == Truth::Deleted);
        if truth == Truth::Alarm && self.random.percent(20) {
            let at = now + self.random.between(5, 300) * MINUTE;
            self.push(at, Step::Acknowledge { alarm });
        }
        if truth == Truth::Deleted || created || one.is_muted(now) {
            return;
        }
        let alert = one.alert(truth, previous, now);
        self.send(&alert, now);
    }

    /// An event on its way: lost, doubled, late, overtaken.
    fn send(&mut self, alert: &Alert, now: i64) {
        self.busy_until = self.busy_until.max(now + 40 * MINUTE);
        if self.random.percent(7) {
            return;
        }
        let copies = if self.random.percent(8) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = match self.random.between(0, 99) {
                0..85 => self.random.between(0, 3),
                85..95 => self.random.between(3, 90),
                _ => self.random.between(90, 900),
            };
            self.push(now + delay, Step::Deliver(Box::new(alert.clone())));
        }
    }

    fn acknowledge(&mut self, alarm: usize, now: i64) {
        let by = Acknowledgement { by: "ada".to_owned(), at: time(now) };
        if let Some((record, revision)) = self.stored.get_mut(self.world.alarms[alarm].key())
            && record.is_open()
            && !self.world.fails(Part::StoreWrite, now)
        {
            record.acknowledged = Some(by);
            *revision += 1;
            self.checks.log(now, &format!("acknowledge alarm-{alarm}"));
        }
    }

    fn store_works(&self, now: i64) -> bool {
        !self.world.fails(Part::StoreRead, now) && !self.world.fails(Part::StoreWrite, now)
    }

    /// As `intake` does.
    fn take(&mut self, alert: Alert, environment: usize, now: i64) {
        self.checks.delivered_event(self.world, &alert, now);
        let severity = alert.severity.unwrap_or(domain::Severity::Page);
        let lease = self.rules.lease;
        let at = time(now);
        let failing = self.environments[environment].store_is_failing() || !self.store_works(now);
        if failing {
            let cache = &mut self.environments[environment];
            cache.store_failed(at);
            if let Some(record) =
                AlarmRecord::observe(cache.get(&alert.key), &alert, severity, lease, at)
            {
                cache.keep(record, false);
            }
            if cache.may_send_at_once(at) {
                self.invoke(Trigger::Flush, vec![alert], environment, now);
            }
            return;
        }
        let before = self.stored.get(&alert.key).map(|(record, _)| record);
        let waits = match AlarmRecord::observe(before, &alert, severity, lease, at) {
            Some(record) => {
                let waits = record.waiting_since.is_some();
                let revision = self.stored.get(&alert.key).map_or(0, |(_, revision)| *revision);
                self.stored.insert(alert.key.clone(), (record, revision + 1));
                waits
            }
            None => before.is_some_and(|record| record.waiting_since.is_some()),
        };
        if !waits {
            return;
        }
        if now < self.flush_claimed_until {
            return;
        }
        self.flush_claimed_until = now + WINDOW * 3 / 4;
        if self.world.fails(Part::Queue, now) {
            self.invoke(Trigger::Flush, vec![alert], environment, now);
        } else if !self.random.percent(2) {
            self.push(now + WINDOW, Step::Flush(vec![alert]));
        }
    }

    /// As `delivery` does.
    fn invoke(&mut self, trigger: Trigger, carried: Vec<Alert>, environment: usize, now: i64) {
        let at = time(now);
        if self.world.fails(Part::StoreWrite, now) {
            self.environments[environment].store_failed(at);
        } else if now < self.lock_until {
            if trigger == Trigger::Flush && !self.world.fails(Part::Queue, now) {
                self.push(now + WINDOW, Step::Flush(carried));
            }
            return;
        } else {
            self.lock_until = now + LOCK;
        }
        let crashed = self.reconcile(trigger, carried, environment, now);
        if !crashed && !self.world.fails(Part::StoreWrite, now) {
            self.lock_until = 0;
        }
    }

    fn reconcile(
        &mut self,
        trigger: Trigger,
        carried: Vec<Alert>,
        environment: usize,
        now: i64,
    ) -> bool {
        let at = time(now);
        let cache = &self.environments[environment];
        let third = now.div_euclid(MINUTE) % 3 == 0;
        if trigger == Trigger::Tick
            && !third
            && !cache.query_failed()
            && !cache.has_unsaved()
            && !cache.store_is_failing()
            && !is_due(self.stored.values().map(|(record, _)| record), &self.rules, at)
        {
            // What the code below would find out after copying every record.
            return false;
        }
        let read = !self.world.fails(Part::StoreRead, now);
        let revisions: BTreeMap<String, u64> =
            self.stored.iter().map(|(key, (_, revision))| (key.clone(), *revision)).collect();
        let stored: Option<Records> = read
            .then(|| self.stored.iter().map(|(key, (r, _))| (key.clone(), r.clone())).collect());
        let before = stored.clone().unwrap_or_default();
        let stored_count = stored.as_ref().map(BTreeMap::len);
        let mut records = self.environments[environment].load(stored, at);
        for alert in carried {
            let severity = alert.severity.unwrap_or(domain::Severity::Page);
            let before = records.get(&alert.key);
            if let Some(record) =
                AlarmRecord::observe(before, &alert, severity, self.rules.lease, at)
            {
                self.environments[environment].keep(record.clone(), false);
                records.insert(alert.key, record);
            }
        }
        let queries = trigger == Trigger::Flush
            || third
            || self.environments[environment].query_failed()
            || is_due(records.values(), &self.rules, at);
        if !queries {
            return false;
        }
        let facts = self.facts(&records, now);
        let read = stored_count.is_some();
        self.checks.log(now, &format!("{trigger:?} in {environment}, table read: {read}"));
        self.environments[environment].note_query(facts.listed.is_some());
        let severity = |alert: &Alert| alert.severity.unwrap_or(domain::Severity::Page);
        let outgoing = reconcile(&mut records, &facts, &self.rules, severity, trigger, at);
        if self.random.per_mille(20) {
            self.interleave(environment, now);
        }
        let unsaved = self.environments[environment].has_unsaved();
        if self.random.per_mille(3) && !outgoing.is_empty() && !unsaved {
            // The invocation is killed before it sends anything.
            self.checks.log(now, "crash");
            self.environments[environment] = RecordCache::default();
            self.checks.store_fault(now);
            self.busy_until = self.busy_until.max(now + 10 * MINUTE);
            return true;
        }
        let mut results = Vec::new();
        for outgoing in outgoing {
            if !self.environments[environment].may_send(&outgoing.receiver, at) {
                continue;
            }
            let part = match outgoing.receiver.as_str() {
                "notifications" => Part::Notifications,
                "tickets" => Part::Tickets,
                _ => Part::Escalation,
            };
            let sent = !self.world.fails(part, now);
            if sent {
                let keys = outgoing.items.iter().map(|(key, _)| key.as_str()).collect();
                let others = open_alarms(&records, &facts, &keys);
                self.checks.message(self.world, &outgoing, &records, others.as_deref(), now);
                self.busy_until = self.busy_until.max(now + 5 * MINUTE);
            }
            results.push((outgoing, sent));
        }
        delivered(&mut records, &results, at);
        self.save(&before, &records, &revisions, environment, now);
        false
    }

    /// Another environment records an event while this one sends.
    fn interleave(&mut self, environment: usize, now: i64) {
        let next = self
            .steps
            .iter()
            .find_map(|(sequence, step)| matches!(step, Step::Deliver(_)).then_some(*sequence));
        if let Some(sequence) = next
            && self.queue.iter().any(|Reverse((at, one))| *one == sequence && *at <= now + 5)
            && self.store_works(now)
            && let Some(Step::Deliver(alert)) = self.steps.remove(&sequence)
        {
            self.take(*alert, 1 - environment, now);
        }
    }

    fn save(
        &mut self,
        before: &Records,
        records: &Records,
        revisions: &BTreeMap<String, u64>,
        environment: usize,
        now: i64,
    ) {
        let works = !self.world.fails(Part::StoreWrite, now);
        for (key, record) in records {
            if before.get(key) == Some(record) && !self.environments[environment].is_unsaved(key) {
                continue;
            }
            if works {
                let over = revisions.get(key).copied().unwrap_or(0);
                let stored = self.stored.remove(key);
                let revision = stored.as_ref().map_or(0, |(_, revision)| *revision);
                let record = match stored {
                    Some((stored, revision)) if revision != over => record.clone().merged(stored),
                    _ => record.clone(),
                };
                self.stored.insert(key.clone(), (record, revision + 1));
            } else {
                self.checks.store_fault(now);
                self.environments[environment].store_failed(time(now));
            }
            self.environments[environment].keep(record.clone(), works);
        }
    }

    /// As CloudWatch answers: now and then from a copy that is some seconds old.
    fn facts(&mut self, records: &Records, now: i64) -> Facts {
        let mut facts = Facts::default();
        if self.world.fails(Part::Query, now) {
            return facts;
        }
        let seen = if self.random.percent(3) { now - self.random.between(1, 20) } else { now };
        let mut listed = Vec::new();
        for alarm in self.world.alarms.iter().filter(|alarm| alarm.kind != Kind::Alertmanager) {
            let (truth, since) = alarm.truth(seen);
            let exists = truth != Truth::Deleted && alarm.transitions[0].0 <= seen;
            if alarm.is_muted(now) {
                facts.muted.insert(alarm.key().to_owned());
            }
            if exists {
                let alert = alarm.alert(truth, None, since);
                let reason = String::new();
                let fact = Fact::Is { state: alert.state, since: time(since), reason };
                facts.alarms.insert(alarm.key().to_owned(), fact);
                if alert.state != State::Ok {
                    listed.push(alert);
                }
            } else if records.contains_key(alarm.key()) {
                facts.alarms.insert(alarm.key().to_owned(), Fact::Absent);
            }
        }
        facts.listed = Some(listed);
        facts
    }
}

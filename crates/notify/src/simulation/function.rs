//! The function `alerts` with fakes of CloudWatch, SNS, SQS and DynamoDB: the real decision code in the order of the
//! function's own steps (`functions/alerts`: `intake`, `delivery` and `storage`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::driver::{Driver, Ended, LOCK, Step, VISIBILITY};
use super::world::{Kind, MINUTE, Part, Truth, time};
use crate::alert::{Alert, State};
use crate::reconcile::{
    Delivery, Facts, Outgoing, Records, Trigger, begin, is_due, open_alarms, reconcile, settle,
};
use crate::record::{AlarmRecord, Fact};
use crate::sent::Outcome;

const WINDOW: i64 = 30;
const RESTORE_AFTER: i64 = 60;

/// The records of one reconciliation.
struct Work {
    before: BTreeMap<String, Rc<AlarmRecord>>,
    revisions: BTreeMap<String, u64>,
    records: Records,
}

fn severity(alert: &Alert) -> domain::Severity {
    alert.severity.unwrap_or(domain::Severity::Page)
}

impl Driver<'_> {
    pub(super) fn store_works(&self, now: i64) -> bool {
        !self.world.fails(Part::StoreRead, now) && !self.world.fails(Part::StoreWrite, now)
    }

    /// Whether the process ends at this point. A process that holds what neither the table nor the queue took does not:
    /// nothing could be known about it afterwards.
    fn ends(&mut self, environment: usize, now: i64) -> bool {
        let ends = self.random.per_mille(5)
            && self.environments[environment].not_queued(time(now)).is_empty();
        if ends {
            self.checks.log(now, &format!("the process of environment {environment} ends"));
        }
        ends
    }

    /// As `intake` does.
    pub(super) fn take(&mut self, alert: Alert, environment: usize, now: i64) -> Result<(), Ended> {
        if self.ends(environment, now) {
            return Err(Ended);
        }
        if self.environments[environment].store_is_failing() || !self.store_works(now) {
            return self.take_without_store(alert, environment, now);
        }
        self.checks.delivered_event(self.world, &alert, now);
        let before = self.stored.get(&alert.key).map(|(record, _)| &**record);
        let waits = match self.observe(before, &alert, now) {
            Some(record) => {
                let waits = record.waiting_since.is_some();
                let revision = self.stored.get(&alert.key).map_or(0, |(_, revision)| *revision);
                self.stored.insert(alert.key.clone(), (Rc::new(record), revision + 1));
                waits
            }
            None => before.is_some_and(|record| record.waiting_since.is_some()),
        };
        if self.ends(environment, now) {
            return Err(Ended);
        }
        if !waits || now < self.flush_claimed_until {
            return Ok(());
        }
        self.flush_claimed_until = now + WINDOW * 3 / 4;
        if self.world.fails(Part::Queue, now) {
            return self.invoke(Trigger::Flush, vec![alert], environment, now);
        }
        if !self.random.percent(2) {
            self.push(now + WINDOW, Step::Flush(vec![alert]));
        }
        Ok(())
    }

    fn take_without_store(
        &mut self,
        alert: Alert,
        environment: usize,
        now: i64,
    ) -> Result<(), Ended> {
        let at = time(now);
        self.environments[environment].store_failed(at);
        let known = self.environments[environment].get(&alert.key).cloned();
        if let Some(record) = self.observe(known.as_ref(), &alert, now) {
            self.environments[environment].keep(record, false);
        }
        if self.queue_unsaved(environment, now) {
            self.checks.delivered_event(self.world, &alert, now);
        } else {
            self.push(now + VISIBILITY, Step::Deliver(Box::new(alert.clone())));
        }
        if self.environments[environment].may_send_at_once(at) {
            self.invoke(Trigger::Flush, vec![alert], environment, now)?;
        }
        Ok(())
    }

    fn observe(
        &self,
        before: Option<&AlarmRecord>,
        alert: &Alert,
        now: i64,
    ) -> Option<AlarmRecord> {
        AlarmRecord::observe(before, alert, severity(alert), self.rules.lease, time(now))
    }

    /// As `handler` does: one invocation at a time sends.
    pub(super) fn invoke(
        &mut self,
        trigger: Trigger,
        carried: Vec<Alert>,
        environment: usize,
        now: i64,
    ) -> Result<(), Ended> {
        if self.world.fails(Part::StoreWrite, now) {
            self.environments[environment].store_failed(time(now));
        } else if now < self.lock_until {
            self.environments[environment].store_written();
            if trigger == Trigger::Flush && !self.world.fails(Part::Queue, now) {
                self.push(now + WINDOW, Step::Flush(carried));
            }
            return Ok(());
        } else {
            self.lock_until = now + LOCK;
            self.environments[environment].store_written();
        }
        self.reconcile(trigger, carried, environment, now)?;
        if !self.world.fails(Part::StoreWrite, now) {
            self.lock_until = 0;
        }
        Ok(())
    }

    /// As `delivery` does.
    fn reconcile(
        &mut self,
        trigger: Trigger,
        carried: Vec<Alert>,
        environment: usize,
        now: i64,
    ) -> Result<(), Ended> {
        let at = time(now);
        let third = now.div_euclid(MINUTE) % 3 == 0;
        let cache = &self.environments[environment];
        if trigger == Trigger::Tick
            && !third
            && !cache.query_failed()
            && !cache.has_unsaved()
            && !cache.store_is_failing()
            && !is_due(self.stored.values().map(|(record, _)| &**record), &self.rules, at)
        {
            // What the code below would find out after copying every record.
            return Ok(());
        }
        let mut work = self.load(environment, now);
        for alert in carried {
            if let Some(record) = self.observe(work.records.get(&alert.key), &alert, now) {
                self.environments[environment].keep(record.clone(), false);
                work.records.insert(alert.key, record);
            }
        }
        let queries = trigger == Trigger::Flush
            || third
            || self.environments[environment].query_failed()
            || is_due(work.records.values(), &self.rules, at);
        if !queries {
            return Ok(());
        }
        let facts = self.facts(&work.records, now);
        self.checks.log(now, &format!("{trigger:?} in environment {environment}"));
        self.environments[environment].note_query(facts.listed.is_some());
        let mut outgoing = reconcile(&mut work.records, &facts, &self.rules, severity, trigger, at);
        if self.random.per_mille(20) {
            self.interleave(environment, now);
        }
        outgoing.retain(|one| self.environments[environment].may_send(&one.receiver, at));
        if !outgoing.is_empty() {
            begin(&mut work.records, &outgoing, at);
            for outgoing in &outgoing {
                self.checks.begun(self.world, outgoing);
            }
            self.save(&mut work, environment, now);
            self.queue_unsaved(environment, now);
            if self.ends(environment, now) {
                return Err(Ended);
            }
        }
        let mut deliveries = Vec::new();
        for outgoing in outgoing {
            let outcome = self.deliver(&outgoing, &work.records, &facts, now);
            if self.ends(environment, now) {
                return Err(Ended);
            }
            deliveries.extend(outgoing.items.into_iter().map(|(key, _)| {
                let receiver = outgoing.receiver.clone();
                Delivery { receiver, key, outcome }
            }));
        }
        settle(&mut work.records, &deliveries, at);
        self.save(&mut work, environment, now);
        self.queue_unsaved(environment, now);
        Ok(())
    }

    fn load(&mut self, environment: usize, now: i64) -> Work {
        let works = !self.world.fails(Part::StoreRead, now);
        let stored = || self.stored.iter().filter(|_| works);
        let records = works.then(|| {
            stored().map(|(key, (record, _))| (key.clone(), AlarmRecord::clone(record))).collect()
        });
        Work {
            before: stored().map(|(key, (record, _))| (key.clone(), Rc::clone(record))).collect(),
            revisions: stored().map(|(key, (_, revision))| (key.clone(), *revision)).collect(),
            records: self.environments[environment].load(records, time(now)),
        }
    }

    /// A receiver that fails sometimes does not answer, and sometimes only its answer is lost.
    fn deliver(
        &mut self,
        outgoing: &Outgoing,
        records: &Records,
        facts: &Facts,
        now: i64,
    ) -> Outcome {
        let part = match outgoing.receiver.as_str() {
            "notifications" => Part::Notifications,
            "tickets" => Part::Tickets,
            "tracker" => Part::Tracker,
            _ => Part::Escalation,
        };
        if self.world.fails(part, now) {
            return if self.random.percent(30) { Outcome::Unknown } else { Outcome::Rejected };
        }
        let keys = outgoing.items.iter().map(|(key, _)| key.as_str()).collect();
        let others = open_alarms(records, facts, &keys);
        self.checks.message(self.world, outgoing, records, others.as_deref(), now);
        self.busy_until = self.busy_until.max(now + 5 * MINUTE);
        if self.random.per_mille(5) {
            self.checks.answer_lost(self.world, outgoing);
            return Outcome::Unknown;
        }
        Outcome::Accepted
    }

    /// As `storage` does.
    fn save(&mut self, work: &mut Work, environment: usize, now: i64) {
        let works = !self.world.fails(Part::StoreWrite, now);
        for (key, record) in &work.records {
            let unsaved = self.environments[environment].is_unsaved(key);
            if work.before.get(key).map(|before| &**before) == Some(record) && !unsaved {
                continue;
            }
            if works {
                let over = work.revisions.get(key).copied().unwrap_or(0);
                let stored = self.stored.remove(key);
                let revision = stored.as_ref().map_or(0, |(_, revision)| *revision);
                let merged = match stored {
                    Some((stored, revision)) if revision != over => {
                        record.clone().merged(Rc::unwrap_or_clone(stored))
                    }
                    _ => {
                        work.revisions.insert(key.clone(), revision + 1);
                        record.clone()
                    }
                };
                self.stored.insert(key.clone(), (Rc::new(merged), revision + 1));
                work.before.insert(key.clone(), Rc::new(record.clone()));
            } else {
                self.checks.store_fault(now);
                self.environments[environment].store_failed(time(now));
            }
            self.environments[environment].keep(record.clone(), works);
        }
    }

    fn queue_unsaved(&mut self, environment: usize, now: i64) -> bool {
        let records = self.environments[environment].not_queued(time(now));
        if records.is_empty() {
            return true;
        }
        if self.world.fails(Part::Queue, now) {
            return false;
        }
        self.push(now + RESTORE_AFTER, Step::Restore(records.clone()));
        self.environments[environment].note_queued(records, time(now));
        true
    }

    /// Records return from the queue.
    pub(super) fn restore(
        &mut self,
        records: Vec<AlarmRecord>,
        environment: usize,
        now: i64,
    ) -> Result<(), Ended> {
        if self.ends(environment, now) {
            return Err(Ended);
        }
        self.busy_until = self.busy_until.max(now + 10 * MINUTE);
        let cache = &mut self.environments[environment];
        let taken: Vec<AlarmRecord> =
            records.iter().map(|record| cache.take_back(record.clone())).collect();
        for record in taken {
            if !self.store_works(now) {
                self.environments[environment].store_failed(time(now));
                break;
            }
            let (merged, revision) = match self.stored.remove(&record.alert.key) {
                Some((stored, revision)) => (record.merged(Rc::unwrap_or_clone(stored)), revision),
                None => (record, 0),
            };
            let stored = (Rc::new(merged.clone()), revision + 1);
            self.stored.insert(merged.alert.key.clone(), stored);
            self.environments[environment].keep(merged, true);
        }
        if !self.queue_unsaved(environment, now) {
            self.push(now + VISIBILITY, Step::Restore(records));
        }
        Ok(())
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
                let state = truth.state();
                let fact = Fact::Is { state, since: time(since), reason: String::new() };
                facts.alarms.insert(alarm.key().to_owned(), fact);
                if state != State::Ok {
                    listed.push(alarm.alert(truth, None, since));
                }
            } else if records.contains_key(alarm.key()) {
                facts.alarms.insert(alarm.key().to_owned(), Fact::Absent);
            }
        }
        facts.listed = Some(listed);
        facts
    }
}

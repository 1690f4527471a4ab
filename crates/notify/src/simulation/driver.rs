//! Runs a history: the steps of the world, and the messages in the queue.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;
use std::time::Duration;

use super::checks::Checks;
use super::random::Random;
use super::world::{MINUTE, Part, Truth, World, time};
use crate::alert::Alert;
use crate::cache::RecordCache;
use crate::incident::Acknowledgement;
use crate::reconcile::Trigger;
use crate::record::{AlarmRecord, FlappingRules};
use crate::rules::Rules;

/// A message is delivered again after this time if the process ended that received it.
pub(super) const VISIBILITY: i64 = 360;
/// An invocation that ended keeps its claim for this long.
pub(super) const LOCK: i64 = 65;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A minute of the schedule begins.
    Minute,
    Tick,
    Transition {
        alarm: usize,
        index: usize,
    },
    Send {
        alarm: usize,
        index: usize,
    },
    Deliver(Box<Alert>),
    Flush(Vec<Alert>),
    /// Records that the table did not store, returned by the queue.
    Restore(Vec<AlarmRecord>),
    Acknowledge {
        alarm: usize,
    },
}

/// The process ended while it handled a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended;

pub(super) struct Driver<'a> {
    pub(super) world: &'a World,
    pub(super) random: Random,
    pub(super) rules: Rules,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    steps: BTreeMap<u64, Step>,
    sequence: u64,
    /// The table: records with their revisions.
    pub(super) stored: BTreeMap<String, (Rc<AlarmRecord>, u64)>,
    pub(super) lock_until: i64,
    pub(super) flush_claimed_until: i64,
    pub(super) environments: [RecordCache; 2],
    pub(super) busy_until: i64,
    pub(super) checks: Checks,
}

impl<'a> Driver<'a> {
    pub(super) fn new(world: &'a World, random: Random) -> Self {
        let page = if world.has_tracker {
            vec!["notifications", "tracker"]
        } else {
            vec!["notifications"]
        };
        let rules = Rules {
            page: page.into_iter().map(str::to_owned).collect(),
            ticket: vec!["tickets".to_owned()],
            escalation: vec!["escalation".to_owned()],
            trackers: BTreeSet::from(["tracker".to_owned()]),
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
        driver.push(MINUTE, Step::Minute);
        driver
    }

    pub(super) fn push(&mut self, at: i64, step: Step) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence)));
        self.steps.insert(self.sequence, step);
    }

    pub(super) fn run(mut self) -> Checks {
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
        if self.random.per_mille(4)
            && self.environments[environment].not_queued(time(now)).is_empty()
        {
            self.checks.log(now, &format!("environment {environment} ends"));
            self.environments[environment] = RecordCache::default();
        }
        let handled = match step.clone() {
            Step::Minute => {
                self.minute(now);
                Ok(())
            }
            Step::Tick => {
                self.tick(environment, now);
                Ok(())
            }
            Step::Transition { alarm, index } => {
                self.transition(alarm, index, now);
                Ok(())
            }
            Step::Send { alarm, index } => {
                let report = self.world.alarms[alarm].reports[index];
                let alert = self.world.alarms[alarm].report(report);
                self.send(&alert, now);
                Ok(())
            }
            Step::Acknowledge { alarm } => {
                self.acknowledge(alarm, now);
                Ok(())
            }
            Step::Deliver(alert) => self.take(*alert, environment, now),
            Step::Flush(carried) => self.invoke(Trigger::Flush, carried, environment, now),
            Step::Restore(records) => self.restore(records, environment, now),
        };
        if let Err(Ended) = handled {
            self.end(environment, now, VISIBILITY);
            self.push(now + VISIBILITY, step);
        }
        self.checks.finished();
    }

    fn minute(&mut self, now: i64) {
        let near = |(_, from, to): &(Part, i64, i64)| (from - 600..to + 1_200).contains(&now);
        let busy = self.world.faults.iter().any(near) || now < self.busy_until;
        self.push(now + MINUTE, Step::Minute);
        // While nothing happens every fifth minute is enough, to save time.
        let is_invoked = busy || now.div_euclid(MINUTE) % 5 == 0;
        if is_invoked && !self.world.fails(Part::Scheduler, now) {
            let delay = i64::from(self.random.percent(20)) * self.random.between(0, 20);
            self.push(now + delay, Step::Tick);
        }
    }

    fn tick(&mut self, environment: usize, now: i64) {
        if self.invoke(Trigger::Tick, Vec::new(), environment, now).is_err() {
            self.end(environment, now, LOCK);
        }
        self.checks.settled(self.world, &self.stored, now);
    }

    /// The process ends; what it was doing is done again after `pause`.
    fn end(&mut self, environment: usize, now: i64, pause: i64) {
        self.checks.process_ended(now + pause);
        self.environments[environment] = RecordCache::default();
        self.busy_until = self.busy_until.max(now + 10 * MINUTE);
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
            Rc::make_mut(record).acknowledged = Some(by);
            *revision += 1;
            self.checks.log(now, &format!("acknowledge alarm-{alarm}"));
        }
    }

    /// Another environment records an event while this one sends.
    pub(super) fn interleave(&mut self, environment: usize, now: i64) {
        let next = self
            .steps
            .iter()
            .find_map(|(sequence, step)| matches!(step, Step::Deliver(_)).then_some(*sequence));
        if let Some(sequence) = next
            && self.queue.iter().any(|Reverse((at, one))| *one == sequence && *at <= now + 5)
            && self.store_works(now)
            && let Some(Step::Deliver(alert)) = self.steps.remove(&sequence)
        {
            let other = 1 - environment;
            if self.take((*alert).clone(), other, now).is_err() {
                self.end(other, now, VISIBILITY);
                self.push(now + VISIBILITY, Step::Deliver(alert));
            }
        }
    }
}

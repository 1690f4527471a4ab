//! The invariants of every history.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use domain::Severity;
use jiff::Timestamp;

use super::world::{Alarm, HOUR, Kind, MINUTE, Part, Truth, World};
use crate::alert::{Alert, State};
use crate::incident::NotificationKind;
use crate::reconcile::{Outgoing, Records};
use crate::record::AlarmRecord;
use crate::sent::SentState;

/// A lost event is made up for within this time of the moment in which sending is possible.
const LATEST: i64 = 6 * MINUTE;
/// An event that arrived is notified after its group's window. If its flush is lost, a minute of the schedule does it.
const AT_ONCE: i64 = 3 * MINUTE;
const ESCALATE: i64 = 2 * HOUR;
const STABLE_AFTER: i64 = 20 * MINUTE;
const REMIND: i64 = 4 * HOUR;
const LOG: usize = 5_000;
const SHOWN: usize = 60;

/// The last notification of a receiver about an alarm.
#[derive(Clone, Copy, Debug)]
struct LastNotified {
    state: SentState,
    at: i64,
    reminded: i64,
    incident: Option<Timestamp>,
    acknowledged: bool,
}

/// What a receiver is sent about an open alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Reminded,
    /// No reminders: a tracker, or the receiver of tickets.
    Notified,
    Escalation,
}

/// A receiver as one alarm sees it.
#[derive(Clone, Copy)]
struct Receiver {
    role: Role,
    last: Option<LastNotified>,
}

/// The event of the newest change to `ALARM` that arrived.
#[derive(Clone, Copy, Debug)]
struct Raised {
    changed: i64,
    arrived: i64,
}

/// The newest report of Alertmanager that arrived.
#[derive(Clone, Copy, Debug)]
struct LastReport {
    firing: bool,
    reported: i64,
    arrived: i64,
}

#[derive(Default)]
pub(super) struct Checks {
    pub(super) violation: Option<String>,
    pub(super) messages: usize,
    last_notified: BTreeMap<(usize, String), LastNotified>,
    reports: BTreeMap<usize, LastReport>,
    raised: BTreeMap<usize, Raised>,
    minute: BTreeMap<String, VecDeque<i64>>,
    store_fault: i64,
    /// Until when a message of a process that ended is not delivered again.
    redelivered: i64,
    /// Notifications of the current step.
    in_flight: BTreeSet<(usize, String)>,
    /// Notifications that the function does not know to be delivered. Each may be repeated once.
    unconfirmed: BTreeSet<(usize, String)>,
    log: VecDeque<(i64, String)>,
}

const STORE: &[Part] = &[Part::StoreRead, Part::StoreWrite];
const ANY: &[Part] = &[
    Part::StoreRead,
    Part::StoreWrite,
    Part::Query,
    Part::Notifications,
    Part::Tickets,
    Part::Escalation,
    Part::Tracker,
    Part::Queue,
    Part::Scheduler,
];

impl Checks {
    pub(super) fn new(_: &World) -> Self {
        Self::default()
    }

    pub(super) fn log(&mut self, now: i64, line: &str) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back((now, format!("{:>9} {line}", clock(now))));
    }

    pub(super) fn store_fault(&mut self, now: i64) {
        self.store_fault = self.store_fault.max(now);
    }

    /// The process ended; what it was doing is done again at `again`.
    pub(super) fn process_ended(&mut self, again: i64) {
        self.unconfirmed.append(&mut self.in_flight);
        self.redelivered = self.redelivered.max(again);
    }

    /// A step is over.
    pub(super) fn finished(&mut self) {
        self.in_flight.clear();
    }

    /// The records say that the notification is about to be sent. If the process ends now, it is unknown whether it was.
    pub(super) fn begun(&mut self, world: &World, outgoing: &Outgoing) {
        self.in_flight.extend(keys(world, outgoing));
    }

    /// The receiver took the notification, and its answer did not arrive.
    pub(super) fn answer_lost(&mut self, world: &World, outgoing: &Outgoing) {
        self.unconfirmed.extend(keys(world, outgoing));
    }

    fn violated(&mut self, now: i64, what: &str) {
        if self.violation.is_none() {
            // The lines about the alarm that the violation names.
            let name = what.split([' ', ',']).find(|word| word.starts_with("alarm-"));
            let about = |(at, line): &&(i64, String)| {
                name.is_none_or(|name| line.split([' ', ',']).any(|word| word == name))
                    || (now - *at < 10 * MINUTE && !line.contains("alarm-"))
            };
            let lines = self.log.iter().filter(about).map(|(_, line)| line.as_str());
            let lines: Vec<&str> = lines.collect();
            let lines = &lines[lines.len().saturating_sub(SHOWN)..];
            self.violation = Some(format!("{} {what}\n{}", clock(now), lines.join("\n")));
        }
    }

    pub(super) fn delivered_event(&mut self, world: &World, alert: &Alert, now: i64) {
        let line = format!("event {} {:?} of {}", alert.key, alert.state, alert.reported);
        self.log(now, &line);
        let Some(index) = index(world, &alert.key) else { return };
        let second = |time: Timestamp| time.as_second() - super::world::time(0).as_second();
        if world.alarms[index].kind == Kind::Alertmanager {
            let reported = second(alert.reported);
            let firing = alert.state == State::Alarm;
            let report = LastReport { firing, reported, arrived: now };
            let known = self.reports.entry(index).or_insert(report);
            if known.reported < reported {
                *known = report;
            }
        } else if alert.state == State::Alarm {
            let raised = Raised { changed: second(alert.changed), arrived: now };
            let known = self.raised.entry(index).or_insert(raised);
            if known.changed < raised.changed {
                *known = raised;
            }
        }
    }

    /// A notification is published.
    pub(super) fn message(
        &mut self,
        world: &World,
        outgoing: &Outgoing,
        records: &Records,
        others: Option<&[&AlarmRecord]>,
        now: i64,
    ) {
        self.messages += 1;
        let recent = self.minute.entry(outgoing.receiver.clone()).or_default();
        recent.push_back(now);
        while recent.front().is_some_and(|first| *first <= now - MINUTE) {
            recent.pop_front();
        }
        if 10 < recent.len() {
            self.violated(now, &format!("more than 10 messages a minute to {}", outgoing.receiver));
        }
        for (key, kind) in &outgoing.items {
            let (Some(index), Some(record)) = (index(world, key), records.get(key)) else {
                continue;
            };
            self.log(
                now,
                &format!("{} {kind:?} {key} {:?}", outgoing.receiver, record.alert.state),
            );
            self.item(world, index, &outgoing.receiver, *kind, record, now);
        }
        if let Some(others) = others {
            self.others(world, outgoing, others, now);
        }
    }

    fn item(
        &mut self,
        world: &World,
        index: usize,
        receiver: &str,
        kind: NotificationKind,
        record: &AlarmRecord,
        now: i64,
    ) {
        let alarm = &world.alarms[index];
        let open = record.is_open();
        let queried = alarm.kind != Kind::Alertmanager;
        if queried {
            let slack = if world.fails(Part::Query, now) { LATEST } else { MINUTE };
            let (truth, since) = alarm.truth(now);
            let true_now = class(alarm, truth).is_none_or(|class| class == open);
            if !true_now && slack < now - since {
                self.violated(now, &format!("untrue: alarm-{index} open={open}, truth {truth:?}"));
            }
        }
        let repeat = matches!(kind, NotificationKind::Reminder | NotificationKind::Escalation);
        if repeat {
            if record.acknowledged.is_some() {
                self.violated(now, &format!("{kind:?} for the acknowledged alarm-{index}"));
            }
            if alarm.is_muted(now) && !world.fails(Part::Query, now) {
                self.violated(now, &format!("{kind:?} for the muted alarm-{index}"));
            }
        }
        let key = (index, receiver.to_owned());
        let before = self.last_notified.get(&key).copied();
        let state = match kind {
            NotificationKind::Acknowledged => before.map_or(SentState::Alarm, |last| last.state),
            NotificationKind::Flapping { .. } => SentState::Flapping,
            NotificationKind::Escalation if record.flapping_since.is_some() => SentState::Flapping,
            _ if !open => SentState::Resolved,
            _ if record.alert.state == State::Alarm => SentState::Alarm,
            _ => SentState::NoData,
        };
        let incident = record.incident.map(|incident| incident.since);
        let acknowledges = kind == NotificationKind::Acknowledged;
        let fault = self.store_fault.max(world.last_fault(STORE, now));
        let unconfirmed = self.unconfirmed.remove(&key);
        self.in_flight.insert(key.clone());
        if let Some(before) = before {
            let last = before.at.max(before.reminded);
            let excused = unconfirmed || last - 10 * MINUTE <= fault;
            let repeats = before.state == state
                && before.incident == incident
                && (!acknowledges || before.acknowledged);
            if repeats && !excused && now - last < REMIND - 10 * MINUTE {
                self.violated(now, &format!("{kind:?} of alarm-{index} sent twice to {receiver}"));
            }
        }
        let last_notified = match before {
            Some(before) if before.state == state && before.incident == incident => LastNotified {
                reminded: now,
                acknowledged: before.acknowledged || acknowledges,
                ..before
            },
            _ => {
                LastNotified { state, at: now, reminded: now, incident, acknowledged: acknowledges }
            }
        };
        self.last_notified.insert(key, last_notified);
    }

    /// The list of other alarms is complete and true.
    fn others(&mut self, world: &World, outgoing: &Outgoing, others: &[&AlarmRecord], now: i64) {
        for (index, alarm) in world.alarms.iter().enumerate() {
            if alarm.kind == Kind::Alertmanager {
                continue;
            }
            let (truth, since) = alarm.truth(now);
            let listed = others.iter().any(|record| record.alert.key == alarm.key());
            let own = outgoing.items.iter().any(|(key, _)| key == alarm.key());
            let lasted = now - since;
            let open = class(alarm, truth);
            let known = match truth {
                Truth::Alarm => 2 * MINUTE < lasted,
                Truth::NoData => alarm.kind == Kind::Down && 13 * MINUTE < lasted,
                Truth::Ok | Truth::Deleted => false,
            };
            if known && !listed && !own {
                self.violated(now, &format!("a mail omits the open alarm-{index}"));
            }
            if listed && open == Some(false) && (truth != Truth::Deleted && MINUTE < lasted) {
                self.violated(now, &format!("a mail lists alarm-{index}, which is {truth:?}"));
            }
        }
    }

    /// Called after each tick: everything that had time to settle has settled.
    pub(super) fn settled(
        &mut self,
        world: &World,
        stored: &BTreeMap<String, (Rc<AlarmRecord>, u64)>,
        now: i64,
    ) {
        let fault = world.last_fault(ANY, now).max(self.redelivered.min(now));
        let fault = fault.max(self.store_fault);
        for (index, alarm) in world.alarms.iter().enumerate() {
            let receivers: &[(&str, Role)] = match alarm.severity {
                Severity::Page if world.has_tracker => &[
                    ("notifications", Role::Reminded),
                    ("tracker", Role::Notified),
                    ("escalation", Role::Escalation),
                ],
                Severity::Page => {
                    &[("notifications", Role::Reminded), ("escalation", Role::Escalation)]
                }
                Severity::Ticket => &[("tickets", Role::Notified)],
            };
            let record = stored.get(alarm.key()).map(|(record, _)| &**record);
            for (receiver, role) in receivers {
                let last = self.last_notified.get(&(index, (*receiver).to_owned())).copied();
                match (alarm.kind, role) {
                    (Kind::Alertmanager, Role::Escalation) => {}
                    (Kind::Alertmanager, _) => self.settled_report(world, index, last, fault, now),
                    _ => {
                        let receiver = Receiver { role: *role, last };
                        self.settled_alarm(alarm, index, receiver, record, fault, now);
                    }
                }
            }
        }
    }

    fn settled_alarm(
        &mut self,
        alarm: &Alarm,
        index: usize,
        receiver: Receiver,
        record: Option<&AlarmRecord>,
        fault: i64,
        now: i64,
    ) {
        let Receiver { role, last: last_notified } = receiver;
        let (truth, mut since) = alarm.truth(now);
        let Some(open) = class(alarm, truth) else { return };
        let notified = last_notified.is_some_and(|last| last.state != SentState::Resolved);
        if open {
            if alarm.is_muted(now) {
                return;
            }
            if truth == Truth::NoData {
                since += 10 * MINUTE;
            }
            let possible = fault.max(alarm.last_mute(now));
            let acknowledged = record.is_some_and(|record| record.acknowledged.is_some());
            if role == Role::Escalation {
                let due = (since + ESCALATE).max(possible);
                if !notified && !acknowledged && LATEST < now - due {
                    self.violated(now, &format!("no escalation of alarm-{index}, {truth:?}"));
                }
                return;
            }
            let raised = self.raised.get(&index).filter(|raised| raised.changed == since);
            if let Some(Raised { arrived, .. }) = raised
                && truth == Truth::Alarm
                && !notified
                && possible < *arrived
                && AT_ONCE < now - arrived
            {
                self.violated(now, &format!("alarm-{index} was not notified at once"));
            }
            let possible = since.max(possible);
            if !notified && LATEST < now - possible {
                self.violated(now, &format!("no notification of alarm-{index}, {truth:?}"));
            }
            let last = last_notified.map_or(0, |last| last.reminded.max(last.at));
            let silent = now - last.max(possible);
            if notified && role == Role::Reminded && !acknowledged && REMIND + 15 * MINUTE < silent
            {
                self.violated(now, &format!("no reminder of alarm-{index}, {truth:?}"));
            }
        } else if notified {
            let extra = match (last_notified.map(|last| last.state), truth) {
                (Some(SentState::Flapping), _) => STABLE_AFTER + 10 * MINUTE,
                (_, Truth::Deleted) => 6 * MINUTE,
                _ => 0,
            };
            if LATEST + extra < now - since.max(fault) {
                self.violated(now, &format!("no resolution of alarm-{index}, {truth:?}"));
            }
        }
    }

    fn settled_report(
        &mut self,
        world: &World,
        index: usize,
        last_notified: Option<LastNotified>,
        fault: i64,
        now: i64,
    ) {
        let Some(report) = self.reports.get(&index).copied() else { return };
        let lease_end = report.reported + world.repeat * 2;
        let open = report.firing && now < lease_end;
        let since = if report.firing && !open { lease_end } else { report.arrived };
        let notified = last_notified.is_some_and(|last| last.state != SentState::Resolved);
        let flapping = last_notified.is_some_and(|last| last.state == SentState::Flapping);
        let extra = if flapping { STABLE_AFTER + 10 * MINUTE } else { 0 };
        if open != notified && LATEST + extra < now - since.max(fault) {
            let what = if open { "no notification" } else { "no end" };
            self.violated(now, &format!("{what} of alarm-{index}, last report {report:?}"));
        }
    }
}

/// Whether the state is an incident; `None` when that cannot be said.
fn class(alarm: &Alarm, truth: Truth) -> Option<bool> {
    match truth {
        Truth::Ok | Truth::Deleted => Some(false),
        Truth::Alarm => Some(true),
        Truth::NoData => (alarm.kind == Kind::Down).then_some(true),
    }
}

/// The alarms and the receiver of a notification.
fn keys<'a>(world: &'a World, outgoing: &'a Outgoing) -> impl Iterator<Item = (usize, String)> {
    let indices = outgoing.items.iter().filter_map(|(key, _)| index(world, key));
    indices.map(|index| (index, outgoing.receiver.clone()))
}

fn index(world: &World, key: &str) -> Option<usize> {
    let index = key.strip_prefix("alarm-")?.parse().ok()?;
    (index < world.alarms.len()).then_some(index)
}

fn clock(now: i64) -> String {
    format!("{}d{:02}:{:02}:{:02}", now / 86_400, now / HOUR % 24, now / MINUTE % 60, now % 60)
}

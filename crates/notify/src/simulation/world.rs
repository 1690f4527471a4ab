//! The truth of one history: alarms, mutes, faults. Generated from the seed before the history runs.

use domain::Severity;
use jiff::Timestamp;

use super::random::Random;
use crate::alert::{Alert, Source, State, Subject};

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3_600;

/// The start of every history: 2026-11-22 00:00 UTC, in seconds.
const START: i64 = 1_795_305_600;

pub(super) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The real state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Ok,
    Alarm,
    NoData,
    Deleted,
}

impl Truth {
    /// What CloudWatch reports; a deleted alarm is not reported.
    pub(super) fn state(self) -> State {
        match self {
            Self::Ok | Self::Deleted => State::Ok,
            Self::Alarm => State::Alarm,
            Self::NoData => State::InsufficientData,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Down,
    Degraded,
    External,
    Alertmanager,
}

/// A report that Alertmanager sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) at: i64,
    pub(super) firing: bool,
    pub(super) starts_at: i64,
}

pub(super) struct Alarm {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// Transitions in their order; empty for Alertmanager.
    pub(super) transitions: Vec<(i64, Truth)>,
    pub(super) mutes: Vec<(i64, i64)>,
    /// Empty for CloudWatch.
    pub(super) reports: Vec<Report>,
    base: Alert,
}

/// A part that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    StoreRead,
    StoreWrite,
    Query,
    Notifications,
    Tickets,
    Escalation,
    Tracker,
    Queue,
    Scheduler,
}

pub(super) struct World {
    pub(super) alarms: Vec<Alarm>,
    pub(super) faults: Vec<(Part, i64, i64)>,
    pub(super) end: i64,
    pub(super) repeat: i64,
    /// Whether pages also go to a receiver that keeps incidents itself.
    pub(super) has_tracker: bool,
}

impl World {
    pub(super) fn new(random: &mut Random, has_tracker: bool) -> Self {
        let count = match random.between(0, 99) {
            0..80 => random.between(1, 4),
            80..99 => random.between(5, 20),
            _ => random.between(50, 200),
        };
        let days = match count {
            1..=4 => random.between(1, 14),
            5..=20 => random.between(1, 3),
            _ => 1,
        };
        let end = if 20 < count { 12 * HOUR } else { days * 24 * HOUR };
        let repeat = 4 * HOUR;
        let alarms = (0..count).map(|number| alarm(random, number, end, repeat)).collect();
        let mut faults = Vec::new();
        if random.percent(60) {
            for _ in 0..random.between(1, 4) {
                let part = match random.between(0, 7) {
                    0 => Part::StoreRead,
                    1 => Part::StoreWrite,
                    2 => Part::Query,
                    3 => Part::Notifications,
                    4 => Part::Tickets,
                    5 => Part::Escalation,
                    6 => Part::Queue,
                    _ => Part::Scheduler,
                };
                let from = random.between(0, end);
                let longest = if random.percent(20) { 600 } else { 30 };
                let length = random.between(1, longest);
                faults.push((part, from, from + length * MINUTE));
            }
        }
        if has_tracker && random.percent(40) {
            let from = random.between(0, end);
            faults.push((Part::Tracker, from, from + random.between(1, 300) * MINUTE));
        }
        Self { alarms, faults, end, repeat, has_tracker }
    }

    pub(super) fn fails(&self, part: Part, at: i64) -> bool {
        self.faults.iter().any(|(one, from, to)| *one == part && (*from..*to).contains(&at))
    }

    /// The last second until `at` in which one of `parts` failed.
    pub(super) fn last_fault(&self, parts: &[Part], at: i64) -> i64 {
        let faults =
            self.faults.iter().filter(|(part, from, _)| parts.contains(part) && *from <= at);
        faults.map(|(_, _, to)| (*to).min(at)).max().unwrap_or(0)
    }
}

impl Alarm {
    /// The real state at `at`, and its start.
    pub(super) fn truth(&self, at: i64) -> (Truth, i64) {
        let index = self.transitions.partition_point(|(from, _)| *from <= at);
        match index.checked_sub(1).and_then(|index| self.transitions.get(index)) {
            Some((since, truth)) => (*truth, *since),
            None => (Truth::Ok, 0),
        }
    }

    pub(super) fn is_muted(&self, at: i64) -> bool {
        self.mutes.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    pub(super) fn last_mute(&self, at: i64) -> i64 {
        let mutes = self.mutes.iter().filter(|(from, _)| *from <= at);
        mutes.map(|(_, to)| (*to).min(at)).max().unwrap_or(0)
    }

    pub(super) fn key(&self) -> &str {
        &self.base.key
    }

    /// The event or the answer of a query for a state.
    pub(super) fn alert(&self, truth: Truth, previous: Option<Truth>, since: i64) -> Alert {
        Alert {
            state: truth.state(),
            previous: previous.map(Truth::state),
            changed: time(since),
            reported: time(since),
            ..self.base.clone()
        }
    }

    pub(super) fn report(&self, report: Report) -> Alert {
        Alert {
            state: if report.firing { State::Alarm } else { State::Ok },
            previous: (!report.firing).then_some(State::Alarm),
            changed: time(if report.firing { report.starts_at } else { report.at }),
            reported: time(report.at),
            ..self.base.clone()
        }
    }
}

fn alarm(random: &mut Random, number: i64, end: i64, repeat: i64) -> Alarm {
    let kind = match random.between(0, 9) {
        0..5 => Kind::Down,
        5 => Kind::Degraded,
        6 => Kind::External,
        _ => Kind::Alertmanager,
    };
    let severity = match kind {
        Kind::Degraded => Severity::Ticket,
        _ if random.percent(15) => Severity::Ticket,
        _ => Severity::Page,
    };
    let probe = || format!("bot-{number}").parse();
    let subject = match (kind, probe()) {
        (Kind::Down, Ok(probe)) => Subject::Down { probe },
        (Kind::Degraded, Ok(probe)) => Subject::Degraded { probe },
        _ => Subject::External { probe: None },
    };
    let source = match kind {
        Kind::Alertmanager => Source::Alertmanager,
        _ => Source::CloudWatch,
    };
    let base = Alert {
        source,
        severity: Some(severity),
        ..Alert::new(format!("alarm-{number}"), subject, State::Ok, time(0))
    };
    let mut alarm = Alarm {
        kind,
        severity,
        transitions: Vec::new(),
        mutes: Vec::new(),
        reports: Vec::new(),
        base,
    };
    if kind == Kind::Alertmanager {
        alarm.reports = reports(random, end, repeat);
    } else {
        alarm.transitions = transitions(random, kind, end);
        for _ in 0..random.between(0, 2) {
            if random.percent(30) {
                let from = random.between(0, end);
                alarm.mutes.push((from, from + random.between(10, 600) * MINUTE));
            }
        }
    }
    alarm
}

fn transitions(random: &mut Random, kind: Kind, end: i64) -> Vec<(i64, Truth)> {
    // A new alarm has no data until its first run.
    let mut transitions = vec![(random.between(0, HOUR), Truth::NoData)];
    let mut at = transitions[0].0 + random.between(60, 400);
    transitions.push((at, Truth::Ok));
    loop {
        let well = match random.between(0, 9) {
            0..3 => random.between(2, 30),
            3..8 => random.between(30, 1_000),
            _ => random.between(1_000, 5_000),
        };
        at += well * MINUTE + random.between(0, 59);
        if end <= at {
            return transitions;
        }
        let trouble = match random.between(0, 9) {
            0..7 => Truth::Alarm,
            7 | 8 if kind != Kind::External => Truth::NoData,
            _ => Truth::Deleted,
        };
        if random.percent(15) && trouble == Truth::Alarm {
            // It flaps.
            for _ in 0..random.between(3, 12) {
                transitions.push((at, Truth::Alarm));
                at += random.between(30, 400);
                transitions.push((at, Truth::Ok));
                at += random.between(30, 400);
            }
            continue;
        }
        transitions.push((at, trouble));
        let lasts = match random.between(0, 9) {
            0..5 => random.between(3, 60),
            5..9 => random.between(60, 900),
            _ => random.between(900, 4_000),
        };
        at += lasts * MINUTE + random.between(0, 59);
        let next = match (trouble, random.between(0, 9)) {
            // A deployment creates it again, or it is deleted during the incident.
            (Truth::Deleted, _) | (Truth::Alarm, 0) => Truth::NoData,
            (_, 1) => Truth::Deleted,
            _ => Truth::Ok,
        };
        transitions.push((at, next));
        if next != Truth::Ok {
            at += random.between(100, 2_000);
            if next == Truth::Deleted {
                transitions.push((at, Truth::NoData));
                at += random.between(60, 400);
            }
            transitions.push((at, Truth::Ok));
        }
    }
}

/// The messages of an Alertmanager: repeats while firing, and not always a resolved message.
fn reports(random: &mut Random, end: i64, repeat: i64) -> Vec<Report> {
    let mut reports = Vec::new();
    let mut at = 0;
    loop {
        at += random.between(10, 1_500) * MINUTE;
        if end <= at {
            return reports;
        }
        let starts_at = at - 1;
        let mut stop = at + random.between(5, 1_000) * MINUTE;
        let mut next = at;
        while next < stop {
            reports.push(Report { at: next, firing: true, starts_at });
            next += repeat + random.between(0, 20);
        }
        if random.percent(25) {
            // Prometheus missed its re-sends: resolved by timeout, then firing with the same start.
            reports.push(Report { at: stop, firing: false, starts_at });
            let again = stop + random.between(5, 60);
            stop = again + random.between(20, 900) * MINUTE;
            let mut next = again;
            while next < stop {
                reports.push(Report { at: next, firing: true, starts_at });
                next += repeat + random.between(0, 20);
            }
        }
        // A silence, an inhibition, or an outage of Alertmanager: no end is sent.
        if random.percent(70) {
            reports.push(Report { at: stop, firing: false, starts_at });
        }
        at = stop;
    }
}

//! An alarm played over a stretch of time: when would it have changed?

use crate::alarm::{Alarm, StatisticSet};
use crate::evaluation::StateValue;
use crate::time::{Time, whole_seconds};

/// A value with its own time, and the time from which CloudWatch sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    pub visible_from: Time,
    pub set: StatisticSet,
}

/// One change of state.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    pub at: Time,
    pub from: StateValue,
    pub to: StateValue,
    pub reason: String,
}

/// The changes between `from` and `until`, both included, starting as a new alarm does, from
/// `INSUFFICIENT_DATA`.
///
/// Each evaluation sees what has arrived by then and nothing else: a late datapoint is a missing
/// one until it comes.
#[must_use]
pub fn simulate(alarm: &Alarm, arrivals: &[Arrival], from: Time, until: Time) -> Vec<Transition> {
    let step = alarm.evaluated_every();
    let mut at = from.floor(step, 0);
    if at < from {
        at = at + step;
    }
    let reach = alarm.period * u32::try_from(alarm.evaluation_range + 1).unwrap_or(u32::MAX);
    let mut state = StateValue::InsufficientData;
    let mut transitions = Vec::new();
    while at <= until && whole_seconds(step) > 0 {
        let visible: Vec<StatisticSet> = arrivals
            .iter()
            .filter(|arrival| arrival.visible_from <= at && at - reach <= arrival.set.at)
            .map(|arrival| arrival.set)
            .collect();
        let evaluation = alarm.evaluate(at, &visible, state);
        if evaluation.state != state {
            let (from, to) = (state, evaluation.state);
            transitions.push(Transition { at, from, to, reason: evaluation.reason });
            state = to;
        }
        at = at + step;
    }
    transitions
}

//! Simulates the state changes of an alarm over a period.

use crate::alarm::{Alarm, StatisticSet};
use crate::state::StateValue;
use crate::time::{Time, whole_seconds};

/// A value with its timestamp, and the time from which it is visible to CloudWatch.
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

/// The changes from `from` to `until`, both included. The first state is `INSUFFICIENT_DATA`, as for a new
/// alarm.
///
/// Each evaluation uses the datapoints that have arrived: a late datapoint is missing until it arrives.
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

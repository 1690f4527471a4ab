//! The reason of a state, as CloudWatch writes it in messages.

use crate::alarm::{Alarm, Comparison, MissingData};
use crate::state::{Datapoint, StateValue};

/// In the format of CloudWatch, so that parsers of a reason can be tested with it.
pub(crate) fn of(
    alarm: &Alarm,
    state: StateValue,
    before: StateValue,
    datapoints: &[Datapoint],
    filled: usize,
) -> String {
    if state == StateValue::InsufficientData {
        return format!(
            "Insufficient Data: {} unknown.",
            counted(filled, "datapoint was", "datapoints were")
        );
    }
    let filling = filling(alarm, filled);
    let Some(shown) = shown(alarm, state, datapoints) else {
        let periods = counted(filled, "period", "periods");
        return format!("Threshold Crossed: no datapoints were received for {periods}{filling}.");
    };
    let minimum = minimum(alarm, state, before);
    format!("Threshold Crossed: {shown}{filling}{minimum}.")
}

/// The datapoints that support `state`; `None` without any datapoint.
fn shown(alarm: &Alarm, state: StateValue, datapoints: &[Datapoint]) -> Option<String> {
    let speaks = |datapoint: &&Datapoint| datapoint.breaching == (state == StateValue::Alarm);
    let speaking: Vec<String> = datapoints
        .iter()
        .filter(speaks)
        .map(|datapoint| format!("{:?} ({})", datapoint.value, datapoint.at))
        .collect();
    if datapoints.is_empty() {
        return None;
    }
    let not = if state == StateValue::Alarm { "" } else { "not " };
    let comparison = comparison(alarm.comparison);
    let threshold = alarm.threshold;
    let (count, of) = (speaking.len(), alarm.evaluation_periods);
    let values = speaking.join(", ");
    let (noun, verb) = (plural(of, "datapoint", "datapoints"), plural(count, "was", "were"));
    Some(if of == 1 {
        format!("{count} {noun} [{values}] {verb} {not}{comparison} the threshold ({threshold:?})")
    } else {
        format!(
            "{count} out of the last {of} {noun} [{values}] {verb} {not}{comparison} the threshold ({threshold:?})"
        )
    })
}

fn filling(alarm: &Alarm, filled: usize) -> String {
    let treated = match alarm.missing_data {
        _ if filled == 0 => return String::new(),
        MissingData::Missing | MissingData::Ignore => return String::new(),
        MissingData::Breaching => "Breaching",
        MissingData::NotBreaching => "NonBreaching",
    };
    let missing = counted(filled, "missing datapoint was", "missing datapoints were");
    format!(" and {missing} treated as [{treated}]")
}

fn minimum(alarm: &Alarm, state: StateValue, before: StateValue) -> String {
    let needed = match state {
        StateValue::Alarm => alarm.datapoints_to_alarm,
        _ => alarm.evaluation_periods + 1 - alarm.datapoints_to_alarm,
    };
    let from = if before == state {
        // CloudWatch never writes a change from a state to itself; the caller will not use it.
        return String::new();
    } else {
        before
    };
    format!(
        " (minimum {} for {from} -> {state} transition)",
        counted(needed, "datapoint", "datapoints")
    )
}

fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GreaterThanOrEqualTo => "greater than or equal to",
        Comparison::GreaterThan => "greater than",
        Comparison::LessThan => "less than",
        Comparison::LessThanOrEqualTo => "less than or equal to",
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", plural(count, one, many))
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

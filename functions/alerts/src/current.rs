//! What CloudWatch says of an alarm right now, asked before people are reminded of it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use domain::alert::{Alert, Source, State};
use domain::alert_memory::{Memory, Observed, observe};
use jiff::Timestamp;
use lambda_kit::chain;

/// The most names in one request.
const NAMES: usize = 100;
/// The most that a reminder waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The alarms that were asked for, by name: their state and when they entered it, or `None` for one
/// that does not exist any more.
pub(crate) type Current = BTreeMap<String, Option<(State, Timestamp)>>;

/// Asks for those of `alerts` that are CloudWatch's own. What can't be asked is left out: it is told.
pub(crate) async fn ask(client: &Client, alerts: impl Iterator<Item = &Alert>) -> Current {
    let names: Vec<String> = alerts
        .filter(|alert| matches!(alert.source, Source::CloudWatch | Source::EventBridge))
        .filter(|alert| alert.test.is_none())
        .map(|alert| alert.name.clone())
        .collect();
    let mut current = Current::new();
    for names in names.chunks(NAMES) {
        match tokio::time::timeout(PATIENCE, describe(client, names)).await {
            Ok(Ok(described)) => current.extend(described),
            Ok(Err(error)) => tracing::warn!(error, "the alarms could not be asked for"),
            Err(_) => tracing::warn!("the alarms could not be asked for in time"),
        }
    }
    current
}

async fn describe(client: &Client, names: &[String]) -> Result<Current, String> {
    let answer = client
        .describe_alarms()
        .set_alarm_names(Some(names.to_vec()))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .send()
        .await
        .map_err(|error| chain(&error))?;
    let mut current: Current = names.iter().map(|name| (name.clone(), None)).collect();
    let mut insert = |name: Option<&str>, state: Option<&str>, at: Option<&DateTime>| {
        let state = state.and_then(State::from_word);
        let at = at.and_then(|at| Timestamp::from_second(at.secs()).ok());
        if let (Some(name), Some(state), Some(at)) = (name, state, at) {
            current.insert(name.to_owned(), Some((state, at)));
        }
    };
    for alarm in answer.metric_alarms() {
        let state = alarm.state_value().map(StateValue::as_str);
        insert(alarm.alarm_name(), state, alarm.state_updated_timestamp());
    }
    for alarm in answer.composite_alarms() {
        let state = alarm.state_value().map(StateValue::as_str);
        insert(alarm.alarm_name(), state, alarm.state_updated_timestamp());
    }
    Ok(current)
}

/// The memory with what CloudWatch says; `None` when the memory is right, or nothing was said.
pub(crate) fn correct(memory: &Memory, current: &Current, now: Timestamp) -> Option<Memory> {
    let known = &memory.alert;
    match current.get(&known.name)? {
        // Nobody is told: whoever deleted the alarm knows.
        None => {
            let alert = Alert { state: State::Ok, changed: now, ..known.clone() };
            Some(Memory { trouble: None, pending: None, alert, ..memory.clone() })
        }
        Some((state, _)) if *state == known.state => None,
        // Its change got lost; it waits to be told like any other.
        Some((state, changed)) => {
            let changed = (*changed).max(known.changed);
            let previous = Some(known.state);
            let alert = Alert { state: *state, previous, changed, ..known.clone() };
            match observe(Some(memory), &alert, memory.severity, now) {
                Observed::News(memory) => Some(*memory),
                Observed::Repeated | Observed::Outdated => None,
            }
        }
    }
}

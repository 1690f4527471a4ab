//! What CloudWatch says of an alarm right now, asked before people are reminded of it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use jiff::Timestamp;
use lambda_kit::chain;
use notify::alarm_record::{AlarmRecord, Observed, observe};
use notify::alert::{Alert, Source, State};

/// The most names in one request, and the most alarms on one page of its answer; without saying so a
/// page has 50.
const NAMES: usize = 100;
const MOST_RECORDS: i32 = 100;
/// The most that a reminder waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the alarms stand that were asked for, by name; without those of which nothing is known.
pub(crate) type Current = BTreeMap<String, Standing>;

/// How an alarm stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    In {
        state: State,
        since: Timestamp,
    },
    /// It does not exist any more.
    Gone,
}

/// The names of those of `alerts` that CloudWatch knows.
pub(crate) fn names<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<String> {
    alerts
        .filter(|alert| matches!(alert.source, Source::CloudWatch | Source::EventBridge))
        .filter(|alert| alert.test.is_none())
        .map(|alert| alert.name.clone())
        .collect()
}

/// Asks for those of `alerts` that are CloudWatch's own. What can't be asked is left out: it is told.
pub(crate) async fn ask(client: &Client, alerts: impl Iterator<Item = &Alert>) -> Current {
    let names = names(alerts);
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
    let mut pages = client
        .describe_alarms()
        .set_alarm_names(Some(names.to_vec()))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .alarm_types(AlarmType::LogAlarm)
        .max_records(MOST_RECORDS)
        .into_paginator()
        .send();
    // `None` for one that is there, but in words that we don't know.
    let mut there: BTreeMap<String, Option<Standing>> = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| chain(&error))?;
        let metric = page.metric_alarms().iter().map(|alarm| {
            (alarm.alarm_name(), alarm.state_value(), alarm.state_updated_timestamp())
        });
        let composite = page.composite_alarms().iter().map(|alarm| {
            (alarm.alarm_name(), alarm.state_value(), alarm.state_updated_timestamp())
        });
        let log = page.log_alarms().iter().map(|alarm| {
            (alarm.alarm_name(), alarm.state_value(), alarm.state_updated_timestamp())
        });
        let alarms = metric.chain(composite).chain(log);
        there.extend(
            alarms.filter_map(|(name, state, at)| Some((name?.to_owned(), standing(state, at)))),
        );
    }
    // Only now is the answer complete, and what is not in it does not exist.
    let known = names.iter().filter_map(|name| {
        let standing = there.get(name).copied().unwrap_or(Some(Standing::Gone))?;
        Some((name.clone(), standing))
    });
    Ok(known.collect())
}

fn standing(state: Option<&StateValue>, at: Option<&DateTime>) -> Option<Standing> {
    let state = State::from_word(state?.as_str())?;
    let since = Timestamp::from_second(at?.secs()).ok()?;
    Some(Standing::In { state, since })
}

/// The memory with what CloudWatch says; `None` when the memory is right, or nothing was said.
pub(crate) fn correct(
    memory: &AlarmRecord,
    current: &Current,
    now: Timestamp,
) -> Option<AlarmRecord> {
    let known = &memory.alert;
    match *current.get(&known.name)? {
        // Nobody is told: whoever deleted the alarm knows.
        Standing::Gone => {
            let alert = Alert { state: State::Ok, changed: now, ..known.clone() };
            Some(AlarmRecord { incident: None, pending: None, alert, ..memory.clone() })
        }
        Standing::In { state, .. } if state == known.state => None,
        // Its change got lost; it waits to be told like any other.
        Standing::In { state, since } => {
            let changed = since.max(known.changed);
            let previous = Some(known.state);
            let alert = Alert { state, previous, changed, ..known.clone() };
            match observe(Some(memory), &alert, memory.severity, now) {
                Observed::NotificationKind(memory) => Some(*memory),
                Observed::Repeated | Observed::Outdated => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::describe_alarms::{
        DescribeAlarmsError, DescribeAlarmsInput, DescribeAlarmsOutput,
    };
    use aws_sdk_cloudwatch::types::{CompositeAlarm, MetricAlarm};
    use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
    use proptest::prelude::*;

    use super::*;

    /// CloudWatch with the alarms of `there`, which gives `page` of them at a time and breaks at page
    /// number `broken`.
    fn cloudwatch(there: BTreeMap<String, bool>, page: usize, broken: Option<usize>) -> Client {
        let answer = move |request: &DescribeAlarmsInput| {
            let start: usize = request.next_token().map_or(0, |token| token.parse().unwrap());
            // The API's own page, when nothing is asked for.
            let most = usize::try_from(request.max_records().unwrap_or(50)).unwrap().min(page);
            if Some(start / most) == broken {
                return MockResponse::Error(DescribeAlarmsError::unhandled("throttled"));
            }
            let asked = request.alarm_names();
            let found: Vec<_> = there.iter().filter(|(name, _)| asked.contains(name)).collect();
            let end = found.len().min(start + most);
            let mut output = DescribeAlarmsOutput::builder();
            for (name, composite) in &found[start..end] {
                let (state, at) = (StateValue::Alarm, DateTime::from_secs(1_795_000_000));
                output = if **composite {
                    let alarm = CompositeAlarm::builder().alarm_name(*name).state_value(state);
                    output.composite_alarms(alarm.state_updated_timestamp(at).build())
                } else {
                    let alarm = MetricAlarm::builder().alarm_name(*name).state_value(state);
                    output.metric_alarms(alarm.state_updated_timestamp(at).build())
                };
            }
            let next = (end < found.len()).then(|| end.to_string());
            MockResponse::Output(output.set_next_token(next).build())
        };
        let rule = mock!(Client::describe_alarms).then_compute_response(answer);
        mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&rule])
    }

    proptest! {
        #[test]
        fn an_alarm_is_gone_only_if_a_complete_answer_lacks_it(
            alarms in proptest::collection::btree_map("[a-z]{1,3}", any::<Option<bool>>(), 1..=100),
            page in 1_usize..=100,
            broken in proptest::option::of(0_usize..4),
        ) {
            let there: BTreeMap<String, bool> =
                alarms.iter().filter_map(|(name, kind)| Some((name.clone(), (*kind)?))).collect();
            let pages = there.len().div_ceil(page).max(1);
            let names: Vec<String> = alarms.keys().cloned().collect();
            let client = cloudwatch(there.clone(), page, broken);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let answer = runtime.unwrap().block_on(describe(&client, &names));
            if broken.is_some_and(|broken| broken < pages) {
                prop_assert!(answer.is_err());
                return Ok(());
            }
            let answer = answer.unwrap();
            for name in names {
                let gone = answer[&name] == Standing::Gone;
                prop_assert_eq!(gone, !there.contains_key(&name), "{}", name);
            }
        }
    }

    #[test]
    fn a_state_that_is_not_known_is_no_absence() {
        let at = DateTime::from_secs(1_795_000_000);
        assert_eq!(standing(Some(&StateValue::from("PAUSED")), Some(&at)), None);
        assert_eq!(standing(None, Some(&at)), None);
        assert_eq!(standing(Some(&StateValue::Ok), None), None);
    }
}

//! Queries the current states of the alarms from CloudWatch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::describe_alarms::{DescribeAlarmsError, DescribeAlarmsOutput};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, LogAlarm, MetricAlarm, StateValue};
use domain::alarm_note::Note;
use domain::{AvailabilityObjective, EnvironmentName, ProbeName};
use futures_util::future::{join, join_all};
use jiff::Timestamp;
use lambda_kit::chain;
use notify::alert::{Alert, State, Subject};
use notify::links;
use notify::reconcile::{Facts, Records};
use notify::record::{AlarmRecord, Fact};

use crate::handler::Alerts;
use crate::mutes;

/// The most names in one request, and the most alarms on one page; the default page has 50.
const NAMES: usize = 100;
const MOST_RECORDS: i32 = 100;
/// The longest time of all queries.
const QUERY_TIMEOUT: Duration = Duration::from_secs(15);

/// Why CloudWatch's alarms are not known.
#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error("CloudWatch did not answer within {} s", QUERY_TIMEOUT.as_secs())]
    Timeout,
    #[error("could not describe the alarms")]
    Describe { source: Box<SdkError<DescribeAlarmsError>> },
}

impl Alerts {
    /// Queries every alarm that notifies Vigie, and those of `records` that the list does not contain.
    pub(crate) async fn facts(&self, records: &Records) -> Facts {
        let mut facts = Facts::default();
        let mut named: BTreeMap<String, Vec<&AlarmRecord>> = BTreeMap::new();
        for (key, record) in records {
            let wanted = record.is_open() || !record.sent.is_empty() || record.history_lost;
            if !record.can_be_queried() || !wanted {
                continue;
            }
            match alarm_place(key, &self.config.region) {
                Some((region, account)) if self.config.is_own_account(account) => {
                    named.entry(region.to_owned()).or_default().push(record);
                }
                _ => {
                    facts.out_of_reach.insert(key.clone());
                }
            }
        }
        let list = in_time(self.list());
        let named = join_all(named.into_iter().map(async |(region, records)| {
            let client = self.clients.cloudwatch_in(&region);
            (in_time(states(&client, &records)).await, region)
        }));
        let (list, named) = join(list, named).await;
        for (answer, region) in named {
            match answer {
                Ok(states) => facts.alarms.extend(states),
                Err(error) => {
                    tracing::warn!(error = chain(&error), region, "Alarms could not be queried");
                }
            }
        }
        match list {
            Ok(listed) => {
                for listed in &listed {
                    facts.alarms.insert(listed.alert.key.clone(), listed.fact());
                    if !listed.actions_enabled {
                        facts.muted.insert(listed.alert.key.clone());
                    }
                }
                facts.listed = Some(listed.into_iter().map(|listed| listed.alert).collect());
            }
            Err(error) => tracing::warn!(error = chain(&error), "Alarms could not be listed"),
        }
        let open: BTreeMap<&str, &str> = records
            .values()
            .filter(|record| record.can_be_queried() && record.is_open())
            .map(|record| &record.alert)
            .chain(facts.listed.iter().flatten().filter(|alert| alert.state != State::Ok))
            .map(|alert| (alert.key.as_str(), alert.name.as_str()))
            .collect();
        let muted = mutes::muted(&self.clients.cloudwatch, open.values().copied()).await;
        let muted = open.iter().filter(|(_, name)| muted.contains(**name));
        let muted: BTreeSet<String> = muted.map(|(key, _)| (*key).to_owned()).collect();
        facts.muted.extend(muted);
        facts
    }

    /// The objectives of the probes, from the descriptions of their alarms; empty if CloudWatch does not answer.
    pub(crate) async fn objectives(&self) -> BTreeMap<ProbeName, AvailabilityObjective> {
        let listed = in_time(self.list()).await.unwrap_or_else(|error| {
            tracing::warn!(error = chain(&error), "Objectives could not be read");
            Vec::new()
        });
        let objective = |listed: Listed| match listed.alert.subject {
            Subject::Down { probe } => Some((probe, listed.objective?)),
            _ => None,
        };
        listed.into_iter().filter_map(objective).collect()
    }

    /// Every alarm with an action on Vigie's topic.
    async fn list(&self) -> Result<Vec<Listed>, QueryError> {
        let topic = &self.config.alarms_topic;
        let mut pages =
            described(&self.clients.cloudwatch).action_prefix(topic).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|source| QueryError::Describe { source: Box::new(source) })?;
            listed.extend(alarms(&page).into_iter().filter_map(|alarm| {
                // An endpoint that does not support the prefix returns every alarm.
                alarm.actions.contains(&topic.as_str()).then_some(())?;
                listed_alarm(&alarm, &self.config.environment)
            }));
        }
        Ok(listed)
    }
}

/// An alarm of the list.
struct Listed {
    alert: Alert,
    actions_enabled: bool,
    objective: Option<AvailabilityObjective>,
}

impl Listed {
    fn fact(&self) -> Fact {
        Fact::Is {
            state: self.alert.state,
            since: self.alert.changed,
            reason: self.alert.reason.clone(),
        }
    }
}

/// The common fields of the three kinds of alarms.
struct Described<'a> {
    name: &'a str,
    arn: &'a str,
    description: &'a str,
    state: Option<&'a StateValue>,
    reason: &'a str,
    since: Option<&'a DateTime>,
    actions: Vec<&'a str>,
    actions_enabled: bool,
    looks_back_seconds: Option<u64>,
}

impl Described<'_> {
    /// `None` for a state that this program does not know.
    fn fact(&self) -> Option<Fact> {
        Some(Fact::Is {
            state: State::from_word(self.state?.as_str())?,
            since: timestamp(self.since?)?,
            reason: self.reason.to_owned(),
        })
    }
}

fn alarms(page: &DescribeAlarmsOutput) -> Vec<Described<'_>> {
    let metric = page.metric_alarms().iter().map(metric_alarm);
    let composite = page.composite_alarms().iter().map(composite_alarm);
    let log = page.log_alarms().iter().map(log_alarm);
    metric.chain(composite).chain(log).collect()
}

fn metric_alarm(alarm: &MetricAlarm) -> Described<'_> {
    let actions = [alarm.alarm_actions(), alarm.ok_actions(), alarm.insufficient_data_actions()];
    // Metric math has the periods of its metrics.
    let of_metrics = alarm.metrics().iter().filter_map(|metric| metric.metric_stat()?.period());
    let period = alarm.period().or_else(|| of_metrics.max());
    let period = period.and_then(|seconds| u64::try_from(seconds).ok());
    let periods = alarm.evaluation_periods().and_then(|count| u64::try_from(count).ok());
    Described {
        name: alarm.alarm_name().unwrap_or_default(),
        arn: alarm.alarm_arn().unwrap_or_default(),
        description: alarm.alarm_description().unwrap_or_default(),
        state: alarm.state_value(),
        reason: alarm.state_reason().unwrap_or_default(),
        since: alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
        actions: actions.concat_names(),
        actions_enabled: alarm.actions_enabled().unwrap_or(true),
        looks_back_seconds: period.zip(periods).map(|(period, count)| period.saturating_mul(count)),
    }
}

fn composite_alarm(alarm: &CompositeAlarm) -> Described<'_> {
    let actions = [alarm.alarm_actions(), alarm.ok_actions(), alarm.insufficient_data_actions()];
    let suppressed = alarm.actions_suppressed_by().is_some();
    Described {
        name: alarm.alarm_name().unwrap_or_default(),
        arn: alarm.alarm_arn().unwrap_or_default(),
        description: alarm.alarm_description().unwrap_or_default(),
        state: alarm.state_value(),
        reason: alarm.state_reason().unwrap_or_default(),
        since: alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
        actions: actions.concat_names(),
        actions_enabled: alarm.actions_enabled().unwrap_or(true) && !suppressed,
        looks_back_seconds: None,
    }
}

fn log_alarm(alarm: &LogAlarm) -> Described<'_> {
    let actions = [alarm.alarm_actions(), alarm.ok_actions(), alarm.insufficient_data_actions()];
    Described {
        name: alarm.alarm_name().unwrap_or_default(),
        arn: alarm.alarm_arn().unwrap_or_default(),
        description: alarm.alarm_description().unwrap_or_default(),
        state: alarm.state_value(),
        reason: alarm.state_reason().unwrap_or_default(),
        since: alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
        actions: actions.concat_names(),
        actions_enabled: alarm.actions_enabled().unwrap_or(true),
        looks_back_seconds: None,
    }
}

trait ConcatNames<'a> {
    fn concat_names(self) -> Vec<&'a str>;
}

impl<'a> ConcatNames<'a> for [&'a [String]; 3] {
    fn concat_names(self) -> Vec<&'a str> {
        self.into_iter().flatten().map(String::as_str).collect()
    }
}

fn listed_alarm(alarm: &Described<'_>, environment: &EnvironmentName) -> Option<Listed> {
    let Fact::Is { state, since, reason } = alarm.fact()? else { return None };
    let (prose, note) = Note::split(alarm.description);
    let subject = Subject::of_alarm(alarm.name, environment);
    Some(Listed {
        actions_enabled: alarm.actions_enabled,
        objective: note.objective,
        alert: Alert {
            key: if alarm.arn.is_empty() { alarm.name } else { alarm.arn }.to_owned(),
            reason,
            description: prose.to_owned(),
            labels: note.labels,
            severity: note.severity,
            runbook: note.runbook,
            link: links::alarm(alarm.arn),
            looks_back_seconds: alarm.looks_back_seconds,
            ..Alert::new(alarm.name.to_owned(), subject, state, since)
        },
    })
}

/// The states of the alarms of `records`, which are all of one region.
async fn states(
    client: &Client,
    records: &[&AlarmRecord],
) -> Result<BTreeMap<String, Fact>, QueryError> {
    let mut facts = BTreeMap::new();
    for records in records.chunks(NAMES) {
        let names: Vec<String> = records.iter().map(|record| record.alert.name.clone()).collect();
        let mut there = facts_by_name(client, names).await?;
        for record in records {
            // The answer is complete, so an alarm that is not in it does not exist. `None` is an alarm in
            // a state that this program does not know.
            let fact = there.remove(&record.alert.name).unwrap_or(Some(Fact::Absent));
            facts.extend(fact.map(|fact| (record.alert.key.clone(), fact)));
        }
    }
    Ok(facts)
}

async fn facts_by_name(
    client: &Client,
    names: Vec<String>,
) -> Result<BTreeMap<String, Option<Fact>>, QueryError> {
    let mut pages = described(client).set_alarm_names(Some(names)).into_paginator().send();
    let mut there = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|source| QueryError::Describe { source: Box::new(source) })?;
        there.extend(alarms(&page).iter().map(|alarm| (alarm.name.to_owned(), alarm.fact())));
    }
    Ok(there)
}

fn described(
    client: &Client,
) -> aws_sdk_cloudwatch::operation::describe_alarms::builders::DescribeAlarmsFluentBuilder {
    client
        .describe_alarms()
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .alarm_types(AlarmType::LogAlarm)
        .max_records(MOST_RECORDS)
}

/// Region and account of an alarm. A key that is only a name is of this region; its account is empty.
fn alarm_place<'a>(key: &'a str, own_region: &'a str) -> Option<(&'a str, &'a str)> {
    if !key.starts_with("arn:") {
        return Some((own_region, ""));
    }
    let parts: Vec<&str> = key.splitn(7, ':').collect();
    let [_, _, "cloudwatch", region, account, "alarm", _] = parts[..] else { return None };
    Some((region, account))
}

async fn in_time<T>(query: impl Future<Output = Result<T, QueryError>>) -> Result<T, QueryError> {
    tokio::time::timeout(QUERY_TIMEOUT, query).await.unwrap_or(Err(QueryError::Timeout))
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.to_millis().ok()?).ok()
}

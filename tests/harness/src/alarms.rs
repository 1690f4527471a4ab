//! CloudWatch's alarm evaluation for the local AWS.
//!
//! The emulator stores alarms, metrics and states and notifies SNS of a change. This module decides when a
//! state changes, by the documented rules (crate `alarm-model`) and at the evaluation times of CloudWatch.

mod stored;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use alarm_model::{Alarm, Evaluation, StateValue, StatisticSet, Time};
use anyhow::Context;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Metric, MetricAlarm, MetricDataQuery, MetricStat};
use serde_json::json;

use stored::StoredAlarm;

/// One state change.
#[derive(Clone, Debug)]
pub struct Change {
    pub alarm: String,
    pub from: StateValue,
    pub to: StateValue,
    pub reason: String,
    pub at: SystemTime,
}

/// Evaluates all alarms until it is dropped.
pub struct Evaluator {
    history: Arc<Mutex<History>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct History {
    changes: Vec<Change>,
    /// Messages about alarms that could not be evaluated, each once.
    problems: Vec<String>,
}

impl Evaluator {
    #[must_use]
    pub fn start(client: Client) -> Self {
        let history = Arc::<Mutex<History>>::default();
        let task = tokio::spawn(evaluate_forever(client, Arc::clone(&history)));
        Self { history, task }
    }

    /// All changes so far, oldest first.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.lock().changes.clone()
    }

    /// Alarms that could not be evaluated, with the reason. Tests that use alarms require an empty list.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.lock().problems.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn evaluate_forever(client: Client, history: Arc<Mutex<History>>) {
    loop {
        let now = next_ten_seconds().await;
        if let Err(error) = evaluate_all(&client, now, &history).await {
            record_problem(&history, format!("alarms could not be listed: {error:#}"));
        }
    }
}

/// Waits for the next multiple of ten seconds, at which CloudWatch evaluates alarms with short periods.
async fn next_ten_seconds() -> Time {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let next = Duration::from_secs(now.as_secs() / 10 * 10 + 10);
    tokio::time::sleep(next.saturating_sub(now)).await;
    Time::from_unix_seconds(i64::try_from(next.as_secs()).unwrap_or(i64::MAX))
}

async fn evaluate_all(client: &Client, now: Time, history: &Mutex<History>) -> anyhow::Result<()> {
    let mut pages = client.describe_alarms().into_paginator().send();
    let mut alarms = Vec::new();
    while let Some(page) = pages.next().await {
        alarms.extend(page?.metric_alarms.unwrap_or_default());
    }
    for stored in alarms {
        let name = stored.alarm_name().unwrap_or_default().to_owned();
        match evaluate(client, now, &stored).await {
            Ok(Some(change)) => {
                history.lock().unwrap_or_else(PoisonError::into_inner).changes.push(change);
            }
            Ok(None) => {}
            Err(error) => record_problem(history, format!("alarm `{name}`: {error:#}")),
        }
    }
    Ok(())
}

fn record_problem(history: &Mutex<History>, sentence: String) {
    let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
    if !history.problems.contains(&sentence) {
        history.problems.push(sentence);
    }
}

async fn evaluate(
    client: &Client,
    now: Time,
    stored: &MetricAlarm,
) -> anyhow::Result<Option<Change>> {
    let alarm = StoredAlarm::of(stored)?;
    let settings = &alarm.alarm;
    let every = i64::try_from(settings.evaluated_every().as_secs())?;
    if now.unix_seconds() % every != 0 {
        return Ok(None);
    }
    let current = stored
        .state_value()
        .and_then(|state| StateValue::from_api(state.as_str()))
        .unwrap_or(StateValue::InsufficientData);
    let mut visible = Vec::new();
    for metric in &alarm.metrics {
        visible.push(published(client, now, metric, settings).await?);
    }
    let evaluation = alarm.evaluate(now, &visible, current);
    if evaluation.state == current {
        return Ok(None);
    }
    let name = stored.alarm_name().context("an alarm without a name")?;
    client
        .set_alarm_state()
        .alarm_name(name)
        .state_value(evaluation.state.to_string().as_str().into())
        .state_reason(&evaluation.reason)
        .state_reason_data(reason_data(now, settings, stored, &evaluation))
        .send()
        .await?;
    let reason = evaluation.reason;
    let (alarm, at) = (name.to_owned(), SystemTime::now());
    Ok(Some(Change { alarm, from: current, to: evaluation.state, reason, at }))
}

/// The values in the evaluation range with exactly the dimensions of the alarm.
async fn published(
    client: &Client,
    now: Time,
    metric: &Metric,
    alarm: &Alarm,
) -> anyhow::Result<Vec<StatisticSet>> {
    let slots = alarm.slots(now);
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Ok(Vec::new()) };
    // Shorter than the period, because windows slide.
    let step = i32::try_from(alarm.evaluated_every().as_secs())?;
    let query = |statistic: &str| {
        let stat =
            MetricStat::builder().metric(metric.clone()).period(step).stat(statistic).build();
        MetricDataQuery::builder().id(statistic.to_lowercase()).metric_stat(stat).build()
    };
    let answer = client
        .get_metric_data()
        .start_time(DateTime::from_secs(first.start.unix_seconds()))
        .end_time(DateTime::from_secs(last.end.unix_seconds()))
        .set_metric_data_queries(Some(
            ["SampleCount", "Sum", "Minimum", "Maximum"].map(query).to_vec(),
        ))
        .send()
        .await?;
    let values = |id: &str| -> Vec<(i64, f64)> {
        answer
            .metric_data_results()
            .iter()
            .filter(|result| result.id() == Some(id))
            .flat_map(|result| result.timestamps().iter().zip(result.values()))
            .map(|(at, value)| (at.secs(), *value))
            .collect()
    };
    let [sums, minima, maxima] = ["sum", "minimum", "maximum"].map(values);
    let value_at = |values: &[(i64, f64)], at: i64| {
        values.iter().find(|(time, _)| *time == at).map(|(_, value)| *value)
    };
    let set = |(at, count): (i64, f64)| {
        Some(StatisticSet {
            at: Time::from_unix_seconds(at),
            count,
            sum: value_at(&sums, at)?,
            minimum: value_at(&minima, at)?,
            maximum: value_at(&maxima, at)?,
        })
    };
    Ok(values("samplecount").into_iter().filter_map(set).collect())
}

/// `StateReasonData` in the format of CloudWatch.
fn reason_data(now: Time, alarm: &Alarm, stored: &MetricAlarm, evaluation: &Evaluation) -> String {
    let time = |time: Time| {
        DateTime::from_secs(time.unix_seconds())
            .fmt(aws_sdk_cloudwatch::primitives::DateTimeFormat::DateTime)
            .unwrap_or_default()
            .replace('Z', ".000+0000")
    };
    let newest = &evaluation.datapoints;
    let evaluated: Vec<_> = newest
        .iter()
        .map(|point| {
            json!({"timestamp": time(point.at), "sampleCount": point.sample_count, "value": point.value})
        })
        .collect();
    let recent: Vec<f64> = newest.iter().rev().map(|point| point.value).collect();
    json!({
        "version": "1.0",
        "queryDate": time(now),
        "startDate": newest.last().map(|oldest| time(oldest.at)),
        "statistic": stored.statistic().map(|statistic| statistic.as_str().to_owned()),
        "period": alarm.period.as_secs(),
        "recentDatapoints": recent,
        "threshold": alarm.threshold,
        "evaluatedDatapoints": evaluated,
    })
    .to_string()
}

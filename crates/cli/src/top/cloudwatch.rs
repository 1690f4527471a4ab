//! Values of a deployed environment: the states of its alarms, and metrics of the last 24 hours.

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricAlarm, MetricDataQuery, ScanBy, StateValue};
use domain::{AlarmKind, AlarmName, EnvironmentName, ProbeName};
use jiff::Timestamp;
use status_page::State;

use super::snapshot::{Row, Snapshot};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A deployed environment.
pub(crate) struct CloudWatchSource {
    pub(crate) client: Client,
    pub(crate) environment: EnvironmentName,
}

/// Metrics of a probe.
#[derive(Clone, Debug, Default, PartialEq)]
struct Metrics {
    passed: f64,
    total: f64,
    p50: Option<f64>,
    p95: Option<f64>,
    /// By the hour, counted from the first one.
    hours: BTreeMap<usize, f64>,
}

impl CloudWatchSource {
    pub(super) fn name(&self) -> String {
        format!("environment {}", self.environment)
    }

    pub(super) async fn fetch(&self, now: Timestamp) -> anyhow::Result<Snapshot> {
        let (states, metrics) = tokio::try_join!(self.states(), self.metrics(now))?;
        let rows = states.into_iter().map(|(name, (state, since))| {
            let metrics = metrics.get(&name).cloned().unwrap_or_default();
            row(name, state, since, &metrics)
        });
        Ok(Snapshot::new(rows.collect(), now))
    }

    /// The state of each probe that has alarms.
    async fn states(&self) -> anyhow::Result<BTreeMap<ProbeName, (State, Option<Timestamp>)>> {
        let prefix = format!("vigie-{}-", self.environment);
        let request = self.client.describe_alarms().alarm_name_prefix(prefix);
        let mut pages = request.into_paginator().send();
        let mut states = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.context("could not read the alarms")?;
            for alarm in page.metric_alarms() {
                self.add(&mut states, alarm);
            }
        }
        Ok(states)
    }

    /// The worse of the states of a probe's two alarms.
    fn add(
        &self,
        states: &mut BTreeMap<ProbeName, (State, Option<Timestamp>)>,
        alarm: &MetricAlarm,
    ) {
        let name = alarm.alarm_name().unwrap_or_default();
        let Some(name) = AlarmName::parse(name, &self.environment) else { return };
        let state = match (name.kind, alarm.state_value()) {
            (AlarmKind::Down, Some(StateValue::Alarm)) => State::Down,
            (AlarmKind::Down, Some(StateValue::InsufficientData)) => State::NoData,
            (AlarmKind::Degraded, Some(StateValue::Alarm)) => State::Degraded,
            _ => State::Up,
        };
        let since = alarm.state_transitioned_timestamp().map(DateTime::secs);
        let since = since.and_then(|second| Timestamp::from_second(second).ok());
        let entry = states.entry(name.probe).or_insert((state, since));
        if state < entry.0 || (state == State::Up && entry.0 == State::Up && entry.1 < since) {
            *entry = (state, since);
        }
    }

    async fn metrics(&self, now: Timestamp) -> anyhow::Result<BTreeMap<ProbeName, Metrics>> {
        let end = (now.as_second().div_euclid(HOUR) + 1) * HOUR;
        let start = end - DAY;
        let queries = [
            ("passed", "Success", "Sum", DAY),
            ("total", "Success", "SampleCount", DAY),
            ("p50", "TimeToFirstChunk", "p50", DAY),
            ("p95", "TimeToFirstChunk", "p95", DAY),
            ("hours", "TimeToFirstChunk", "p50", HOUR),
        ];
        let queries = queries.map(|(id, metric, statistic, period)| {
            let search = format!(
                "SEARCH('{{{},Environment,Probe}} MetricName=\"{metric}\" Environment=\"{}\"', '{statistic}', {period})",
                cloudwatch::NAMESPACE, self.environment,
            );
            let query = MetricDataQuery::builder().id(id).expression(search);
            query.label("${PROP('Dim.Probe')}").build()
        });
        let request = self
            .client
            .get_metric_data()
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampAscending)
            .set_metric_data_queries(Some(queries.into()));
        let mut pages = request.into_paginator().send();
        let mut probes: BTreeMap<ProbeName, Metrics> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.context("could not read the metrics")?;
            for result in page.metric_data_results() {
                let Ok(name) = result.label().unwrap_or_default().parse() else { continue };
                let metrics = probes.entry(name).or_default();
                let values = result.timestamps().iter().zip(result.values());
                for (at, value) in values {
                    metrics.add(result.id().unwrap_or_default(), at.secs() - start, *value);
                }
            }
        }
        Ok(probes)
    }
}

impl Metrics {
    /// Adds a value of a query, `seconds` after the start.
    fn add(&mut self, query: &str, seconds: i64, value: f64) {
        match query {
            "passed" => self.passed += value,
            "total" => self.total += value,
            "p50" => self.p50 = Some(value),
            "p95" => self.p95 = Some(value),
            _ => {
                if let Ok(hour) = usize::try_from(seconds.div_euclid(HOUR)) {
                    self.hours.insert(hour, value);
                }
            }
        }
    }
}

fn row(name: ProbeName, state: State, since: Option<Timestamp>, metrics: &Metrics) -> Row {
    let share = 100.0 * metrics.passed / metrics.total;
    Row {
        name,
        state,
        since,
        availability: (0.0 < metrics.total).then_some(share),
        p50: metrics.p50,
        p95: metrics.p95,
        hours: (0..24).map(|hour| metrics.hours.get(&hour).copied()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
    use aws_sdk_cloudwatch::types::MetricDataResult;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    const NOW: i64 = 1_795_991_400;

    fn alarm(name: &str, state: StateValue) -> MetricAlarm {
        let since = DateTime::from_secs(NOW - 600);
        let alarm = MetricAlarm::builder().alarm_name(name).state_value(state);
        alarm.state_transitioned_timestamp(since).build()
    }

    fn result(id: &str, probe: &str, values: &[(i64, f64)]) -> MetricDataResult {
        let end = (NOW.div_euclid(HOUR) + 1) * HOUR;
        let result = MetricDataResult::builder().id(id).label(probe);
        let values = values.iter();
        values
            .fold(result, |result, (hour, value)| {
                let at = DateTime::from_secs(end - DAY + hour * HOUR);
                result.timestamps(at).values(*value)
            })
            .build()
    }

    #[tokio::test]
    async fn values_of_an_environment_are_those_of_cloudwatch() {
        let alarms = mock!(Client::describe_alarms)
            .match_requests(|request| request.alarm_name_prefix() == Some("vigie-prod-"))
            .then_output(|| {
                DescribeAlarmsOutput::builder()
                    .metric_alarms(alarm("vigie-prod-shop-down", StateValue::Ok))
                    .metric_alarms(alarm("vigie-prod-shop-degraded", StateValue::Alarm))
                    .metric_alarms(alarm("vigie-prod-bot-down", StateValue::Alarm))
                    .metric_alarms(alarm("vigie-prod-bot-degraded", StateValue::InsufficientData))
                    .metric_alarms(alarm("vigie-prod-new-down", StateValue::InsufficientData))
                    .metric_alarms(alarm("vigie-prod-runs-lost", StateValue::Alarm))
                    .build()
            });
        let metrics = mock!(Client::get_metric_data).then_output(|| {
            GetMetricDataOutput::builder()
                .metric_data_results(result("passed", "bot", &[(0, 5.0)]))
                .metric_data_results(result("total", "bot", &[(0, 20.0)]))
                .metric_data_results(result("p50", "bot", &[(0, 0.5)]))
                .metric_data_results(result("p95", "bot", &[(0, 2.0)]))
                .metric_data_results(result("hours", "bot", &[(0, 0.4), (23, 0.6)]))
                .build()
        });
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&alarms, &metrics]);
        let source = CloudWatchSource { client, environment: "prod".parse().unwrap() };
        let snapshot = source.fetch(Timestamp::from_second(NOW).unwrap()).await.unwrap();
        let states: Vec<(&str, State)> =
            snapshot.rows.iter().map(|row| (row.name.as_str(), row.state)).collect();
        let expected = [("bot", State::Down), ("new", State::NoData), ("shop", State::Degraded)];
        assert_eq!(states, expected);
        let bot = &snapshot.rows[0];
        assert_eq!((bot.availability, bot.p50, bot.p95), (Some(25.0), Some(0.5), Some(2.0)));
        assert_eq!((bot.hours.len(), bot.hours[0], bot.hours[23]), (24, Some(0.4), Some(0.6)));
        assert_eq!(snapshot.rows[1].availability, None);
    }
}

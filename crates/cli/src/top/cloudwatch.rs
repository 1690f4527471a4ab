//! Values of a deployed environment: the states of its alarms, and metrics of the last 24 hours.

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricAlarm, MetricDataQuery, ScanBy, StateValue};
use domain::{AlarmKind, AlarmName, EnvironmentName, LocationAlarmName, LocationName, ProbeName};
use jiff::Timestamp;
use status_page::State;

use super::snapshot::{Row, Snapshot, Values};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Id, metric, statistic and period of each query.
const QUERIES: [(&str, &str, &str, i64); 5] = [
    ("passed", "Success", "Sum", DAY),
    ("total", "Success", "SampleCount", DAY),
    ("p50", "TimeToFirstChunk", "p50", DAY),
    ("p95", "TimeToFirstChunk", "p95", DAY),
    ("hours", "TimeToFirstChunk", "p50", HOUR),
];

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
        let states = self.states().await?;
        let is_located = states.keys().any(|series| series.location.is_some());
        let metrics = self.metrics(now, is_located).await?;
        let mut rows: Vec<Row> = Vec::new();
        // A probe is followed by its locations.
        for (series, (state, since)) in states {
            let values = values(state, since, &metrics.get(&series).cloned().unwrap_or_default());
            match (series.location, rows.last_mut()) {
                (None, _) => {
                    rows.push(Row { name: series.probe, values, locations: Vec::new() });
                }
                (Some(name), Some(row)) if row.name == series.probe => {
                    row.locations.push((name, values));
                }
                // Another tool deleted the alarm of the probe.
                (Some(_), _) => {}
            }
        }
        Ok(Snapshot::new(rows, now))
    }

    /// The state of each probe that has alarms, and of its locations.
    async fn states(&self) -> anyhow::Result<BTreeMap<Series, (State, Option<Timestamp>)>> {
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

    /// The worse of the states of a probe's two alarms; a location has one.
    fn add(&self, states: &mut BTreeMap<Series, (State, Option<Timestamp>)>, alarm: &MetricAlarm) {
        let Some((series, kind)) = self.parse(alarm.alarm_name().unwrap_or_default()) else {
            return;
        };
        let state = match (kind, alarm.state_value()) {
            (AlarmKind::Down, Some(StateValue::Alarm)) => State::Down,
            (AlarmKind::Down, Some(StateValue::InsufficientData)) => State::NoData,
            (AlarmKind::Degraded, Some(StateValue::Alarm)) => State::Degraded,
            _ => State::Up,
        };
        let since = alarm.state_transitioned_timestamp().map(DateTime::secs);
        let since = since.and_then(|second| Timestamp::from_second(second).ok());
        let entry = states.entry(series).or_insert((state, since));
        if state < entry.0 || (state == State::Up && entry.0 == State::Up && entry.1 < since) {
            *entry = (state, since);
        }
    }

    fn parse(&self, alarm: &str) -> Option<(Series, AlarmKind)> {
        if let Some(name) = LocationAlarmName::parse(alarm, &self.environment) {
            let LocationAlarmName { probe, location, .. } = name;
            return Some((Series { probe, location: Some(location) }, AlarmKind::Down));
        }
        let name = AlarmName::parse(alarm, &self.environment)?;
        Some((Series { probe: name.probe, location: None }, name.kind))
    }

    async fn metrics(
        &self,
        now: Timestamp,
        is_located: bool,
    ) -> anyhow::Result<BTreeMap<Series, Metrics>> {
        let end = (now.as_second().div_euclid(HOUR) + 1) * HOUR;
        let start = end - DAY;
        let mut queries = self.queries("", "");
        if is_located {
            queries.extend(self.queries("at_", "Location"));
        }
        let request = self
            .client
            .get_metric_data()
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampAscending)
            .set_metric_data_queries(Some(queries));
        let mut pages = request.into_paginator().send();
        let mut all: BTreeMap<Series, Metrics> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.context("could not read the metrics")?;
            for result in page.metric_data_results() {
                let Some(series) = Series::of_label(result.label().unwrap_or_default()) else {
                    continue;
                };
                let metrics = all.entry(series).or_default();
                let id = result.id().unwrap_or_default();
                let values = result.timestamps().iter().zip(result.values());
                for (at, value) in values {
                    metrics.add(id.trim_start_matches("at_"), at.secs() - start, *value);
                }
            }
        }
        Ok(all)
    }

    /// The queries over the metrics of the probes, or over those with one more dimension.
    fn queries(&self, prefix: &str, dimension: &str) -> Vec<MetricDataQuery> {
        let (more, label) = match dimension {
            "" => (String::new(), "${PROP('Dim.Probe')}".to_owned()),
            name => (format!(",{name}"), format!("${{PROP('Dim.Probe')}} ${{PROP('Dim.{name}')}}")),
        };
        let query = |(id, metric, statistic, period): (&str, &str, &str, i64)| {
            let search = format!(
                "SEARCH('{{{},Environment,Probe{more}}} MetricName=\"{metric}\" Environment=\"{}\"', '{statistic}', {period})",
                cloudwatch::NAMESPACE,
                self.environment,
            );
            let query = MetricDataQuery::builder().id(format!("{prefix}{id}")).expression(search);
            query.label(&label).build()
        };
        QUERIES.into_iter().map(query).collect()
    }
}

/// The metrics of a probe, or of its runs at one location.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    probe: ProbeName,
    location: Option<LocationName>,
}

impl Series {
    /// From the label of a query, such as `support-bot` or `support-bot us-east-1`.
    fn of_label(label: &str) -> Option<Self> {
        match label.split_once(' ') {
            None => Some(Self { probe: label.parse().ok()?, location: None }),
            Some((probe, location)) => {
                Some(Self { probe: probe.parse().ok()?, location: Some(location.parse().ok()?) })
            }
        }
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

fn values(state: State, since: Option<Timestamp>, metrics: &Metrics) -> Values {
    let share = 100.0 * metrics.passed / metrics.total;
    Values {
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
            snapshot.rows.iter().map(|row| (row.name.as_str(), row.values.state)).collect();
        let expected = [("bot", State::Down), ("new", State::NoData), ("shop", State::Degraded)];
        assert_eq!(states, expected);
        let bot = &snapshot.rows[0].values;
        assert_eq!((bot.availability, bot.p50, bot.p95), (Some(25.0), Some(0.5), Some(2.0)));
        assert_eq!((bot.hours.len(), bot.hours[0], bot.hours[23]), (24, Some(0.4), Some(0.6)));
        assert_eq!(snapshot.rows[1].values.availability, None);
    }

    #[tokio::test]
    async fn location_has_its_own_alarm_and_metrics() {
        let alarms = mock!(Client::describe_alarms).then_output(|| {
            DescribeAlarmsOutput::builder()
                .metric_alarms(alarm("vigie-prod-bot-degraded", StateValue::Ok))
                .metric_alarms(alarm("vigie-prod-bot-down", StateValue::Ok))
                .metric_alarms(alarm("vigie-prod-bot-down.office", StateValue::Alarm))
                .metric_alarms(alarm("vigie-prod-bot-down.us-east-1", StateValue::Ok))
                .build()
        });
        let metrics = mock!(Client::get_metric_data)
            .match_requests(|request| {
                let search = |query: &MetricDataQuery| {
                    query.expression().unwrap().contains("Environment,Probe,Location}")
                };
                request.metric_data_queries().iter().filter(|query| search(query)).count() == 5
            })
            .then_output(|| {
                GetMetricDataOutput::builder()
                    .metric_data_results(result("p50", "bot", &[(0, 0.5)]))
                    .metric_data_results(result("at_p50", "bot office", &[(0, 0.9)]))
                    .metric_data_results(result("at_p50", "bot us-east-1", &[(0, 0.2)]))
                    .build()
            });
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&alarms, &metrics]);
        let source = CloudWatchSource { client, environment: "prod".parse().unwrap() };
        let snapshot = source.fetch(Timestamp::from_second(NOW).unwrap()).await.unwrap();
        let [bot] = &snapshot.rows[..] else { panic!("{snapshot:?}") };
        let located = bot.locations.iter();
        let located: Vec<_> =
            located.map(|(name, values)| (name.as_str(), values.state, values.p50)).collect();
        assert_eq!((bot.values.state, bot.values.p50), (State::Up, Some(0.5)));
        let expected = [("office", State::Down, Some(0.9)), ("us-east-1", State::Up, Some(0.2))];
        assert_eq!(located, expected);
    }
}

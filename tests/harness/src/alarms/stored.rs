//! The settings of an alarm as the emulator stores them, for the alarm model.

use alarm_model::{
    Alarm, Comparison, Evaluation, Expression, MathAlarm, MathMetric, MissingData, StateValue,
    Statistic, StatisticSet, Time, Window, WithNumber, seconds,
};
use anyhow::{Context, ensure};
use aws_sdk_cloudwatch::types::{Metric, MetricAlarm, MetricDataQuery, MetricStat};

/// An alarm on a metric or on metric math.
pub(super) struct StoredAlarm {
    /// The settings; the statistic is that of a single metric.
    pub(super) alarm: Alarm,
    /// For an alarm on metric math.
    math: Option<MathAlarm>,
    /// The metrics to read, in the order in which their values are evaluated.
    pub(super) metrics: Vec<Metric>,
}

impl StoredAlarm {
    /// An error names settings that the model does not support.
    pub(super) fn of(stored: &MetricAlarm) -> anyhow::Result<Self> {
        if stored.metrics().is_empty() { Self::plain(stored) } else { Self::math(stored) }
    }

    fn plain(stored: &MetricAlarm) -> anyhow::Result<Self> {
        let statistic = stored.statistic().context("no plain statistic")?.as_str();
        let statistic = Statistic::from_api(statistic).with_context(|| statistic.to_owned())?;
        let period = stored.period().context("no period")?;
        let metric = Metric::builder()
            .set_namespace(stored.namespace().map(str::to_owned))
            .set_metric_name(stored.metric_name().map(str::to_owned))
            .set_dimensions(Some(stored.dimensions().to_vec()))
            .build();
        let alarm = Alarm { statistic, ..settings(stored, period)? };
        Ok(Self { alarm, math: None, metrics: vec![with_dimensions(metric)?] })
    }

    fn math(stored: &MetricAlarm) -> anyhow::Result<Self> {
        let (mut metrics, mut read, mut period) = (Vec::new(), Vec::new(), None);
        for query in stored.metrics() {
            let Some(stat) = query.metric_stat() else { continue };
            metrics.push(math_metric(query, stat)?);
            read.push(with_dimensions(stat.metric().context("no metric")?.clone())?);
            period = period.max(stat.period());
        }
        let alarm = settings(stored, period.context("no metric with a period")?)?;
        let expression = stored.metrics().iter().find_map(MetricDataQuery::expression);
        let expression = Expression::parse(expression.context("no expression")?);
        let expression = expression.map_err(|error| anyhow::anyhow!("{error}"))?;
        // What CloudWatch does here is not documented. The rendered alarms have the same state with both.
        let with_number = WithNumber::Missing;
        let math = MathAlarm { alarm, expression, metrics, with_number };
        Ok(Self { alarm, math: Some(math), metrics: read })
    }

    /// The state at `now`; `visible` has the values of each of the metrics.
    pub(super) fn evaluate(
        &self,
        now: Time,
        visible: &[Vec<StatisticSet>],
        current: StateValue,
    ) -> Evaluation {
        match &self.math {
            Some(math) => math.evaluate(now, visible, current),
            None => self.alarm.evaluate(now, &visible.concat(), current),
        }
    }
}

fn math_metric(query: &MetricDataQuery, stat: &MetricStat) -> anyhow::Result<MathMetric> {
    let name = stat.stat().unwrap_or_default();
    let statistic = Statistic::from_api(name).with_context(|| format!("statistic `{name}`"))?;
    Ok(MathMetric { id: query.id().unwrap_or_default().to_owned(), statistic })
}

fn with_dimensions(metric: Metric) -> anyhow::Result<Metric> {
    // Without dimensions, the emulator returns the values of all dimensions.
    ensure!(!metric.dimensions().is_empty(), "a metric without dimensions can't be read");
    Ok(metric)
}

fn settings(stored: &MetricAlarm, period: i32) -> anyhow::Result<Alarm> {
    let operator = stored.comparison_operator().context("no operator")?.as_str();
    let treatment = stored.treat_missing_data();
    let n = usize::try_from(stored.evaluation_periods().context("no evaluation periods")?)?;
    let m = stored.datapoints_to_alarm().map_or(Ok(n), usize::try_from)?;
    let alarm = Alarm {
        missing_data: MissingData::from_api(treatment).with_context(|| format!("{treatment:?}"))?,
        window: Window::Sliding,
        ..Alarm::m_of_n(
            m,
            n,
            seconds(u64::try_from(period)?),
            Comparison::from_api(operator).with_context(|| operator.to_owned())?,
            stored.threshold().context("no threshold")?,
        )
    };
    alarm.check()?;
    Ok(alarm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension};

    fn metric(id: &str, location: &str, stat: &str) -> MetricDataQuery {
        let dimension = Dimension::builder().name("Location").value(location).build();
        let metric = Metric::builder().metric_name("Success").dimensions(dimension).build();
        let stat = MetricStat::builder().metric(metric).period(10).stat(stat).build();
        MetricDataQuery::builder().id(id).metric_stat(stat).return_data(false).build()
    }

    #[test]
    fn metric_math_is_evaluated_over_its_metrics() {
        let votes = "IF((IF(ran1 > 0, 1, 0) + IF(ran2 > 0, 1, 0)) >= 2, 2 - (up1 + up2))";
        let expression = MetricDataQuery::builder().id("votes").expression(votes).build();
        let mut stored = MetricAlarm::builder()
            .evaluation_periods(3)
            .datapoints_to_alarm(2)
            .threshold(2.0)
            .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
            .metrics(expression);
        for (number, location) in [(1, "us-east-1"), (2, "office")] {
            stored = stored
                .metrics(metric(&format!("ran{number}"), location, "SampleCount"))
                .metrics(metric(&format!("up{number}"), location, "Maximum"));
        }
        let alarm = StoredAlarm::of(&stored.build()).unwrap();
        assert_eq!(alarm.metrics.len(), 4);
        let at = |second: i64| Time::from_unix_seconds(1_800_000_000 + second);
        let runs =
            |value: f64| [0, 10, 20].map(|second| StatisticSet::of(at(second), value)).to_vec();
        let state = |first: f64, second: Vec<StatisticSet>| {
            let visible = [runs(first), runs(first), second.clone(), second];
            alarm.evaluate(at(30), &visible, StateValue::Ok).state
        };
        assert_eq!(state(0.0, runs(0.0)), StateValue::Alarm);
        assert_eq!(state(0.0, runs(1.0)), StateValue::Ok);
        assert_eq!(state(0.0, Vec::new()), StateValue::InsufficientData);
    }
}

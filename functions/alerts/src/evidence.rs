//! The evidence in a mail: a report from S3, the metrics from CloudWatch. What fails or is slow is left out.

use std::error::Error;
use std::time::Duration;

use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use domain::report::Report;
use domain::{EnvironmentName, ProbeName};
use jiff::Timestamp;
use lambda_kit::chain;
use notify::AlarmRecord;
use notify::alert::State;
use notify::notification::{ProbeMetrics, Runs, Window};

use crate::reports::Reports;

/// The longest that a mail waits for its evidence.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The step of the availability line, and the number of steps.
const STEP: Duration = Duration::from_secs(300);
const STEPS: u32 = 24;
const HOUR: Duration = Duration::from_secs(3_600);
/// The longest period of a query: a day.
const LONGEST_PERIOD: u64 = 86_400;

/// Reads evidence.
pub(crate) struct Evidence<'a> {
    pub(crate) s3: &'a aws_sdk_s3::Client,
    pub(crate) cloudwatch: &'a aws_sdk_cloudwatch::Client,
    pub(crate) bucket: &'a str,
    pub(crate) environment: &'a EnvironmentName,
}

/// Why metrics are missing. The mail is sent without them.
#[derive(Debug, thiserror::Error)]
#[error("could not read the metrics")]
struct MetricsError {
    source: Box<SdkError<GetMetricDataError>>,
}

impl Evidence<'_> {
    /// The report of the run that raised the alarm.
    pub(crate) async fn report(&self, record: &AlarmRecord) -> Option<Report> {
        let probe = record.alert.subject.probe()?;
        let reports = Reports { s3: self.s3, bucket: self.bucket };
        in_time("report", reports.find(probe, record)).await?
    }

    /// The metrics of the alarm's probe around its incident.
    pub(crate) async fn metrics(
        &self,
        record: &AlarmRecord,
        now: Timestamp,
    ) -> Option<ProbeMetrics> {
        let probe = record.alert.subject.probe()?;
        let alert = &record.alert;
        let until = if alert.state == State::Ok { alert.changed } else { now };
        let began = record.incident.map_or_else(|| alert.began(), |incident| incident.began);
        in_time("metrics", Box::pin(self.around(probe, began, until))).await
    }

    async fn around(
        &self,
        probe: &ProbeName,
        began: Timestamp,
        until: Timestamp,
    ) -> Result<ProbeMetrics, MetricsError> {
        let minute = Duration::from_secs(60);
        let start = floor(began, minute);
        let end = ceil(until, minute).max(start + minute);
        let whole = Duration::try_from(end.duration_since(start)).unwrap_or(minute);
        let line_end = ceil(until, STEP);
        let line_start = line_end - STEP * STEPS;
        let (during, before, line) = tokio::join!(
            self.window(probe, start, end, whole),
            self.window(probe, start - HOUR, start, HOUR),
            self.values(probe, line_start, line_end, STEP, &RUNS),
        );
        let (during, before, line) = (during?, before?, line?);
        Ok(ProbeMetrics { before, during, line: shares(&line, line_start), step: STEP })
    }

    async fn window(
        &self,
        probe: &ProbeName,
        start: Timestamp,
        end: Timestamp,
        period: Duration,
    ) -> Result<Window, MetricsError> {
        let period = Duration::from_secs(period.as_secs().min(LONGEST_PERIOD));
        let values = self.values(probe, start, end, period, &ALL).await?;
        // The period spans the window. There are two values if CloudWatch aligns it differently.
        let sum = |index: usize| values[index].iter().map(|(_, value)| value).sum::<f64>();
        let newest = |index: usize| values[index].iter().max_by_key(|(at, _)| *at).map(|v| v.1);
        Ok(Window {
            runs: Runs::of(sum(0), sum(1)),
            first_chunk_p50: newest(2),
            first_chunk_p95: newest(3),
        })
    }

    /// The values of `wanted` with their times, in its order.
    async fn values(
        &self,
        probe: &ProbeName,
        start: Timestamp,
        end: Timestamp,
        period: Duration,
        wanted: &[(&str, &str)],
    ) -> Result<Vec<Vec<(i64, f64)>>, MetricsError> {
        let dimension =
            |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let period = i32::try_from(period.as_secs()).unwrap_or(i32::MAX);
        let queries = wanted.iter().enumerate().map(|(index, (metric, statistic))| {
            let metric = Metric::builder()
                .namespace(cloudwatch::NAMESPACE)
                .metric_name(*metric)
                .dimensions(dimension("Environment", self.environment.as_str()))
                .dimensions(dimension("Probe", probe.as_str()))
                .build();
            let stat = MetricStat::builder().metric(metric).period(period).stat(*statistic).build();
            MetricDataQuery::builder().id(format!("v{index}")).metric_stat(stat).build()
        });
        let answer = self
            .cloudwatch
            .get_metric_data()
            .start_time(DateTime::from_secs(start.as_second()))
            .end_time(DateTime::from_secs(end.as_second()))
            .set_metric_data_queries(Some(queries.collect()))
            .send()
            .await
            .map_err(|source| MetricsError { source: Box::new(source) })?;
        let mut values = vec![Vec::new(); wanted.len()];
        for result in answer.metric_data_results() {
            let index = result.id().and_then(|id| id.strip_prefix('v')?.parse::<usize>().ok());
            let Some(list) = index.and_then(|index| values.get_mut(index)) else { continue };
            let times = result.timestamps().iter().map(DateTime::secs);
            list.extend(times.zip(result.values().iter().copied()));
        }
        Ok(values)
    }
}

/// Passed runs, and all runs with a verdict.
const RUNS: [(&str, &str); 2] = [("Success", "Sum"), ("Success", "SampleCount")];
const ALL: [(&str, &str); 4] =
    [RUNS[0], RUNS[1], ("TimeToFirstChunk", "p50"), ("TimeToFirstChunk", "p95")];

async fn in_time<T, E: Error + 'static>(
    part: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Option<T> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::warn!(
                error = chain(&error),
                part,
                "Mail is sent without a part that could not be read"
            );
            None
        }
        Err(_) => {
            tracing::warn!(part, "Mail is sent without a part: reading it timed out");
            None
        }
    }
}

fn shares(values: &[Vec<(i64, f64)>], start: Timestamp) -> Vec<Option<f64>> {
    let value = |list: &[(i64, f64)], at: i64| {
        list.iter().find(|(time, _)| *time == at).map(|(_, value)| *value)
    };
    (0..STEPS)
        .map(|step| {
            let at = (start + STEP * step).as_second();
            let (passed, total) = (value(&values[0], at)?, value(&values[1], at)?);
            Runs::of(passed, total).map(Runs::availability)
        })
        .collect()
}

fn floor(at: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_secs()).unwrap_or(60);
    let second = at.as_second().div_euclid(step) * step;
    Timestamp::from_second(second).unwrap_or(at)
}

fn ceil(at: Timestamp, step: Duration) -> Timestamp {
    let below = floor(at, step);
    if below == at { at } else { below.checked_add(step).unwrap_or(at) }
}

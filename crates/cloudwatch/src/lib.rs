//! CloudWatch: the names of the metrics, and publishing within the limits of `PutMetricData`.
//!
//! Not the embedded metric format, which may deliver twice; availability counts runs. A value is one run, with the
//! run's due time as its timestamp, so that jitter does not empty one period and double the next.

mod names;

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use domain::metrics::{Detail, Metric, Unit, for_cloudwatch};
use domain::{EnvironmentName, Report};
use jiff::Timestamp;

pub use names::{BY_LOCATION, MetricInfo, NAMESPACE, OwnMetric, PROBE_METRICS};

/// The most metrics in one request; see the reference of `PutMetricData`.
pub const METRICS_PER_REQUEST: usize = 1_000;

/// The most values of one metric in one request.
pub const VALUES_PER_METRIC: usize = 150;

/// Why metrics were not published, after the SDK's retries.
#[derive(Debug, thiserror::Error)]
#[error("CloudWatch did not accept {count} metrics")]
pub struct PutError {
    pub count: usize,
    pub source: Box<SdkError<PutMetricDataError>>,
}

/// The metrics of a report.
///
/// Probes with an interval below a minute get high resolution, which a 10 s alarm period needs. It costs
/// the same to publish.
#[must_use]
pub fn data(report: &Report, detail: Detail) -> Vec<MetricDatum> {
    let metrics = for_cloudwatch(report, detail);
    let reason = |metric: &Metric| metric.reason.map(|reason| dimension("Reason", reason.as_str()));
    metrics.iter().flat_map(|metric| of_metric(report, metric, reason(metric))).collect()
}

/// The metrics of a report with the dimension `Location`, for environments with several locations. The vote
/// on the state of the bot reads them.
#[must_use]
pub fn data_of_location(report: &Report) -> Vec<MetricDatum> {
    let metrics = for_cloudwatch(report, Detail::Essential);
    let shown = metrics.iter().filter(|metric| BY_LOCATION.contains(&metric.name));
    let location = || Some(dimension("Location", &report.location));
    shown.flat_map(|metric| of_metric(report, metric, location())).collect()
}

/// The values of a metric, with one more dimension than the probe's if there is one.
fn of_metric(report: &Report, metric: &Metric, further: Option<Dimension>) -> Vec<MetricDatum> {
    let resolution = if report.every < Duration::from_secs(60) { 1 } else { 60 };
    let common = [
        dimension("Environment", report.environment.as_str()),
        dimension("Probe", report.probe.as_str()),
    ];
    let dimensions: Vec<Dimension> = common.into_iter().chain(further).collect();
    let datum = |values: &[f64]| {
        MetricDatum::builder()
            .metric_name(metric.name)
            .set_dimensions(Some(dimensions.clone()))
            .unit(unit(metric.unit))
            .timestamp(date_time(report.due))
            .storage_resolution(resolution)
            .set_values(Some(values.to_vec()))
            .set_counts(Some(vec![1.0; values.len()]))
            .build()
    };
    metric.values.chunks(VALUES_PER_METRIC).map(datum).collect()
}

/// A value of a metric about Vigie itself.
#[must_use]
pub fn own(
    metric: OwnMetric,
    environment: &EnvironmentName,
    value: f64,
    at: Timestamp,
) -> MetricDatum {
    own_with(metric, vec![dimension("Environment", environment.as_str())], value, at)
}

/// A part of the value of a metric about Vigie itself, with its reason.
#[must_use]
pub fn own_by_reason(
    metric: OwnMetric,
    environment: &EnvironmentName,
    reason: &str,
    value: f64,
    at: Timestamp,
) -> MetricDatum {
    let dimensions =
        vec![dimension("Environment", environment.as_str()), dimension("Reason", reason)];
    own_with(metric, dimensions, value, at)
}

fn own_with(
    metric: OwnMetric,
    dimensions: Vec<Dimension>,
    value: f64,
    at: Timestamp,
) -> MetricDatum {
    let info = metric.info();
    MetricDatum::builder()
        .metric_name(info.name)
        .set_dimensions(Some(dimensions))
        .unit(unit(info.unit))
        .timestamp(date_time(at))
        .value(value)
        .build()
}

/// Publishes in as few requests as the limits allow. Every request is tried, also after one failed.
///
/// # Errors
/// The last failure, with the number of all metrics that were not accepted.
pub async fn put(client: &Client, data: Vec<MetricDatum>) -> Result<(), PutError> {
    let mut failed: Option<PutError> = None;
    for request in data.chunks(METRICS_PER_REQUEST) {
        let sent = client
            .put_metric_data()
            .namespace(NAMESPACE)
            .set_metric_data(Some(request.to_vec()))
            .send()
            .await;
        if let Err(source) = sent {
            let before = failed.map_or(0, |failed| failed.count);
            failed = Some(PutError { count: before + request.len(), source: Box::new(source) });
        }
    }
    failed.map_or(Ok(()), Err)
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

fn unit(unit: Unit) -> StandardUnit {
    match unit {
        Unit::Count => StandardUnit::Count,
        Unit::Seconds => StandardUnit::Seconds,
        Unit::Unitless => StandardUnit::None,
    }
}

fn date_time(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
    use aws_sdk_cloudwatch::types::error::InternalServiceFault;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    /// A run of a 10 s probe that is down because a check failed.
    const REPORT: &str = r#"{"version":1,"run":"00000000000000aa","probe":"bot","environment":"prod",
        "location":"eu-west-1","instance":"chat.example.com:443","job":"gradio_chatbot","every_seconds":10,
        "due":"2026-11-22T10:00:10Z","started":"2026-11-22T10:00:10.020Z","duration_seconds":0.5,
        "outcome":{"kind":"down","reason":"check_failed"},"detail":"","attempts":[{"offset_seconds":0,
        "duration_seconds":0.5,"phases":{},"turns":[{"offset_seconds":0.1,"said":"hi","answered":"no",
        "characters":2,"timing":{"first_chunk_seconds":0.25,"reply_seconds":0.4},"checks":[],
        "objectives":{}}]}],"turns":1,"trace":"00000000000000000000000000000001","vigie":"0.0.0"}"#;

    fn report() -> Report {
        serde_json::from_str(REPORT).unwrap()
    }

    #[test]
    fn run_has_its_due_time_and_dimensions() {
        let data = data(&report(), Detail::Essential);
        let names: Vec<_> = data.iter().filter_map(MetricDatum::metric_name).collect();
        assert_eq!(names, ["Success", "Degraded", "Duration", "TimeToFirstChunk", "Failure"]);
        for datum in &data {
            assert_eq!(datum.timestamp().map(DateTime::secs), Some(1_795_341_610));
            assert_eq!(
                datum.storage_resolution(),
                Some(1),
                "an interval of 10 s needs high resolution"
            );
            let dimensions: Vec<_> =
                datum.dimensions().iter().filter_map(Dimension::value).collect();
            let expected: &[&str] = if datum.metric_name() == Some("Failure") {
                &["prod", "bot", "check_failed"]
            } else {
                &["prod", "bot"]
            };
            assert_eq!(dimensions, expected);
        }
        assert_eq!(data[0].values(), [0.0]);
        assert_eq!(data[3].values(), [0.25]);
    }

    #[test]
    fn location_has_its_own_success_and_first_chunk() {
        let data = data_of_location(&report());
        let names: Vec<_> = data.iter().filter_map(MetricDatum::metric_name).collect();
        assert_eq!(names, BY_LOCATION);
        for datum in &data {
            let dimensions: Vec<_> =
                datum.dimensions().iter().map(|one| (one.name(), one.value())).collect();
            let expected = [("Environment", "prod"), ("Probe", "bot"), ("Location", "eu-west-1")];
            assert_eq!(dimensions, expected.map(|(name, value)| (Some(name), Some(value))));
            assert_eq!(datum.storage_resolution(), Some(1));
        }
    }

    #[tokio::test]
    async fn one_request_carries_a_thousand_metrics() {
        let rule = mock!(Client::put_metric_data)
            .match_requests(|request| {
                request.namespace() == Some(NAMESPACE) && request.metric_data().len() <= 1_000
            })
            .then_output(|| PutMetricDataOutput::builder().build());
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&rule]);
        let at = report().due;
        let one = own(OwnMetric::RunsReported, &report().environment, 1.0, at);
        put(&client, vec![one; 2_001]).await.unwrap();
        assert_eq!(rule.num_calls(), 3);
    }

    #[tokio::test]
    async fn rejected_metrics_are_counted_and_the_rest_is_sent() {
        let refused = mock!(Client::put_metric_data).then_error(|| {
            PutMetricDataError::InternalServiceFault(InternalServiceFault::builder().build())
        });
        let taken =
            mock!(Client::put_metric_data).then_output(|| PutMetricDataOutput::builder().build());
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::Sequential, [&refused, &taken]);
        let one = own(OwnMetric::RunsReported, &report().environment, 1.0, report().due);
        let error = put(&client, vec![one; 1_500]).await.unwrap_err();
        assert_eq!(error.count, 1_000);
        assert_eq!(taken.num_calls(), 1);
    }
}

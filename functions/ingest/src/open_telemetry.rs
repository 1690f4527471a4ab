//! Metric streams in OpenTelemetry 1.0: protobuf messages, each after its length.
//!
//! Only the fields that CloudWatch sends are declared. Each metric is a summary; its attributes are
//! namespace, name and the list of dimensions.

use std::borrow::Cow;

use prost::Message;
use samples::Timestamp;

use crate::point::{Point, Unreadable};

#[derive(Clone, PartialEq, Message)]
struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeMetrics {
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "11")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    data_points: Vec<DataPoint>,
}

#[derive(Clone, PartialEq, Message)]
struct DataPoint {
    /// The labels of version 0.7; 1.0 does not use this field.
    #[prost(message, repeated, tag = "1")]
    old_labels: Vec<OldLabel>,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    count: u64,
    #[prost(double, tag = "5")]
    sum: f64,
    #[prost(message, repeated, tag = "6")]
    quantile_values: Vec<Quantile>,
}

#[derive(Clone, PartialEq, Message)]
struct OldLabel {}

#[derive(Clone, Copy, PartialEq, Message)]
struct Quantile {
    /// From 0, the minimum, to 1, the maximum.
    #[prost(double, tag = "1")]
    quantile: f64,
    #[prost(double, tag = "2")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, tag = "1")]
    string: String,
    #[prost(message, optional, tag = "6")]
    list: Option<KeyValueList>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

/// The data points of a record.
pub(crate) fn points(mut record: &[u8]) -> Result<Vec<Point<'static>>, Unreadable> {
    let mut points = Vec::new();
    while !record.is_empty() {
        let request = ExportRequest::decode_length_delimited(&mut record)
            .map_err(|source| Unreadable::Protobuf { source })?;
        for metrics in request.resource_metrics {
            let attributes =
                metrics.resource.map(|resource| resource.attributes).unwrap_or_default();
            let account = text(&attributes, "cloud.account.id");
            let region = text(&attributes, "cloud.region");
            for metric in metrics.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                for data in metric.summary.unwrap_or_default().data_points {
                    if !data.old_labels.is_empty() {
                        return Err(Unreadable::OldOpenTelemetry);
                    }
                    points.push(point(&metric.name, data, &account, &region));
                }
            }
        }
    }
    Ok(points)
}

fn point(name: &str, data: DataPoint, account: &str, region: &str) -> Point<'static> {
    // The name repeats the attributes: `amazonaws.com/AWS/EC2/CPUUtilization`.
    let full = name.strip_prefix("amazonaws.com/").unwrap_or(name);
    let (in_namespace, in_name) = full.rsplit_once('/').unwrap_or(("", full));
    let or = |found: String, other: &str| if found.is_empty() { other.to_owned() } else { found };
    let namespace = or(text(&data.attributes, "Namespace"), in_namespace);
    let metric = or(text(&data.attributes, "MetricName"), in_name);
    let dimensions = data
        .attributes
        .into_iter()
        .filter(|attribute| attribute.key == "Dimensions")
        .filter_map(|attribute| attribute.value?.list)
        .flat_map(|list| list.values)
        .map(|pair| (pair.key.into(), pair.value.unwrap_or_default().string.into()))
        .collect();
    let start = if data.start_time_unix_nano == 0 {
        data.time_unix_nano
    } else {
        data.start_time_unix_nano
    };
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 samples in a minute")]
    let count = data.count as f64;
    Point {
        account: account.to_owned().into(),
        region: region.to_owned().into(),
        namespace: namespace.into(),
        metric: metric.into(),
        dimensions,
        at: Timestamp::from_millis(i64::try_from(start / 1_000_000).unwrap_or(i64::MAX)),
        count,
        sum: data.sum,
        others: data
            .quantile_values
            .iter()
            .map(|quantile| (statistic(quantile.quantile), quantile.value))
            .collect(),
    }
}

/// 0 → `Minimum`, 1 → `Maximum`, 0.999 → `p99.9`.
fn statistic(quantile: f64) -> Cow<'static, str> {
    if quantile <= 0.0 {
        "Minimum".into()
    } else if 1.0 <= quantile {
        "Maximum".into()
    } else {
        // Percentiles have at most ten decimals; the product of floats may have more.
        let percent = format!("{:.8}", quantile * 100.0);
        format!("p{}", percent.trim_end_matches('0').trim_end_matches('.')).into()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found
        .and_then(|found| found.value.as_ref())
        .map(|value| value.string.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: DataPoint) -> Vec<u8> {
        let metric = Metric {
            name: "amazonaws.com/AWS/EC2/CPUUtilization".into(),
            summary: Some(Summary { data_points: vec![data] }),
        };
        let request = ExportRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: None,
                scope_metrics: vec![ScopeMetrics { metrics: vec![metric] }],
            }],
        };
        request.encode_length_delimited_to_vec()
    }

    #[test]
    fn missing_attributes_are_read_from_the_name() {
        let data = DataPoint { time_unix_nano: 60_000_000_000, count: 1, ..DataPoint::default() };
        let mut two = record(data.clone());
        two.extend(record(data));
        let points = points(&two).unwrap();
        assert_eq!(points.len(), 2);
        assert_eq!((&*points[0].namespace, &*points[0].metric), ("AWS/EC2", "CPUUtilization"));
        assert_eq!(points[0].at, Timestamp::from_millis(60_000));
    }

    #[test]
    fn old_format_is_rejected_by_its_name() {
        let old = DataPoint { old_labels: vec![OldLabel {}], ..DataPoint::default() };
        let error = points(&record(old)).unwrap_err().to_string();
        assert!(error.starts_with("the format is OpenTelemetry 0.7;"), "{error}");
        let error = points(b"\x05nonsense").unwrap_err().to_string();
        assert_eq!(error, "the format is neither JSON nor OpenTelemetry 1.0");
    }

    #[test]
    fn quantiles_have_the_names_of_percentiles() {
        let cases = [
            (0.0, "Minimum"),
            (1.0, "Maximum"),
            (0.5, "p50"),
            (0.95, "p95"),
            (0.999, "p99.9"),
            (0.001, "p0.1"),
            (0.29, "p29"),
        ];
        for (quantile, expected) in cases {
            assert_eq!(statistic(quantile), expected);
        }
    }
}

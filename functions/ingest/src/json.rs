//! Metric streams in JSON: one object in each line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use samples::Timestamp;
use serde::Deserialize;

use crate::point::{Point, Unreadable};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    account_id: Cow<'a, str>,
    #[serde(borrow, default)]
    region: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    metric_name: Cow<'a, str>,
    #[serde(borrow, default)]
    dimensions: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// Milliseconds since 1970.
    timestamp: i64,
    /// `count`, `sum`, `min`, `max`, and the additional statistics of the stream, such as `p99`.
    #[serde(borrow)]
    value: BTreeMap<Cow<'a, str>, f64>,
}

/// The data points of a record.
pub(crate) fn points(record: &[u8]) -> Result<Vec<Point<'_>>, Unreadable> {
    record
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| {
            let line: Line<'_> = serde_json::from_slice(line)
                .map_err(|source| Unreadable::Json { line: index + 1, source })?;
            Ok(point(line))
        })
        .collect()
}

fn point(mut line: Line<'_>) -> Point<'_> {
    // CloudWatch always sends both. NaN is dropped and counted.
    let mut take = |name| line.value.remove(name).unwrap_or(f64::NAN);
    let (count, sum) = (take("count"), take("sum"));
    let others = line.value.into_iter().map(|(name, value)| {
        let name = match &*name {
            "min" => "Minimum".into(),
            "max" => "Maximum".into(),
            _ => name,
        };
        (name, value)
    });
    Point {
        account: line.account_id,
        region: line.region,
        namespace: line.namespace,
        metric: line.metric_name,
        dimensions: line.dimensions.into_iter().collect(),
        at: Timestamp::from_millis(line.timestamp),
        count,
        sum,
        others: others.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_line_is_reported_by_its_number() {
        let good =
            r#"{"namespace":"N","metric_name":"M","timestamp":1,"value":{"count":1,"sum":2}}"#;
        assert_eq!(points(format!("{good}\n\n{good}\n").as_bytes()).unwrap().len(), 2);
        for bad in [r#"{"namespace":"N"}"#, "nonsense", r#"{"namespace":"N","value":3}"#] {
            let error = points(format!("{good}\n{bad}\n").as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "line 2 is not a metric of a metric stream in JSON");
        }
    }
}

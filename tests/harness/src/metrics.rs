//! Published metrics, read from CloudWatch with the queries of a dashboard.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

/// The metrics of one probe.
pub struct Metrics<'a> {
    pub client: &'a Client,
    pub probe: &'a str,
}

impl Metrics<'_> {
    /// One value for each period of ten seconds that has any, oldest first, over the time since
    /// `from`; times are seconds since 1970.
    pub async fn read(
        &self,
        metric: &str,
        statistic: &str,
        from: SystemTime,
    ) -> anyhow::Result<Vec<(i64, f64)>> {
        self.read_with(metric, statistic, from, None).await
    }

    /// How many runs failed for `reason` since `from`.
    pub async fn failures(&self, reason: &str, from: SystemTime) -> anyhow::Result<usize> {
        Ok(self.read_with("Failure", "Sum", from, Some(reason)).await?.len())
    }

    async fn read_with(
        &self,
        metric: &str,
        statistic: &str,
        from: SystemTime,
        reason: Option<&str>,
    ) -> anyhow::Result<Vec<(i64, f64)>> {
        let dimension = |name, value| Dimension::builder().name(name).value(value).build();
        let mut dimensions =
            vec![dimension("Environment", "local"), dimension("Probe", self.probe)];
        dimensions.extend(reason.map(|reason| dimension("Reason", reason)));
        let metric = Metric::builder()
            .namespace("Vigie")
            .metric_name(metric)
            .set_dimensions(Some(dimensions))
            .build();
        let stat = MetricStat::builder().metric(metric).period(10).stat(statistic).build();
        let query = MetricDataQuery::builder().id("read").metric_stat(stat).build();
        let until = SystemTime::now() + Duration::from_secs(120);
        let answer = self
            .client
            .get_metric_data()
            .start_time(from.into())
            .end_time(until.into())
            .metric_data_queries(query)
            .send()
            .await?;
        let results = answer.metric_data_results().iter();
        let mut values: Vec<(i64, f64)> = results
            .flat_map(|result| result.timestamps().iter().zip(result.values()))
            .map(|(at, value)| (at.secs(), *value))
            .collect();
        values.sort_by_key(|(at, _)| *at);
        Ok(values)
    }
}

/// Average of the values; `None` without any.
#[must_use]
pub fn average(values: &[(i64, f64)]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().map(|(_, value)| value).sum::<f64>() / f64::from(count))
}

//! Keeps the metrics of a minute, so that two minutes share one request, which is billed.

use aws_sdk_cloudwatch::types::MetricDatum;

/// Metrics that were not yet published. If the execution environment ends, a minute is lost.
#[derive(Debug, Default)]
pub(crate) struct Unpublished {
    kept: Vec<MetricDatum>,
    /// Whether this execution environment has published.
    has_published: bool,
}

impl Unpublished {
    /// Adds the metrics of a minute; returns those to publish now. The first minute of an execution environment
    /// and a minute with more than the usual metric, which is a fault, are published at once.
    pub(crate) fn add(&mut self, metrics: Vec<MetricDatum>) -> Vec<MetricDatum> {
        let is_fault = metrics.len() > 1;
        let waits = self.has_published && self.kept.is_empty() && !is_fault;
        self.kept.extend(metrics);
        if waits {
            return Vec::new();
        }
        self.has_published = true;
        std::mem::take(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_minutes_share_a_request_unless_one_has_a_fault() {
        let mut metrics = Unpublished::default();
        // metrics of each minute, and how many are published in it
        let minutes = [(1, 1), (1, 0), (1, 2), (1, 0), (2, 3), (2, 2), (1, 0), (1, 2)];
        for (minute, (new, published)) in minutes.into_iter().enumerate() {
            let new = vec![MetricDatum::builder().metric_name("x").build(); new];
            assert_eq!(metrics.add(new).len(), published, "minute {minute}");
        }
    }
}

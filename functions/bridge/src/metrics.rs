//! Metrics of the bridge for CloudWatch.
//!
//! They are added up over events and published at most once in 50 s, since each request costs money,
//! but at once when samples were rejected or archived. An execution environment that is removed loses
//! at most a minute of counts of stored samples.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::types::MetricDatum;
use cloudwatch::OwnMetric;
use domain::EnvironmentName;
use samples::Timestamp;
use tokio::time::Instant;

use crate::queued::QueuedMessage;

const INTERVAL: Duration = Duration::from_secs(50);

#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) received: usize,
    pub(crate) sent: usize,
    /// By reason.
    pub(crate) refused: BTreeMap<String, usize>,
    pub(crate) dead_lettered: usize,
    pub(crate) archived: usize,
    /// Age of the oldest message since the last publication.
    pub(crate) oldest: Duration,
    published: Option<Instant>,
}

impl Metrics {
    pub(crate) fn note_arrivals(&mut self, messages: &[QueuedMessage], now: Timestamp) {
        let first = messages.iter().filter(|message| message.deliveries <= 1);
        self.received += first.map(|message| message.entries().len()).sum::<usize>();
        let ages = messages.iter().filter_map(|message| Some(now.since(message.sent?)));
        self.oldest = ages.fold(self.oldest, Duration::max);
    }

    /// Counts stored samples, and those that a receiver did not store and does not name.
    pub(crate) fn note_sent(&mut self, stored: usize, unaccounted: usize) {
        self.sent += stored;
        if unaccounted > 0 {
            *self.refused.entry("unaccounted".to_owned()).or_default() += unaccounted;
        }
    }

    pub(crate) fn note_rejections(&mut self, message: &QueuedMessage) {
        for (cause, _) in &message.results.rejected {
            *self.refused.entry(cause.reason()).or_default() += 1;
        }
        if let Err(unreadable) = &message.content {
            *self.refused.entry(unreadable.reason().to_owned()).or_default() += 1;
        }
    }

    /// The metrics if they are to be published now; the counts then start again at 0.
    pub(crate) fn due(
        &mut self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Vec<MetricDatum> {
        let wrong = !self.refused.is_empty() || self.dead_lettered > 0 || self.archived > 0;
        let waited = self.published.is_none_or(|last| last.elapsed() >= INTERVAL);
        if !wrong && !waited {
            return Vec::new();
        }
        let this =
            std::mem::replace(self, Self { published: Some(Instant::now()), ..Self::default() });
        let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let own = |metric, value| cloudwatch::own(metric, environment, value, at);
        let always = [
            own(OwnMetric::SamplesReceived, float(this.received)),
            own(OwnMetric::SamplesSent, float(this.sent)),
            own(OwnMetric::OldestMessageAge, this.oldest.as_secs_f64()),
        ];
        let sometimes = [
            (OwnMetric::SamplesRefused, this.refused.values().sum()),
            (OwnMetric::SamplesDeadLettered, this.dead_lettered),
            (OwnMetric::SamplesArchived, this.archived),
        ];
        let sometimes = sometimes.into_iter().filter(|(_, number)| *number > 0);
        let reasons = this.refused.iter().map(|(reason, number)| {
            let (metric, value) = (OwnMetric::SamplesRefused, float(*number));
            cloudwatch::own_by_reason(metric, environment, reason, value, at)
        });
        always
            .into_iter()
            .chain(sometimes.map(|(metric, number)| own(metric, float(number))))
            .chain(reasons)
            .collect()
    }
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(data: &[MetricDatum]) -> Vec<String> {
        let describe = |datum: &MetricDatum| {
            let dimensions =
                datum.dimensions().iter().filter_map(aws_sdk_cloudwatch::types::Dimension::value);
            let dimensions = dimensions.collect::<Vec<_>>().join(",");
            format!("{}[{dimensions}] {}", datum.metric_name().unwrap(), datum.value().unwrap())
        };
        data.iter().map(describe).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn counts_add_up_until_due_and_rejections_are_due_at_once() {
        let environment: EnvironmentName = "prod".parse().unwrap();
        let now = Timestamp::from_millis(0);
        let mut metrics = Metrics { received: 3, sent: 3, ..Metrics::default() };
        assert_eq!(metrics.due(&environment, now).len(), 3);

        metrics.received += 2;
        assert_eq!(metrics.due(&environment, now), []);
        metrics.received += 1;
        tokio::time::advance(INTERVAL).await;
        assert_eq!(names(&metrics.due(&environment, now))[0], "SamplesReceived[prod] 3");

        metrics.refused.insert("receiver_400".into(), 2);
        metrics.dead_lettered = 2;
        assert_eq!(
            names(&metrics.due(&environment, now))[3..],
            [
                "SamplesRefused[prod] 2",
                "SamplesDeadLettered[prod] 2",
                "SamplesRefused[prod,receiver_400] 2"
            ]
        );
    }
}

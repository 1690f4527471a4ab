//! The bridge's own figures, for CloudWatch.
//!
//! Added up over invocations and published at most once in 50 s, since each publication costs money;
//! at once when something is wrong. What an idle execution environment had not published when it is
//! taken away are counts of samples that went well, of less than a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use domain::EnvironmentName;
use samples::Timestamp;
use tokio::time::Instant;

use crate::letter::Letter;

const INTERVAL: Duration = Duration::from_secs(50);

#[derive(Default)]
pub(crate) struct Health {
    pub(crate) received: usize,
    pub(crate) sent: usize,
    /// By reason.
    pub(crate) refused: BTreeMap<String, usize>,
    pub(crate) dead_lettered: usize,
    pub(crate) archived: usize,
    /// Of the messages seen since the last publication.
    pub(crate) oldest: Duration,
    published: Option<Instant>,
}

impl Health {
    pub(crate) fn note_arrivals(&mut self, letters: &[Letter], now: Timestamp) {
        let first = letters.iter().filter(|letter| letter.deliveries <= 1);
        self.received += first.map(|letter| letter.entries().len()).sum::<usize>();
        let ages = letters.iter().filter_map(|letter| Some(now.since(letter.posted?)));
        self.oldest = ages.fold(self.oldest, Duration::max);
    }

    /// Of what was sent so many are known to be stored; so many are not, and it is not known which.
    pub(crate) fn note_sent(&mut self, stored: usize, unaccounted: usize) {
        self.sent += stored;
        if unaccounted > 0 {
            *self.refused.entry("unaccounted".to_owned()).or_default() += unaccounted;
        }
    }

    pub(crate) fn note_refusals(&mut self, letter: &Letter) {
        for (why, _) in &letter.findings.hopeless {
            *self.refused.entry(why.reason()).or_default() += 1;
        }
        if let Err(unreadable) = &letter.content {
            *self.refused.entry(unreadable.reason().to_owned()).or_default() += 1;
        }
    }

    /// The figures, when it is time to publish them; they start again from nothing.
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
        let at = DateTime::from_millis(now.as_millis());
        let datum = |name: &str, unit: StandardUnit, value: f64, reason: Option<&str>| {
            let environment = dimension("Environment", environment.as_str());
            let reason = reason.map(|reason| dimension("Reason", reason));
            MetricDatum::builder()
                .metric_name(name)
                .set_dimensions(Some(std::iter::once(environment).chain(reason).collect()))
                .unit(unit)
                .timestamp(at)
                .value(value)
                .build()
        };
        let count =
            |name: &str, number: usize| datum(name, StandardUnit::Count, float(number), None);
        let refused: usize = this.refused.values().sum();
        let always = [
            count("SamplesReceived", this.received),
            count("SamplesSent", this.sent),
            datum("OldestMessageAge", StandardUnit::Seconds, this.oldest.as_secs_f64(), None),
        ];
        let sometimes = [
            ("SamplesRefused", refused),
            ("SamplesDeadLettered", this.dead_lettered),
            ("SamplesArchived", this.archived),
        ];
        let sometimes = sometimes.iter().filter(|(_, number)| *number > 0);
        let reasons = this.refused.iter().map(|(reason, number)| {
            datum("SamplesRefused", StandardUnit::Count, float(*number), Some(reason))
        });
        always
            .into_iter()
            .chain(sometimes.map(|(name, number)| count(name, *number)))
            .chain(reasons)
            .collect()
    }
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(data: &[MetricDatum]) -> Vec<String> {
        let tell = |datum: &MetricDatum| {
            let dimensions = datum.dimensions().iter().filter_map(Dimension::value);
            let dimensions = dimensions.collect::<Vec<_>>().join(",");
            format!("{}[{dimensions}] {}", datum.metric_name().unwrap(), datum.value().unwrap())
        };
        data.iter().map(tell).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn figures_add_up_until_they_are_due_and_trouble_is_told_at_once() {
        let environment: EnvironmentName = "prod".parse().unwrap();
        let now = Timestamp::from_millis(0);
        let mut health = Health { received: 3, sent: 3, ..Health::default() };
        assert_eq!(health.due(&environment, now).len(), 3);

        health.received += 2;
        assert_eq!(health.due(&environment, now), []);
        health.received += 1;
        tokio::time::advance(INTERVAL).await;
        assert_eq!(names(&health.due(&environment, now))[0], "SamplesReceived[prod] 3");

        health.refused.insert("receiver_400".into(), 2);
        health.dead_lettered = 2;
        assert_eq!(
            names(&health.due(&environment, now))[3..],
            [
                "SamplesRefused[prod] 2",
                "SamplesDeadLettered[prod] 2",
                "SamplesRefused[prod,receiver_400] 2"
            ]
        );
    }
}

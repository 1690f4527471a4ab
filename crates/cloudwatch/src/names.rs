//! Every metric that Vigie publishes to CloudWatch, with its unit, dimensions and meaning. Template, dashboards and the
//! reference are tested against these tables.

use domain::metrics::Unit;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Vigie";

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    pub name: &'static str,
    pub unit: Unit,
    pub dimensions: &'static [&'static str],
    pub meaning: &'static str,
    /// When the metric has no value.
    pub absent: &'static str,
}

const PROBE: &[&str] = &["Environment", "Probe"];
const PROBE_AND_REASON: &[&str] = &["Environment", "Probe", "Reason"];
const OWN: &[&str] = &["Environment"];

/// The metrics of a probe, one value per run.
pub const PROBE_METRICS: &[MetricInfo] = &[
    probe(
        "Success",
        Unit::Unitless,
        "1 if the run was up or degraded. The average is the availability.",
        "no verdict",
    ),
    probe(
        "Degraded",
        Unit::Unitless,
        "1 if every check passed but an objective was missed, or only a retry passed",
        "no verdict",
    ),
    probe("Duration", Unit::Seconds, "duration of the run, retries included", "no verdict"),
    probe(
        "TimeToFirstChunk",
        Unit::Seconds,
        "from the prompt to the first chunk with text, one value per turn",
        "no chunk",
    ),
    probe(
        "MaintenanceSuccess",
        Unit::Unitless,
        "the value of `Success` of a run in a maintenance window, which does not count for availability",
        "the run is outside of maintenance windows",
    ),
    MetricInfo {
        name: "Failure",
        unit: Unit::Count,
        dimensions: PROBE_AND_REASON,
        meaning: "1 for the reason of a failed run",
        absent: "not down",
    },
    probe("RunErrors", Unit::Count, "1 for a run without a verdict", "the run has a verdict"),
    probe(
        "QueueTime",
        Unit::Seconds,
        "time in the app's queue, with `Metrics=full`",
        "phase did not occur",
    ),
    probe(
        "ReplyDuration",
        Unit::Seconds,
        "from the prompt to the end of the reply, with `Metrics=full`",
        "phase did not occur",
    ),
    probe(
        "InterChunkTime",
        Unit::Seconds,
        "median time between chunks, with `Metrics=full`",
        "phase did not occur",
    ),
    probe(
        "ProcessingTime",
        Unit::Seconds,
        "time that the app reports for the reply, with `Metrics=full`",
        "phase did not occur",
    ),
    probe(
        "ConnectTime",
        Unit::Seconds,
        "time to connect, with `Metrics=full`",
        "phase did not occur",
    ),
    probe(
        "Retries",
        Unit::Count,
        "attempts after the first one, with `Metrics=full`",
        "no verdict",
    ),
    probe(
        "CertificateDaysLeft",
        Unit::Unitless,
        "days until the TLS certificate expires; with `Metrics=essential` in every sixth hour",
        "no TLS",
    ),
];

/// The metrics of a probe that are also published with the dimension `Location`, if the environment has
/// several locations.
pub const BY_LOCATION: &[&str] = &["Success", "TimeToFirstChunk"];

const fn probe(
    name: &'static str,
    unit: Unit,
    meaning: &'static str,
    absent: &'static str,
) -> MetricInfo {
    MetricInfo { name, unit, dimensions: PROBE, meaning, absent }
}

/// A metric about Vigie itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnMetric {
    RunsDispatched,
    LongestTimeout,
    RunsReported,
    RunErrors,
    RunsStalled,
    RunsLate,
    RunsLost,
    ScrapesLate,
    SamplesTooLarge,
    ProbesWithoutAlarm,
    StatusPageErrors,
    LocationDeadLetters,
    NotificationsUnpublished,
    NotificationStoreUnavailable,
    SubscriptionsUnconfirmed,
    SamplesReceived,
    SamplesSent,
    OldestMessageAge,
    SamplesRefused,
    RecordsRejected,
    SamplesDeadLettered,
    SamplesArchived,
}

impl OwnMetric {
    pub const ALL: &'static [Self] = &[
        Self::RunsDispatched,
        Self::LongestTimeout,
        Self::RunsReported,
        Self::RunErrors,
        Self::RunsStalled,
        Self::RunsLate,
        Self::RunsLost,
        Self::ScrapesLate,
        Self::SamplesTooLarge,
        Self::ProbesWithoutAlarm,
        Self::StatusPageErrors,
        Self::LocationDeadLetters,
        Self::NotificationsUnpublished,
        Self::NotificationStoreUnavailable,
        Self::SubscriptionsUnconfirmed,
        Self::SamplesReceived,
        Self::SamplesSent,
        Self::OldestMessageAge,
        Self::SamplesRefused,
        Self::RecordsRejected,
        Self::SamplesDeadLettered,
        Self::SamplesArchived,
    ];

    #[must_use]
    pub const fn info(self) -> MetricInfo {
        const NOTHING: &str = "nothing to count";
        const IDLE: &str = "the bridge did not run";
        let (name, meaning, absent) = match self {
            Self::RunsDispatched => (
                "RunsDispatched",
                "runs that the dispatcher requested; published every minute, including 0",
                "the dispatcher did not run",
            ),
            Self::LongestTimeout => (
                "LongestTimeout",
                "longest timeout of the probes, for the heartbeat",
                "no timeout is over 2 minutes",
            ),
            Self::RunsReported => ("RunsReported", "runs with a published result", NOTHING),
            Self::RunErrors => (
                "RunErrors",
                "runs without a verdict because of a fault of Vigie, and probes that could not be read",
                NOTHING,
            ),
            Self::RunsStalled => (
                "RunsStalled",
                "runs decided by CPU starvation of the prober; never counted against the bot",
                NOTHING,
            ),
            Self::RunsLate => (
                "RunsLate",
                "runs that were skipped because they started more than one interval late",
                NOTHING,
            ),
            Self::RunsLost => {
                ("RunsLost", "runs that were lost because their invocation crashed", NOTHING)
            }
            Self::ScrapesLate => (
                "ScrapesLate",
                "scrapes that were skipped because they started more than one interval late",
                NOTHING,
            ),
            Self::SamplesTooLarge => (
                "SamplesTooLarge",
                "samples that were dropped because a queue message cannot carry them",
                NOTHING,
            ),
            Self::ProbesWithoutAlarm => {
                ("ProbesWithoutAlarm", "probes that run but have no alarm", NOTHING)
            }
            Self::StatusPageErrors => {
                ("StatusPageErrors", "pages of the status page that could not be written", NOTHING)
            }
            Self::LocationDeadLetters => (
                "LocationDeadLetters",
                "messages in the dead-letter queues of the other locations; counted every five minutes",
                NOTHING,
            ),
            Self::NotificationsUnpublished => (
                "NotificationsUnpublished",
                "notifications that SNS or a receiver rejected",
                NOTHING,
            ),
            Self::NotificationStoreUnavailable => (
                "NotificationStoreUnavailable",
                "1 for each invocation of `alerts` in which the table did not answer",
                NOTHING,
            ),
            Self::SubscriptionsUnconfirmed => (
                "SubscriptionsUnconfirmed",
                "unconfirmed or missing e-mail subscriptions; published daily, hourly while there are any, including 0",
                "in the first hour",
            ),
            Self::SamplesReceived => ("SamplesReceived", "samples that the bridge received", IDLE),
            Self::SamplesSent => ("SamplesSent", "samples that the bridge delivered", IDLE),
            Self::OldestMessageAge => {
                ("OldestMessageAge", "age of the oldest message of the bridge", IDLE)
            }
            Self::SamplesRefused => (
                "SamplesRefused",
                "samples that the receiver rejected, also by `Reason`; `unaccounted` if it did not say which",
                NOTHING,
            ),
            Self::RecordsRejected => (
                "RecordsRejected",
                "records of the metric stream that `ingest` could not read or queue; they are in the report bucket",
                NOTHING,
            ),
            Self::SamplesDeadLettered => {
                ("SamplesDeadLettered", "rejected samples in the dead-letter queue", NOTHING)
            }
            Self::SamplesArchived => (
                "SamplesArchived",
                "samples that were too old for the receiver and are stored in the report bucket",
                NOTHING,
            ),
        };
        let unit = if matches!(self, Self::OldestMessageAge | Self::LongestTimeout) {
            Unit::Seconds
        } else {
            Unit::Count
        };
        MetricInfo { name, unit, dimensions: OWN, meaning, absent }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::metrics::{Detail, for_cloudwatch};
    use domain::{Outcome, OwnFault, Reason, Report};
    use testkit::reports::{attempt, report, turn};

    use super::*;

    #[test]
    fn every_own_metric_has_its_own_name() {
        let names: BTreeSet<_> = OwnMetric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), OwnMetric::ALL.len());
        for metric in OwnMetric::ALL {
            assert_eq!(metric.name(), format!("{metric:?}"));
        }
    }

    #[test]
    fn table_has_every_metric_of_a_run() {
        let up = Report { maintenance: true, ..report(vec![attempt(vec![turn(400, "a", "b")])]) };
        let down = Outcome::Down { reason: Reason::Connect };
        let error = Outcome::RunError { fault: OwnFault::Secret };
        let mut published = BTreeSet::new();
        for outcome in [up.outcome, down, error] {
            let run = Report { outcome, ..up.clone() };
            for metric in for_cloudwatch(&run, Detail::Full) {
                let dimensions = if metric.reason.is_some() { PROBE_AND_REASON } else { PROBE };
                let listed = PROBE_METRICS.iter().find(|listed| listed.name == metric.name);
                let listed = listed.map(|listed| (listed.unit, listed.dimensions));
                assert_eq!(listed, Some((metric.unit, dimensions)), "{}", metric.name);
                published.insert(metric.name);
            }
        }
        let listed: BTreeSet<_> = PROBE_METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(published, listed);
    }
}

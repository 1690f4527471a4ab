//! The metrics and series of a run, as plain values.
//!
//! This module decides names, units, and when a value is absent; `cloudwatch` and `run-executor` only
//! publish the values. [`PUBLISHED`] lists every Prometheus series for the documentation and the dashboards.

use std::time::Duration;

use crate::report::{Attempt, TurnReport};
use crate::timing::{Spread, Timing};
use crate::{Outcome, Reason, Report, Verdict};

/// One sample for Prometheus.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesValue {
    pub name: &'static str,
    /// Complete, `__name__` left out; in no particular order.
    pub labels: Vec<(String, String)>,
    /// `None`: the series ends here (a stale marker).
    pub value: Option<f64>,
}

/// One metric for CloudWatch, in the dimensions `Environment` and `Probe`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub unit: Unit,
    /// One or more values of this run.
    pub values: Vec<f64>,
    /// The further dimension `Reason`.
    pub reason: Option<Reason>,
}

/// A unit as CloudWatch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Seconds,
    /// CloudWatch's `None`.
    Unitless,
}

/// How much goes to CloudWatch; every metric costs money each month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// `Success`, `Degraded`, `Duration`, `TimeToFirstChunk`, and with TLS `CertificateDaysLeft`.
    #[default]
    Essential,
    /// Queue, reply, inter-chunk, processing and connect times, and retries too.
    Full,
}

impl std::str::FromStr for Detail {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "essential" => Ok(Self::Essential),
            "full" => Ok(Self::Full),
            _ => Err(()),
        }
    }
}

/// A published Prometheus series.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    pub name: &'static str,
    /// Labels beyond those that all series carry.
    pub labels: &'static [&'static str],
    pub meaning: &'static str,
    pub absent: &'static str,
}

/// Labels of every series, in the order of the documentation.
pub const COMMON_LABELS: &[&str] = &["job", "instance", "probe", "environment", "location"];

/// Every series that a run can publish.
pub const PUBLISHED: &[Published] = &[
    Published {
        name: "up",
        labels: &[],
        meaning: "1 when the app described itself, 0 when it could not be reached; what a scrape would say",
        absent: "no verdict",
    },
    Published {
        name: "probe_success",
        labels: &[],
        meaning: "1 when the verdict is up or degraded, 0 when it is down",
        absent: "no verdict",
    },
    Published {
        name: "probe_degraded",
        labels: &[],
        meaning: "1 when the verdict is degraded",
        absent: "no verdict",
    },
    Published {
        name: "probe_duration_seconds",
        labels: &[],
        meaning: "duration of the run, retries included",
        absent: "no verdict",
    },
    Published {
        name: "probe_phase_duration_seconds",
        labels: &["phase"],
        meaning: "time in one phase of the last attempt, summed over its turns; phases do not overlap",
        absent: "the phase did not occur",
    },
    Published {
        name: "probe_turn_first_chunk_seconds",
        labels: &["turn"],
        meaning: "prompt sent to first chunk with text",
        absent: "no chunk came, or the turn was not reached",
    },
    Published {
        name: "probe_turn_reply_seconds",
        labels: &["turn"],
        meaning: "prompt sent to end of reply",
        absent: "the reply did not end, or the turn was not reached",
    },
    Published {
        name: "probe_inter_chunk_seconds",
        labels: &["quantile"],
        meaning: "gap between two chunks of the last attempt; the worst turn",
        absent: "no turn had three chunks",
    },
    Published {
        name: "probe_reply_characters",
        labels: &["turn"],
        meaning: "length of the answer",
        absent: "the turn was not reached",
    },
    Published {
        name: "probe_checks_failed",
        labels: &[],
        meaning: "failed checks of the last attempt",
        absent: "no verdict",
    },
    Published {
        name: "probe_retries",
        labels: &[],
        meaning: "attempts after the first one",
        absent: "no verdict",
    },
    Published {
        name: "probe_failure",
        labels: &["reason"],
        meaning: "1 for the reason of a down, 0 for every other",
        absent: "no verdict",
    },
    Published {
        name: "probe_objective_ratio",
        labels: &[],
        meaning: "objective of availability over 30 days, from 0 to 1",
        absent: "no verdict, or the probe has no `objective`",
    },
    Published {
        name: "probe_maintenance_success",
        labels: &[],
        meaning: "the value of probe_success of a run in a maintenance window, which does not count for availability",
        absent: "the run is outside of maintenance windows",
    },
    Published {
        name: "probe_ssl_earliest_cert_expiry",
        labels: &[],
        meaning: "end of the certificate that ends first, Unix time in seconds",
        absent: "no TLS",
    },
];

/// The phases of `probe_phase_duration_seconds`, in their order.
pub const PHASES: &[&str] = &["dns", "connect", "tls", "describe", "queue", "first_chunk", "reply"];

/// The series of a run for Prometheus; none when the run has no verdict.
#[must_use]
pub fn for_prometheus(report: &Report) -> Vec<SeriesValue> {
    let Some(verdict) = report.outcome.verdict() else { return Vec::new() };
    let mut values = SeriesValues { report, list: Vec::with_capacity(48) };
    values.of_run(verdict);
    if let Some(attempt) = report.last() {
        values.of_phases(attempt);
        values.of_turns(attempt);
        values.of_certificate(attempt);
    }
    values.list
}

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

struct SeriesValues<'a> {
    report: &'a Report,
    list: Vec<SeriesValue>,
}

impl SeriesValues<'_> {
    /// The series that every run with a verdict has.
    fn of_run(&mut self, verdict: Verdict) {
        let report = self.report;
        let last = report.last();
        self.push("up", &[], Some(flag(last.is_some_and(|attempt| attempt.app.is_some()))));
        self.push("probe_success", &[], Some(flag(verdict != Verdict::Down)));
        if let Some(objective) = report.objective {
            self.push("probe_objective_ratio", &[], Some(objective.ratio()));
        }
        if report.maintenance {
            self.push("probe_maintenance_success", &[], Some(flag(verdict != Verdict::Down)));
        }
        self.push("probe_degraded", &[], Some(flag(verdict == Verdict::Degraded)));
        self.push("probe_duration_seconds", &[], Some(report.duration.as_secs_f64()));
        let failed = last.map_or(0, |attempt| attempt.failed_checks().count());
        self.push("probe_checks_failed", &[], Some(count(failed)));
        self.push("probe_retries", &[], Some(count(report.retries())));
        for reason in Reason::ALL {
            let is_reason = report.outcome.reason() == Some(*reason);
            self.push("probe_failure", &[("reason", reason.as_str())], Some(flag(is_reason)));
        }
    }

    fn of_phases(&mut self, attempt: &Attempt) {
        let phases = &attempt.phases;
        let sum = |time: fn(&Timing) -> Option<Duration>| {
            attempt.turns.iter().filter_map(|turn| time(turn.latency()?)).reduce(|a, b| a + b)
        };
        let phase = [
            phases.dns,
            phases.connect,
            phases.tls,
            phases.describe,
            sum(|timing| timing.queue),
            sum(|timing| {
                Some(timing.first_chunk?.saturating_sub(timing.queue.unwrap_or_default()))
            }),
            sum(|timing| Some(timing.reply?.saturating_sub(timing.first_chunk?))),
        ];
        for (name, time) in PHASES.iter().zip(phase) {
            // A phase that a broken attempt did not reach ends its series; one that never happens has none.
            if time.is_some() || attempt.failure.is_some() {
                self.push("probe_phase_duration_seconds", &[("phase", name)], seconds(time));
            }
        }
    }

    fn of_turns(&mut self, attempt: &Attempt) {
        for index in 0..self.report.turns {
            let turn = attempt.turns.get(index);
            let number = (index + 1).to_string();
            let labels = [("turn", number.as_str())];
            let timing = turn.and_then(TurnReport::latency);
            let first_chunk = timing.and_then(|timing| timing.first_chunk);
            self.push("probe_turn_first_chunk_seconds", &labels, seconds(first_chunk));
            let reply = timing.and_then(|timing| timing.reply);
            self.push("probe_turn_reply_seconds", &labels, seconds(reply));
            self.push("probe_reply_characters", &labels, turn.map(|turn| float(turn.characters)));
        }
        let spreads = || attempt.turns.iter().filter_map(|turn| turn.latency()?.inter_chunk);
        let mut push = |quantile: &str, pick: fn(Spread) -> Duration| {
            let worst = seconds(spreads().map(pick).max());
            self.push("probe_inter_chunk_seconds", &[("quantile", quantile)], worst);
        };
        push("0.5", |spread| spread.p50);
        push("0.9", |spread| spread.p90);
        push("0.99", |spread| spread.p99);
    }

    fn of_certificate(&mut self, attempt: &Attempt) {
        if let Some(expires) = attempt.certificate_expires {
            let expires = float(expires.as_second().unsigned_abs());
            self.push("probe_ssl_earliest_cert_expiry", &[], Some(expires));
        }
    }

    fn push(&mut self, name: &'static str, own: &[(&str, &str)], value: Option<f64>) {
        let report = self.report;
        let common = [
            ("job", report.job.as_str()),
            ("instance", report.instance.as_str()),
            ("probe", report.probe.as_str()),
            ("environment", report.environment.as_str()),
            ("location", report.location.as_str()),
        ];
        let own =
            common.iter().chain(own).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut labels: Vec<(String, String)> = own.collect();
        // The operator's labels never override those of Vigie.
        for (name, value) in &report.labels {
            if !labels.iter().any(|(taken, _)| taken == name) {
                labels.push((name.clone(), value.clone()));
            }
        }
        self.list.push(SeriesValue { name, labels, value });
    }
}

/// With essential metrics the days left are published in every sixth hour: CloudWatch bills a metric for each hour in
/// which it has a value.
fn publishes_certificate(report: &Report, detail: Detail) -> bool {
    let is_rare = Duration::from_hours(1) < report.every;
    detail == Detail::Full || is_rare || report.due.as_second() / 3_600 % 6 == 0
}

/// What CloudWatch gets of a run. A run without a verdict is counted in `RunErrors` alone.
#[must_use]
pub fn for_cloudwatch(report: &Report, detail: Detail) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::with_capacity(12);
    let mut push = |name, unit, values: Vec<f64>, reason| {
        if !values.is_empty() {
            metrics.push(Metric { name, unit, values, reason });
        }
    };
    let Some(verdict) = report.outcome.verdict() else {
        push("RunErrors", Unit::Count, vec![1.0], None);
        return metrics;
    };
    let flag = |set: bool| vec![if set { 1.0 } else { 0.0 }];
    push("Success", Unit::Unitless, flag(verdict != Verdict::Down), None);
    push("Degraded", Unit::Unitless, flag(verdict == Verdict::Degraded), None);
    push("Duration", Unit::Seconds, vec![report.duration.as_secs_f64()], None);
    let turns = report.last().map_or(&[][..], |attempt| &attempt.turns);
    let each = |time: fn(&Timing) -> Option<Duration>| -> Vec<f64> {
        turns
            .iter()
            .filter_map(|turn| time(turn.latency()?))
            .map(|time| time.as_secs_f64())
            .collect()
    };
    push("TimeToFirstChunk", Unit::Seconds, each(|timing| timing.first_chunk), None);
    let expires = report.last().and_then(|attempt| attempt.certificate_expires);
    let days = expires.map(|expires| expires.duration_since(report.due).as_secs_f64() / 86_400.0);
    let days = days.filter(|_| publishes_certificate(report, detail));
    push("CertificateDaysLeft", Unit::Unitless, days.into_iter().collect(), None);
    if report.maintenance {
        push("MaintenanceSuccess", Unit::Unitless, flag(verdict != Verdict::Down), None);
    }
    if let Outcome::Down { reason } = report.outcome {
        push("Failure", Unit::Count, vec![1.0], Some(reason));
    }
    if detail == Detail::Full {
        push("QueueTime", Unit::Seconds, each(|timing| timing.queue), None);
        push("ReplyDuration", Unit::Seconds, each(|timing| timing.reply), None);
        push(
            "InterChunkTime",
            Unit::Seconds,
            each(|timing| timing.inter_chunk.map(|spread| spread.p50)),
            None,
        );
        push("ProcessingTime", Unit::Seconds, each(|timing| timing.processing), None);
        let connect = report.last().and_then(|attempt| attempt.phases.connect);
        push(
            "ConnectTime",
            Unit::Seconds,
            connect.iter().map(Duration::as_secs_f64).collect(),
            None,
        );
        push("Retries", Unit::Count, vec![count(report.retries())], None);
    }
    metrics
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn count(number: usize) -> f64 {
    float(u64::try_from(number).unwrap_or(u64::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "counts and Unix times are far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OwnFault;
    use crate::testing::report;
    use std::collections::BTreeSet;

    fn named<'a>(values: &'a [SeriesValue], name: &str) -> Vec<&'a SeriesValue> {
        values.iter().filter(|value| value.name == name).collect()
    }

    #[test]
    fn series_are_documented_and_have_common_labels_once() {
        let values = for_prometheus(&report(2, 2));
        for value in &values {
            let published =
                PUBLISHED.iter().find(|published| published.name == value.name).unwrap();
            let names: BTreeSet<&str> =
                value.labels.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.len(), value.labels.len(), "{}: a label twice", value.name);
            assert!(
                COMMON_LABELS.iter().chain(published.labels).all(|label| names.contains(label))
            );
            assert!(value.labels.contains(&("job".to_owned(), "gradio_chatbot".to_owned())));
            assert!(value.labels.contains(&("team".to_owned(), "chat".to_owned())));
        }
    }

    #[test]
    fn degraded_run_is_a_success() {
        let degraded = Report { outcome: Outcome::Degraded, ..report(1, 1) };
        let values = for_prometheus(&degraded);
        assert_eq!(named(&values, "probe_success")[0].value, Some(1.0));
        assert_eq!(named(&values, "probe_degraded")[0].value, Some(1.0));
        let metrics = for_cloudwatch(&degraded, Detail::Essential);
        let named: Vec<(&str, &[f64])> =
            metrics.iter().map(|metric| (metric.name, &metric.values[..])).collect();
        let expected: &[(&str, &[f64])] = &[
            ("Success", &[1.0]),
            ("Degraded", &[1.0]),
            ("Duration", &[0.6]),
            ("TimeToFirstChunk", &[0.11]),
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn run_in_a_maintenance_window_can_be_subtracted() {
        let down = Outcome::Down { reason: Reason::Stalled };
        let objective = crate::AvailabilityObjective::from_percent(99.5);
        let report = Report { outcome: down, maintenance: true, objective, ..report(1, 1) };
        let metrics = for_cloudwatch(&report, Detail::Essential);
        let values: Vec<_> = ["Success", "MaintenanceSuccess"]
            .map(|name| metrics.iter().find(|metric| metric.name == name).unwrap().values[0])
            .into();
        assert_eq!(values, [0.0, 0.0]);
        let series = for_prometheus(&report);
        assert_eq!(named(&series, "probe_maintenance_success")[0].value, Some(0.0));
        assert_eq!(named(&series, "probe_objective_ratio")[0].value, Some(0.995));
    }

    #[test]
    fn certificate_is_published_in_every_sixth_hour() {
        let (hour, minutes) = (jiff::SignedDuration::from_hours(1), Duration::from_mins);
        let midnight: jiff::Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let cases = [
            (0, minutes(1), Detail::Essential, true),
            (1, minutes(1), Detail::Essential, false),
            (6, minutes(1), Detail::Essential, true),
            (1, minutes(1), Detail::Full, true),
            (1, minutes(120), Detail::Essential, true),
        ];
        for (hours, every, detail, expected) in cases {
            let mut report = Report { due: midnight + hour * hours, every, ..report(1, 1) };
            report.attempts[0].certificate_expires = Some(report.due + hour * 240);
            let metrics = for_cloudwatch(&report, detail);
            let left = metrics.iter().find(|metric| metric.name == "CertificateDaysLeft");
            let left = left.map(|metric| metric.values[0]);
            assert_eq!(left, expected.then_some(10.0), "{hours} {every:?} {detail:?}");
        }
    }

    #[test]
    fn unreached_turn_ends_its_series() {
        let values = for_prometheus(&report(3, 1));
        let first_chunks: Vec<Option<f64>> = named(&values, "probe_turn_first_chunk_seconds")
            .iter()
            .map(|value| value.value)
            .collect();
        assert_eq!(first_chunks, [Some(0.11), None, None]);
    }

    #[test]
    fn phases_add_up_to_the_turns() {
        let values = for_prometheus(&report(2, 2));
        let turns: f64 = named(&values, "probe_phase_duration_seconds")
            .iter()
            .filter(|value| {
                value.labels.iter().any(|(name, value)| {
                    name == "phase" && ["queue", "first_chunk", "reply"].contains(&value.as_str())
                })
            })
            .filter_map(|value| value.value)
            .sum();
        assert!((turns - 2.0 * 0.51).abs() < 1e-9, "{turns}");
    }

    #[test]
    fn exactly_one_reason_is_set_when_the_target_is_down() {
        let down = Report { outcome: Outcome::Down { reason: Reason::Stalled }, ..report(1, 1) };
        let values = for_prometheus(&down);
        let reasons = named(&values, "probe_failure");
        assert_eq!(reasons.len(), Reason::ALL.len());
        let set: Vec<_> = reasons.iter().filter(|value| value.value == Some(1.0)).collect();
        assert_eq!(set.len(), 1);
        assert!(set[0].labels.contains(&("reason".to_owned(), "stalled".to_owned())));
        let failure = for_cloudwatch(&down, Detail::Essential)
            .into_iter()
            .find(|metric| metric.name == "Failure");
        assert_eq!(failure.and_then(|metric| metric.reason), Some(Reason::Stalled));
    }

    #[test]
    fn run_error_has_no_series_about_the_target() {
        let report =
            Report { outcome: Outcome::RunError { fault: OwnFault::Secret }, ..report(1, 0) };
        assert_eq!(for_prometheus(&report), []);
        let names: Vec<_> =
            for_cloudwatch(&report, Detail::Full).into_iter().map(|metric| metric.name).collect();
        assert_eq!(names, ["RunErrors"]);
    }
}

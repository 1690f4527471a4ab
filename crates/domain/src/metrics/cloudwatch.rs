//! The CloudWatch metrics of a run.

use std::time::Duration;

use super::{count, flag};
use crate::timing::Timing;
use crate::{Outcome, Reason, Report, Verdict};

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
    push("Success", Unit::Unitless, vec![flag(verdict != Verdict::Down)], None);
    push("Degraded", Unit::Unitless, vec![flag(verdict == Verdict::Degraded)], None);
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
        push("MaintenanceSuccess", Unit::Unitless, vec![flag(verdict != Verdict::Down)], None);
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

//! The Prometheus series of a run. [`PUBLISHED`] lists every one of them for the documentation and the
//! dashboards.

use std::time::Duration;

use super::{count, flag, float};
use crate::report::{Attempt, TurnReport};
use crate::timing::{Spread, Timing};
use crate::{Reason, Report, Verdict};

/// One sample for Prometheus.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesValue {
    pub name: &'static str,
    /// Complete, `__name__` left out; in no particular order.
    pub labels: Vec<(String, String)>,
    /// `None`: the series ends here (a stale marker).
    pub value: Option<f64>,
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

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

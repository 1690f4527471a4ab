//! The JSON interface, version 1. Fields are added, never removed or given another meaning.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{IncidentView, Latency, Overview, ProbePage, ProbeSummary, Runs, Site};

/// The JSON Schema of every response, served as `/api/v1/schema.json`.
pub const SCHEMA: &str = include_str!("../assets/api-v1.schema.json");

/// `GET /api/v1/status`.
#[derive(Debug, Serialize)]
pub struct Status {
    pub version: u32,
    pub updated: Timestamp,
    /// The worst state of any probe.
    pub state: &'static str,
    /// Of this page, which counts from 1.
    pub probes: Vec<Probe>,
    pub page: usize,
    pub pages: usize,
    /// The number of all probes.
    pub probe_count: usize,
    pub incidents: Vec<Incident>,
}

/// `GET /api/v1/probes/NAME`.
#[derive(Debug, Serialize)]
pub struct ProbeDetail {
    pub version: u32,
    pub updated: Timestamp,
    #[serde(flatten)]
    pub probe: Probe,
    pub days: Vec<Day>,
    pub runs: Vec<Run>,
    pub incidents: Vec<Incident>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// `GET /api/v1/incidents`.
#[derive(Debug, Serialize)]
pub struct Incidents {
    pub version: u32,
    pub updated: Timestamp,
    pub incidents: Vec<Incident>,
}

/// A probe.
#[derive(Debug, Serialize)]
pub struct Probe {
    pub name: String,
    pub state: &'static str,
    pub since: Option<Timestamp>,
    /// Whether the probe is in a maintenance window.
    pub in_maintenance: bool,
    /// In percent; `null` without runs.
    pub availability_24h_percent: Option<f64>,
    pub availability_7d_percent: Option<f64>,
    pub availability_30d_percent: Option<f64>,
    pub availability_90d_percent: Option<f64>,
    pub objective_percent: Option<f64>,
    pub error_budget_left_percent: Option<f64>,
    /// Of the last 24 hours.
    pub first_chunk_p50_seconds: Option<f64>,
    pub first_chunk_p95_seconds: Option<f64>,
    /// The median of each of the last 24 hours, oldest first.
    pub first_chunk_hours_seconds: Vec<Option<f64>>,
}

/// The runs of a day of UTC.
#[derive(Debug, Serialize)]
pub struct Day {
    pub date: String,
    pub up: u64,
    pub degraded: u64,
    pub down: u64,
    pub run_errors: u64,
    /// In maintenance windows. They count in no other number.
    pub maintenance: u64,
}

/// A run.
#[derive(Debug, Serialize)]
pub struct Run {
    pub due: Timestamp,
    /// `up`, `degraded`, `down`; `null` for a run without a verdict.
    pub verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    pub duration_seconds: f64,
    pub first_chunk_seconds: Option<f64>,
    pub reply_seconds: Option<f64>,
    pub retries: u64,
    /// Whether it was due in a maintenance window, so that it does not count.
    pub in_maintenance: bool,
}

/// An incident.
#[derive(Debug, Serialize)]
pub struct Incident {
    pub id: i64,
    pub probe: String,
    pub state: &'static str,
    pub began: Timestamp,
    pub ended: Option<Timestamp>,
    pub duration_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

/// The response to `/api/v1/status`.
#[must_use]
pub fn status(site: &Site, of: &Overview) -> Status {
    Status {
        version: 1,
        updated: site.now,
        state: of.counts.worst().as_str(),
        probes: of.probes.iter().map(probe).collect(),
        page: of.page,
        pages: of.pages,
        probe_count: of.counts.all(),
        incidents: of.incidents.iter().map(|one| incident(site, one)).collect(),
    }
}

/// The response to `/api/v1/probes/NAME`.
#[must_use]
pub fn probe_detail(site: &Site, of: &ProbePage) -> ProbeDetail {
    let shown = site.shown(of.summary.public);
    let day = |slot: &crate::model::Slot| {
        let Runs { up, degraded, down, errors, maintenance } = slot.runs;
        let date = slot.start.strftime("%Y-%m-%d").to_string();
        Day { date, up, degraded, down, run_errors: errors, maintenance }
    };
    let run = |run: &crate::model::RunView| Run {
        due: run.due,
        verdict: run.verdict.map(domain::Verdict::as_str),
        reason: run.reason.filter(|_| shown.reasons),
        duration_seconds: run.duration.as_secs_f64(),
        first_chunk_seconds: seconds(run.first_chunk),
        reply_seconds: seconds(run.reply),
        retries: run.retries,
        in_maintenance: run.in_maintenance,
    };
    ProbeDetail {
        version: 1,
        updated: site.now,
        probe: probe(&of.summary),
        days: of.summary.days.iter().map(day).collect(),
        runs: of.runs.iter().map(run).collect(),
        incidents: of.incidents.iter().map(|one| incident(site, one)).collect(),
        certificate_expires: of.certificate_expires,
        address: of.configuration.address.clone().filter(|_| shown.address),
    }
}

/// The response to `/api/v1/incidents`.
#[must_use]
pub fn incidents(site: &Site, list: &[IncidentView]) -> Incidents {
    let incidents = list.iter().map(|one| incident(site, one)).collect();
    Incidents { version: 1, updated: site.now, incidents }
}

fn probe(summary: &ProbeSummary) -> Probe {
    let Latency { p50, p95 } = summary.first_chunk;
    Probe {
        name: summary.name.to_string(),
        state: summary.state.as_str(),
        since: summary.since,
        in_maintenance: summary.in_maintenance,
        availability_24h_percent: summary.last_24_hours.availability(),
        availability_7d_percent: summary.last_7_days.availability(),
        availability_30d_percent: summary.last_30_days.availability(),
        availability_90d_percent: summary.last_90_days.availability(),
        objective_percent: summary.objective,
        error_budget_left_percent: summary.error_budget_left(),
        first_chunk_p50_seconds: seconds(p50),
        first_chunk_p95_seconds: seconds(p95),
        first_chunk_hours_seconds: summary.first_chunk_hours.iter().copied().map(seconds).collect(),
    }
}

fn incident(site: &Site, of: &IncidentView) -> Incident {
    let shown = site.shown(of.public);
    let internal = site.audience == crate::Audience::Internal;
    Incident {
        id: of.number,
        probe: of.probe.to_string(),
        state: of.state.as_str(),
        began: of.began,
        ended: of.ended,
        duration_seconds: of.lasted(site.now).as_secs_f64(),
        reason: of.reason.filter(|_| shown.reasons).map(domain::Reason::as_str),
        acknowledged_by: of.acknowledged_by.clone().filter(|_| internal),
    }
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

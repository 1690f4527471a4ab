//! Values from the JSON interface of a running `vigie serve`.

use domain::ProbeName;
use jiff::Timestamp;
use serde::Deserialize;
use status_page::State;

use super::snapshot::{Row, Snapshot, Values};
use crate::serve_client::{ServeClient, ServeError};

/// The most pages that are read.
const MOST_PAGES: usize = 200;

#[derive(Deserialize)]
struct Status {
    updated: Timestamp,
    probes: Vec<Probe>,
    probe_count: usize,
    pages: usize,
}

#[derive(Deserialize)]
struct Probe {
    name: ProbeName,
    state: Word,
    since: Option<Timestamp>,
    availability_24h_percent: Option<f64>,
    first_chunk_p50_seconds: Option<f64>,
    first_chunk_p95_seconds: Option<f64>,
    #[serde(default)]
    first_chunk_hours_seconds: Vec<Option<f64>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Up,
    Degraded,
    Down,
    NoData,
}

/// The values of at least the `wanted` worst probes, if there are as many.
pub(super) async fn fetch(client: &ServeClient, wanted: usize) -> Result<Snapshot, ServeError> {
    let mut status: Status = client.get("api/v1/status?page=1").await?;
    let mut snapshot = Snapshot::new(Vec::new(), status.updated);
    for page in 2..=MOST_PAGES {
        snapshot.rows.extend(status.probes.into_iter().map(row));
        snapshot.probes = status.probe_count;
        if wanted <= snapshot.rows.len() || status.pages < page {
            break;
        }
        status = client.get(&format!("api/v1/status?page={page}")).await?;
    }
    Ok(snapshot)
}

fn row(probe: Probe) -> Row {
    let values = Values {
        state: match probe.state {
            Word::Up => State::Up,
            Word::Degraded => State::Degraded,
            Word::Down => State::Down,
            Word::NoData => State::NoData,
        },
        since: probe.since,
        availability: probe.availability_24h_percent,
        p50: probe.first_chunk_p50_seconds,
        p95: probe.first_chunk_p95_seconds,
        hours: probe.first_chunk_hours_seconds,
    };
    Row { name: probe.name, values, locations: Vec::new() }
}

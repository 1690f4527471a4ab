//! Times as they were measured: monotonic, taken when the bytes arrived, absent when the phase did
//! not happen (plain HTTP has no `tls`, a reused connection no `connect`), never 0 in its place.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::wire;

/// The phases before the first turn of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    #[serde(default, with = "wire::optional_seconds", rename = "dns_seconds")]
    pub dns: Option<Duration>,
    /// TCP only.
    #[serde(default, with = "wire::optional_seconds", rename = "connect_seconds")]
    pub connect: Option<Duration>,
    #[serde(default, with = "wire::optional_seconds", rename = "tls_seconds")]
    pub tls: Option<Duration>,
    /// Request for the app's config sent → config read; log-in included where there is one.
    #[serde(default, with = "wire::optional_seconds", rename = "describe_seconds")]
    pub describe: Option<Duration>,
}

/// The times of one turn, all counted from the moment its prompt was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Prompt sent → the app starts working on it; `None` where the app does not say.
    #[serde(default, with = "wire::optional_seconds", rename = "queue_seconds")]
    pub queue: Option<Duration>,
    /// Visitors ahead of us when the app first told, 0 = next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// Prompt sent → first chunk with text, a thinking block's included.
    #[serde(default, with = "wire::optional_seconds", rename = "first_chunk_seconds")]
    pub first_chunk: Option<Duration>,
    /// Prompt sent → first chunk with text of the answer.
    #[serde(default, with = "wire::optional_seconds", rename = "first_text_seconds")]
    pub first_text: Option<Duration>,
    /// Prompt sent → end of the reply.
    #[serde(default, with = "wire::optional_seconds", rename = "reply_seconds")]
    pub reply: Option<Duration>,
    /// What the app itself says it spent working; `None` where it does not say.
    #[serde(default, with = "wire::optional_seconds", rename = "processing_seconds")]
    pub processing: Option<Duration>,
    /// Chunks received.
    #[serde(default)]
    pub chunks: u64,
    /// Gaps between two chunks; `None` with fewer than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inter_chunk: Option<Spread>,
    /// How much of [`Self::first_chunk`] our own process could not run; `None` when not measured.
    ///
    /// The most by which that time can be too long: while we stood still the app may have answered.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "first_chunk_stalled_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_chunk_stalled: Option<Duration>,
    /// How much of [`Self::reply`] our own process could not run, likewise.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "reply_stalled_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub reply_stalled: Option<Duration>,
}

/// Percentiles of a set of durations: each is one of the set (nearest rank), not interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    #[serde(with = "wire::seconds", rename = "p50_seconds")]
    pub p50: Duration,
    #[serde(with = "wire::seconds", rename = "p90_seconds")]
    pub p90: Duration,
    #[serde(with = "wire::seconds", rename = "p99_seconds")]
    pub p99: Duration,
    #[serde(with = "wire::seconds", rename = "max_seconds")]
    pub max: Duration,
}

impl Spread {
    /// `None` when there is nothing to spread.
    #[must_use]
    pub fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        let max = *durations.last()?;
        let rank = |percent: usize| durations[(durations.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self { p50: rank(50), p90: rank(90), p99: rank(99), max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let ms = Duration::from_millis;
        assert_eq!(Spread::of(Vec::new()), None);
        let one = Spread::of(vec![ms(7)]).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (ms(7), ms(7), ms(7)));
        let hundred = Spread::of((1..=100).rev().map(ms).collect()).unwrap();
        assert_eq!(
            (hundred.p50, hundred.p90, hundred.p99, hundred.max),
            (ms(50), ms(90), ms(99), ms(100))
        );
    }
}

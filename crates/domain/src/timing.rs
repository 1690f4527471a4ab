//! Measured times: monotonic, taken when the bytes arrived. A phase that did not occur has no time, and
//! never 0: plain HTTP has no `tls`.

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
    /// Prompt sent → the app starts to process it; `None` if the app does not report it.
    #[serde(default, with = "wire::optional_seconds", rename = "queue_seconds")]
    pub queue: Option<Duration>,
    /// Worst position in the queue; 0 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// Prompt sent → first chunk with any content, also a placeholder that is replaced later.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "first_output_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_output: Option<Duration>,
    /// Prompt sent → first chunk with content of the final reply, text or thinking.
    #[serde(default, with = "wire::optional_seconds", rename = "first_chunk_seconds")]
    pub first_chunk: Option<Duration>,
    /// Prompt sent → first chunk with text of the final answer; thinking is not text.
    #[serde(default, with = "wire::optional_seconds", rename = "first_text_seconds")]
    pub first_text: Option<Duration>,
    /// Prompt sent → end of the reply.
    #[serde(default, with = "wire::optional_seconds", rename = "reply_seconds")]
    pub reply: Option<Duration>,
    /// Processing time that the app reports.
    #[serde(default, with = "wire::optional_seconds", rename = "processing_seconds")]
    pub processing: Option<Duration>,
    /// Chunks received.
    #[serde(default)]
    pub chunks: u64,
    /// Gaps between two chunks; `None` with fewer than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inter_chunk: Option<Spread>,
    /// How much of [`Self::first_chunk`] the prober was stalled; `None` if it was not measured.
    ///
    /// The time may be too long by this much: the app may have answered during the stall.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "first_chunk_stalled_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_chunk_stalled: Option<Duration>,
    /// How much of [`Self::reply`] the prober was stalled, likewise.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "reply_stalled_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub reply_stalled: Option<Duration>,
}

impl Timing {
    /// The time of a placeholder such as "Thinking…" that came before the first chunk of the reply.
    #[must_use]
    pub fn placeholder(&self) -> Option<Duration> {
        self.first_output.filter(|output| self.first_chunk.is_none_or(|chunk| *output < chunk))
    }
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
    /// `None` without durations.
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

//! The metrics and series of a run, as plain values.
//!
//! This module decides names, units, and when a value is absent; `cloudwatch` and `run-executor` only
//! publish the values.

mod cloudwatch;
mod prometheus;
#[cfg(test)]
mod tests;

pub use cloudwatch::{Detail, Metric, Unit, for_cloudwatch};
pub use prometheus::{COMMON_LABELS, PHASES, PUBLISHED, Published, SeriesValue, for_prometheus};

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

fn count(number: usize) -> f64 {
    float(u64::try_from(number).unwrap_or(u64::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "counts and Unix times are far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

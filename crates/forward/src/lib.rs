//! Samples on their way to Prometheus: what the bridge, `vigie bridge` and `vigie serve` share.

pub mod figure;
pub mod message;

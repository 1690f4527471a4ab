//! Reads samples from the queue and sends them to Prometheus by remote write.
//!
//! Samples that cannot be sent now stay in the queue, and no later sample of their series is sent before
//! them. Samples that the receiver rejects go to the dead-letter queue with its answer. Samples that are
//! too old for it go to the bucket as OpenMetrics. The queue delivers at least once: receivers accept a
//! repeated sample as the same sample.

mod archive;
mod bridge;
mod config;
mod credentials;
mod dead_letters;
mod metrics;
mod queued;
mod sending;

pub use bridge::{Bridge, Services};
pub use config::{AuthSource, Config};
pub use credentials::UnusableSecret;

//! From the queue: on to Prometheus by remote write.
//!
//! What can't be sent now stays in the queue, and nothing of its series overtakes it. What the
//! receiver will never take goes to the dead-letter queue with the receiver's words; what became too
//! old for it goes to the bucket as OpenMetrics. The queue delivers at least once: a sample sent
//! twice is the same sample, which receivers know.

mod archive;
mod bridge;
mod config;
mod credentials;
mod dead_letters;
mod health;
mod letter;

pub use bridge::{Bridge, Services};
pub use config::{AuthSource, Config};
pub use credentials::UnusableSecret;

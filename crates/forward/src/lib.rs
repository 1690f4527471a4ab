//! Samples on their way to Prometheus: what the bridge, `vigie bridge` and `vigie serve` share.
//!
//! [`scraping`] or whoever measures puts samples into a [`Queue`]; [`engine::run`] takes them to the
//! receiver. Between functions they travel as a [`message`].

pub mod engine;
pub mod figure;
pub mod message;
mod queue;
pub mod scraping;

pub use queue::{Counts, Queue};

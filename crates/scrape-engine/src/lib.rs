//! The engine of `vigie bridge`, a small Prometheus agent: scrapes targets on an exact grid and remote writes what they show.
//!
//! [`scraping`] or the exporter of `vigie serve` puts samples into a [`Queue`]; [`engine::run`] sends
//! them to the receiver. Only the command line uses this crate.

pub mod dead_letters;
pub mod engine;
mod queue;
pub mod scraping;

pub use queue::{Counts, Queue};

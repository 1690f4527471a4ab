//! Prometheus remote write 1.0 and 2.0, sent so that nothing is lost and nothing is sent in vain.
//!
//! [`Series`] and [`Entry`] are what everything that writes to Prometheus builds. A [`Client`] sends
//! them: looked over first ([`Checks`]), in requests of at most so many, tried again while that can
//! help, taken apart when a receiver refuses a whole request because of a part of it. What became of
//! each entry is in the [`Outcome`].
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use remote_write::{Client, Entry, Patience, Sample, Series, Settings};
//!
//! let mut client = Client::new(Settings::new("http://prometheus:9090/api/v1/write")?)?;
//! let now = std::time::SystemTime::now().into();
//! let up = Series::new("up", [("job", "gradio_chatbot")])?;
//! let entries = [Entry::new(up, Sample::new(1.0, now))];
//! let outcome = client.write(&entries, now, Patience::default()).await;
//! assert!(outcome.held_up.is_none(), "the receiver is away");
//! # Ok(())
//! # }
//! ```
//!
//! No clock is read but tokio's: the time is an argument of [`Client::write`].

mod answer;
mod auth;
mod backoff;
mod check;
mod client;
mod decode;
mod delivery;
mod encode;
mod groups;
mod protocol;
mod sample;
mod series;
mod settings;
mod snappy;
mod symbols;
mod varint;
pub mod wire;

pub use answer::Rejection;
pub use auth::{Auth, AuthError, SigV4};
pub use backoff::Backoff;
pub use check::{Checks, Refusal};
pub use client::Client;
pub use decode::{DecodeError, decode};
pub use delivery::{Fate, HeldUp, Outcome, Patience};
pub use encode::{Encoded, Encoder};
pub use protocol::{Protocol, UnknownProtocol};
pub use sample::{
    Datum, Entry, Exemplar, Histogram, Metadata, MetricKind, STALE_MARKER_BITS, Sample, Timestamp,
};
pub use series::{InvalidSeries, NAME, Series};
pub use settings::{Settings, SettingsError};

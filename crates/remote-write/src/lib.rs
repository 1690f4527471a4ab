//! A client for Prometheus remote write 1.0 and 2.0.
//!
//! A [`Client`] sends the entries of the crate `samples`. It checks them first ([`Checks`]), splits them
//! into requests, retries what a later attempt can fix, and divides a request that the receiver rejects
//! until it knows which samples are at fault. The [`Outcome`] has the result of each entry.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use remote_write::{Client, SendPolicy, Settings};
//! use samples::{Entry, Sample, Series};
//!
//! let mut client = Client::new(Settings::new("http://prometheus:9090/api/v1/write")?)?;
//! let now = std::time::SystemTime::now().into();
//! let up = Series::new("up", [("job", "gradio_chatbot")])?;
//! let entries = [Entry::new(up, Sample::new(1.0, now))];
//! let outcome = client.write(&entries, now, SendPolicy::default()).await;
//! assert!(outcome.blocked.is_none(), "the receiver is unavailable");
//! # Ok(())
//! # }
//! ```
//!
//! The wall clock is an argument of [`Client::write`]; waits use tokio's clock.

mod answer;
mod auth;
mod backoff;
mod check;
mod client;
mod delivery;
mod metadata;
mod settings;
mod suspects;

pub use answer::Rejection;
pub use auth::{Auth, AuthError, SigV4};
pub use backoff::Backoff;
pub use check::{Checks, Refusal};
pub use client::Client;
pub use delivery::{Blocked, EntryOutcome, Outcome, SendPolicy};
pub use settings::{Settings, SettingsError};

//! Scrapes a target's `/metrics` and says what a Prometheus server would have stored.
//!
//! [`fetch`] gets the page, [`Memory::absorb`] turns it into entries for remote write: every sample under
//! the target's labels, stale markers for what is gone, and the five series that Prometheus writes about
//! each scrape. [`scrape`] is both in one. What one scrape has to know of the one before is in
//! [`Memory`], which can stay in memory or be kept as bytes ([`Memory::to_bytes`]).
//!
//! The rules are those of Prometheus, checked against a real one with the pages in
//! `tests/fixtures/expositions`. Where its versions differ, or would harm:
//!
//! - Of a series that comes twice on a page the first value counts (as in 3.x; the agent of 2.42 sends both).
//! - `_created` lines of OpenMetrics become start timestamps, which remote write 2.0 has a place for. They
//!   are no series of their own and are not counted (as in 3.x with start timestamps switched on; 2.42
//!   stores them as series).
//! - Blanks before a name and exemplars on any series are read; 2.42 fails the whole page for either.
//! - A page with an error fails as a whole and no sample of it is sent. Series that stood before the error
//!   are not marked stale yet, others are; this is what Prometheus does.
//! - Nothing is marked stale when the program ends; [`Memory::retire`] is for a target that is given up.

mod created;
mod fetch;
mod memory;
mod page;
mod state;
mod target;

pub use fetch::{FetchError, Page, Request, client, fetch};
pub use memory::Memory;
pub use page::{Counts, Scrape, ScrapeError};
pub use state::StateError;
pub use target::{Labels, Limits, instance_of};

use samples::Timestamp;

/// Scrapes a target once; `at` stamps all that has no time of its own.
///
/// There is always an answer: a target that can't be scraped has `up` 0.
pub async fn scrape(
    client: &reqwest::Client,
    request: &Request,
    labels: &Labels,
    memory: &mut Memory,
    at: Timestamp,
) -> Scrape {
    let started = std::time::Instant::now();
    let page = fetch(client, request).await;
    memory.absorb(labels, &request.limits, page, at, || started.elapsed())
}

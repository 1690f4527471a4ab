//! Scrapes the `/metrics` page of a target and returns what a Prometheus server would store.
//!
//! [`fetch()`] gets the page and [`Memory::absorb`] turns it into entries for remote write: the samples with
//! the labels of the target, stale markers for series that are gone, and the five series that Prometheus
//! writes about each scrape. [`scrape`] does both. What a scrape must know of the last one is in
//! [`Memory`], which can be stored as bytes ([`Memory::to_bytes`]).
//!
//! The rules are those of Prometheus; the tests compare with what a real one stored for the pages in
//! `tests/fixtures/expositions`. Differences:
//!
//! - If a series occurs twice on a page the first value is used, as in 3.x. The agent of 2.42 sends both.
//! - `_created` lines of OpenMetrics are series, as in Prometheus, and also the start timestamps of their
//!   counters, which remote write 2.0 carries.
//! - `le` and `quantile` have the canonical form of 3.x, see [`Labels::with_bounds_as_written`].
//! - UTF-8 names in quotes are read, and a page needs a known content type, as in 3.x; see
//!   [`Request::fallback`].
//! - Blanks before a name and exemplars on any series are read; 2.42 fails the page for either.
//! - As in Prometheus, a page with an error fails as a whole and no sample of it is sent. Series before the
//!   error are not marked stale yet, the others are.
//! - Nothing is marked stale when the program ends; use [`Memory::retire`] for a removed target.

mod buckets;
mod client;
mod created;
mod family;
mod fetch;
mod incoming;
mod memory;
mod native;
mod page;
mod received;
mod result;
mod state;
mod target;
mod walk;

pub use client::{Tls, client, client_with_tls, is_server_name};
pub use exposition::protobuf::Histograms;
pub use fetch::{FetchError, Request, fetch};
pub use memory::Memory;
pub use received::Page;
pub use result::{Counts, LimitError, Scrape, ScrapeError};
pub use state::StateError;
pub use target::{Labels, Limits, instance_of};

use samples::Timestamp;

/// Scrapes a target once. `at` is the time of samples without a timestamp.
///
/// There is always a result: if the scrape fails, `up` is 0.
pub async fn scrape(
    client: &reqwest::Client,
    request: &Request,
    labels: &Labels,
    memory: &mut Memory,
    at: Timestamp,
) -> Scrape {
    let started = std::time::Instant::now();
    let page = fetch::fetch_known(client, request, memory).await;
    memory.absorb(labels, &request.limits, page, at, || started.elapsed())
}

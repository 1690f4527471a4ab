//! The result of a scrape, and why one fails.

use exposition::ParseError;
use samples::{Entry, InvalidSeries};

use crate::fetch::FetchError;

/// The result of one scrape.
#[derive(Debug)]
pub struct Scrape {
    /// In the order to send: samples, stale markers, the series about the scrape.
    pub entries: Vec<Entry>,
    /// `None` when the target is up.
    pub error: Option<ScrapeError>,
    pub counts: Counts,
    /// Whether [`crate::Memory::to_bytes`] returns something else than before the scrape.
    pub memory_changed: bool,
}

/// Counts of the samples of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples read, up to the first error.
    pub scraped: usize,
    /// Samples that were accepted, as Prometheus counts them: including repeated ones.
    pub kept: usize,
    /// Series that were not on the last page.
    pub added: usize,
}

/// Why a scrape failed. `up` is then 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    #[error("fetching the page failed")]
    Fetch { source: FetchError },
    #[error("the page is not in the format of its content type")]
    Parse { source: ParseError },
    #[error("a sample of the page has invalid labels")]
    Series { source: InvalidSeries },
    #[error("the page is over a limit")]
    Limit { source: LimitError },
}

/// A limit of [`crate::Limits`] that a page is over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    #[error("the page has {samples} samples; expected at most {limit}")]
    Samples { samples: usize, limit: usize },
    #[error("`{series}` has {labels} labels; expected at most {limit}")]
    Labels { series: String, labels: usize, limit: usize },
    #[error(
        "the label `{label}` of `{series}` has a name of {bytes} bytes; expected at most {limit}"
    )]
    LabelName { series: String, label: String, bytes: usize, limit: usize },
    #[error(
        "the label `{label}` of `{series}` has a value of {bytes} bytes; expected at most {limit}"
    )]
    LabelValue { series: String, label: String, bytes: usize, limit: usize },
}

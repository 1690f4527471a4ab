//! Reads protobuf exposition: `io.prometheus.client.MetricFamily` messages, each after its length.
//!
//! A page becomes a page in OpenMetrics, which the [`crate::Reader`] reads, and a list of its native
//! histograms, each at the place of its line. So relabeling, stale markers and limits are the same for all
//! formats. The decoder is hand-written, since this crate has no dependency on a code generator, and since
//! the messages are read once and not kept.

mod family;
mod histogram;
mod text;
mod wire;

pub use histogram::{NativeHistogram, Span};

use text::Text;

/// The media type.
const MEDIA_TYPE: &str = "application/vnd.google.protobuf";

/// A page as OpenMetrics text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    pub text: String,
    /// In the order of their lines: number of the line, from 0, and the histogram. The value of the line has
    /// no meaning.
    pub histograms: Vec<(usize, NativeHistogram)>,
    /// Start times of counters, summaries and histograms, likewise: milliseconds since 1970.
    pub starts: Vec<(usize, i64)>,
    /// Names of families with their units. They have no `# UNIT` lines, since in OpenMetrics the name of a counter does
    /// not end with `_total`.
    pub units: Vec<(String, String)>,
}

/// Which series of a native histogram are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histograms {
    /// The classic buckets only.
    #[default]
    Classic,
    /// The native histogram; the classic buckets of other histograms.
    Native,
    /// Both.
    Both,
}

/// Why a page is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    #[error("a message of the page is cut off")]
    CutOff,
    #[error("a message of the page has a field that is not valid protobuf")]
    Field,
    #[error("field {field} of a message has another type; expected {expected}")]
    Type { field: u32, expected: &'static str },
    #[error("a metric family has no name")]
    NoName,
    #[error(
        "the unit of `{family}` is `{unit}`; expected a unit with which the family's name ends"
    )]
    Unit { family: String, unit: String },
    #[error("a native histogram of `{family}` is not valid: {what}")]
    Histogram { family: String, what: &'static str },
    #[error("the page is larger than {limit} bytes as text")]
    TooLarge { limit: usize },
}

/// Whether a body with this `Content-Type` is protobuf exposition.
#[must_use]
pub fn is_content_type(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE)
}

/// Converts a page. The text has at most `limit` bytes.
///
/// # Errors
/// When the page is not valid or over the limit.
pub fn convert(
    mut body: &[u8],
    histograms: Histograms,
    limit: usize,
) -> Result<Converted, ProtobufError> {
    let mut text = Text::new(limit);
    while !body.is_empty() {
        family::read(wire::delimited(&mut body)?, histograms, &mut text)?;
    }
    text.finish()
}

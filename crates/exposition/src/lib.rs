//! Reads and writes `/metrics` pages: the Prometheus text format 0.0.4 and OpenMetrics 1.0.
//!
//! [`Reader`] reads a body in one pass and borrows from it: names, label values and help texts are slices
//! of the body unless they have escapes. It validates each line and keeps no state between lines; whether
//! a family is complete or a series occurs twice is left to the caller, as in a Prometheus server. If the
//! specifications and Prometheus differ, the reader accepts what Prometheus accepts, UTF-8 names in
//! quotes included.
//!
//! The parser is hand-written because no maintained crate reads both formats as Prometheus does, and
//! because comparing a line with that of the last page ([`Reader::next_like`]) is most of its speed.
//!
//! [`Writer`] is stricter than the reader: its pages are valid for their format.
//!
//! ```
//! use exposition::{Format, Line, Reader};
//!
//! let body = b"# TYPE replies_total counter\nreplies_total{model=\"small\"} 3\n";
//! let mut samples = Vec::new();
//! for line in Reader::new(body, Format::Prometheus) {
//!     if let Line::Sample(sample) = line? {
//!         samples.push((sample.name(), sample.value));
//!     }
//! }
//! assert_eq!(samples, [("replies_total".into(), 3.0)]);
//! # Ok::<(), exposition::ParseError>(())
//! ```

mod cursor;
mod error;
mod format;
mod labels;
mod line;
mod number;
pub mod protobuf;
mod reader;
mod writer;

pub use error::ParseError;
pub use format::{Format, Kind};
pub use labels::Labels;
pub use line::{Exemplar, Line, Sample};
pub use number::{NORMAL_NAN_BITS, float_text, value as parse_value};
pub use reader::Reader;
pub use writer::{Example, Family, Point, WriteError, Writer};

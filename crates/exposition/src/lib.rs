//! Reads and writes what a `/metrics` page holds: the Prometheus text format 0.0.4 and OpenMetrics 1.0.
//!
//! [`Reader`] walks a body once and borrows from it: names, label values and help texts are slices of the
//! body unless an escape has to be undone. It checks what can be checked line by line and keeps no state
//! between lines; whether a family is complete or a series comes twice is for the caller to judge, as it
//! is in a Prometheus server. Where the two specifications and Prometheus disagree about what may be
//! read, Prometheus is followed, since its users never see the difference otherwise.
//!
//! [`Writer`] is stricter than the reader: what it returns is valid for the format it was made for.
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
//! assert_eq!(samples, [("replies_total", 3.0)]);
//! # Ok::<(), exposition::ParseError>(())
//! ```

mod cursor;
mod error;
mod format;
mod labels;
mod number;
mod reader;
mod writer;

pub use error::ParseError;
pub use format::{Format, Kind};
pub use labels::Labels;
pub use number::NORMAL_NAN_BITS;
pub use reader::{Exemplar, Limits, Line, Reader, Sample};
pub use writer::{Example, Family, Point, WriteError, Writer};

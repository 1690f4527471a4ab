//! Prometheus remote write 1.0 and 2.0, sent so that nothing is lost and nothing is sent in vain.
//!
//! [`Series`] and [`Entry`] are what everything that writes to Prometheus builds.

mod decode;
mod encode;
mod groups;
mod protocol;
mod sample;
mod series;
mod symbols;
mod varint;
pub mod wire;

pub use decode::{DecodeError, decode};
pub use encode::{Encoded, Encoder};
pub use protocol::{Protocol, UnknownProtocol};
pub use sample::{
    Datum, Entry, Exemplar, Histogram, Metadata, MetricKind, STALE_MARKER_BITS, Sample, Timestamp,
};
pub use series::{InvalidSeries, NAME, Series};

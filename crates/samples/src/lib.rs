//! Series and samples, the encodings of remote write 1.0 and 2.0, and the message that carries
//! samples through the queue.
//!
//! [`Series`] and [`Entry`] are what every component that writes to Prometheus builds. [`Encoder`]
//! turns entries into the body of a remote write request, [`decode`] reads one back, and [`message`]
//! wraps a body as a queue message. The crate does no I/O and reads no clock.

mod decode;
mod encode;
pub mod message;
mod metadata;
mod protocol;
mod sample;
mod series;
mod time;
mod varint;
pub mod wire;

pub use decode::{DecodeError, decode};
pub use encode::{Encoded, Encoder, encode_metadata, family_name};
pub use metadata::{Metadata, MetricKind};
pub use protocol::{Protocol, UnknownProtocol};
pub use sample::{Datum, Entry, Exemplar, Histogram, STALE_MARKER_BITS, Sample};
pub use series::{InvalidSeries, NAME, Series};
pub use time::Timestamp;

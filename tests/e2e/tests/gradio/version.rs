//! The tested versions of Gradio: one for each change of the protocol, as in the recordings in
//! `tests/fixtures/gradio`.

use harness::python::{Environment, gradio};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    /// Such as `6.31.0`.
    pub(crate) number: &'static str,
    /// The protocol of its events, as Gradio names it.
    pub(crate) protocol: &'static str,
    pub(crate) python: Environment,
}

macro_rules! version {
    ($number:literal, $protocol:literal) => {
        Version { number: $number, protocol: $protocol, python: gradio!($number) }
    };
}

/// The last release of each major version, the newest first; `make test` runs these.
pub(crate) const LATEST: [Version; 4] = [
    version!("6.31.0", "sse_v3"),
    version!("5.50.0", "sse_v3"),
    version!("4.44.1", "sse_v3"),
    version!("3.50.2", "ws"),
];

/// `make test-gradio` runs these too.
pub(crate) const EARLIER: [Version; 9] = [
    version!("6.0.2", "sse_v3"),
    version!("5.0.2", "sse_v3"),
    version!("4.38.1", "sse_v3"),
    version!("4.29.0", "sse_v3"),
    version!("4.21.0", "sse_v2.1"),
    version!("4.19.2", "sse_v2"),
    version!("4.11.0", "sse_v1"),
    version!("4.0.2", "sse"),
    version!("3.40.1", "ws"),
];

/// Too old for Vigie, which must report it.
pub(crate) const NOT_SUPPORTED: Version = version!("3.0.26", "ws");

impl Version {
    /// Its first two numbers.
    #[must_use]
    pub(crate) fn release(&self) -> (u32, u32) {
        let mut numbers = self.number.split('.').map(|number| number.parse().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
    }
}

//! Tests of the public API.
#![allow(
    clippy::unwrap_used,
    reason = "a test may fail loudly; clippy knows only functions marked as tests"
)]

mod as_prometheus;
mod fetching;
mod otherwise;
mod pages;
mod properties;
mod protobuf;
mod remembering;
mod script;
mod tls;
mod upstream;

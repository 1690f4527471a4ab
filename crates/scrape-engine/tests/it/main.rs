//! The public API of the crate.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod engine;

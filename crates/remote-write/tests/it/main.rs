//! What the crate promises from outside.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod delivery;
mod encoding;

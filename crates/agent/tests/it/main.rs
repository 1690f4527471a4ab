//! The engine against a scripted receiver.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod engine;

//! The engine against a scripted receiver.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod engine;
#[allow(dead_code, reason = "shared with the tests of remote-write, which use all of it")]
#[path = "../../../remote-write/tests/it/receiver.rs"]
mod receiver;

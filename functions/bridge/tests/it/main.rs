//! An event in, real remote write requests out; the AWS edge is the SDK's own mock.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod events;
mod outage;
#[allow(dead_code, reason = "shared with the tests of remote-write, which use all of it")]
#[path = "../../../../crates/remote-write/tests/it/receiver.rs"]
mod receiver;

//! An event in, real remote write requests out; the AWS edge is the SDK's own mock.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod events;
mod outage;

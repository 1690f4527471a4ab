//! Events in, real remote write requests out; AWS services are mocks of the SDK.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod black_hole;
mod events;
mod outage;

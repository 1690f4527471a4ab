//! Run requests in, requests to AWS out. The AWS clients are the SDK's own mocks.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod aws;
mod disabled;
mod fat_targets;
mod published;
mod requests;

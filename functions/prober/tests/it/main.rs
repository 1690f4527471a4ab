//! Orders in, requests to AWS out; the AWS edge is the SDK's own mock.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

mod aws;
mod orders;
mod published;
mod switched_off;

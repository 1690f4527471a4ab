//! Recorded events in, the real AWS requests out.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

mod fake_aws;
mod faults;
mod notifications;
mod process_ends;
mod receivers;
mod reports;
mod samples;
mod self_monitoring;

//! Whole mails, compared with snapshots.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

mod mails;
mod samples;

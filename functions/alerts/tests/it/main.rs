//! Recorded events in, the real AWS requests out; whole mails, compared as they are read.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

mod mails;
mod notifications;
mod samples;
mod trouble;
mod watch;
mod world;

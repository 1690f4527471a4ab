//! The client against local servers: recorded conversations, faults, transports.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::too_many_lines, reason = "tables of test cases")]

mod access;
mod browser;
mod chains;
mod corpora;
mod faults;
mod page;
mod page_events;
mod proxies;
mod replay;
mod support;
mod transports;
mod uploads;

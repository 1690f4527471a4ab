//! The client against servers of our own on loopback: transcripts of real ones, faults, transports.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up may fail as it stands")]
#![expect(clippy::too_many_lines, reason = "tables of cases are read from top to bottom")]

mod corpora;
mod faults;
mod proxies;
mod replay;
mod support;
mod transports;

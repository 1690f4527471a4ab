//! Receivers against strict servers on loopback ports.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]
#![expect(clippy::print_stdout, reason = "the replay shows its table")]

mod configuration;
mod faults;
mod payloads;
mod replay;
mod support;

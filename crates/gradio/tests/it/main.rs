//! The client against servers of our own on loopback: transcripts of real ones, faults, transports.

mod faults;
mod support;

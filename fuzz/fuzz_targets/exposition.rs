//! Pages of metrics in both formats.

#![no_main]

#[path = "../exposition.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::exposition(data));

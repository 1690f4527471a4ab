//! Pages of metrics in protobuf.

#![no_main]

#[path = "../protobuf.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::protobuf(data));

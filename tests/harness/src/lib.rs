//! Real servers on this machine for the demo, the end-to-end scenarios and the benchmarks.
//!
//! No part of Vigie is replaced: the functions are the binaries of this checkout, deployed
//! from `infra/template.yaml` by SAM CLI on an emulator of AWS.

pub mod alarms;
pub mod alertmanager;
pub mod bot;
pub mod command;
pub mod debian;
pub mod environment;
pub mod faults;
pub mod inbox;
pub mod local_aws;
pub mod metrics;
pub mod net;
pub mod packages;
pub mod prometheus;
pub mod python;
pub mod queues;
pub mod smtp;

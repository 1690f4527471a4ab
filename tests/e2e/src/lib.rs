//! The harness: real servers of all kinds on this machine, started, watched and ended for certain.
//!
//! `make demo` shows the way from a broken chatbot to the mail and back with it; the crossing tests
//! assert the same way. Nothing here stands in for a part of Vigie: the functions are the release
//! binaries, deployed from `infra/template.yaml` by SAM CLI.

pub mod alarms;
pub mod alertmanager;
pub mod bench;
pub mod bot;
pub mod browser;
pub mod command;
pub mod crossing;
pub mod debian;
pub mod deploy;
pub mod example_metrics;
pub mod faults;
pub mod figures;
pub mod fuzz;
pub mod inbox;
pub mod lambda;
pub mod local_aws;
pub mod net;
pub mod outage;
pub mod packages;
pub mod process;
pub mod progress;
pub mod prometheus;
pub mod python;
pub mod queues;
pub mod quota;
pub mod removal;
pub mod run;
pub mod scripted_aws;
pub mod servers;
pub mod smtp;
pub mod soak;
pub mod stage;
pub mod tally;
pub mod tls;

//! Runs a probe against its target and reports what happened.
//!
//! The caller fills in the secrets of the target ([`target`]). [`ProbeRun::run`] makes one attempt
//! after the other until one passes or the time is over. [`domain::report::judge`] gives the verdict.
//! The prober function and the command both use this crate; it does not know AWS.

mod attempt;
mod attempt_context;
pub mod checks;
mod client;
mod detail;
mod nonce;
mod reason;
mod run;
mod stall;
pub mod target;
mod turn_report;
mod variables;

pub use attempt::ProgressEvent;
pub use run::{ProbeRun, Prober, TimeLimit};
pub use stall::StallMonitor;
pub use target::FilledTarget;

//! Plays a probe against its target: turns, retries, checks; and tells what was seen in a report.
//!
//! The way of one run: the caller fills in the target's secrets ([`target`]), [`Visit::play`] makes
//! one attempt after the other until one passes or the time is over, [`domain::report::judge`]
//! judges. Nothing here knows AWS; the prober and the command do the same visit.

mod attempt;
pub mod checks;
mod fill;
mod reason;
mod stall;
pub mod target;
mod visit;

pub use attempt::Seen;
pub use stall::Stalls;
pub use target::FilledTarget;
pub use visit::{Budget, Visit};

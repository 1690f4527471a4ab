//! Vigie's domain model: probes, conversations, verdicts, reports, schedules, alarms.
//!
//! Pure: no I/O, no async, no client library, no clock ("now" is an argument). Crates that do I/O depend
//! on this one.

pub mod alarm;
pub mod alarm_note;
mod chain;
pub mod check;
pub mod cron;
mod disclosure;
pub mod json_schema;
mod judge;
pub mod language;
pub mod location;
pub mod maintenance;
pub mod metrics;
mod missed;
pub mod name;
mod objective;
mod objectives;
pub mod probe;
pub mod report;
mod resolve;
mod run_id;
pub mod run_request;
pub mod schedule;
pub mod scrape;
pub mod scrape_http;
pub mod smoke;
mod target;
pub mod target_url;
pub mod template;
#[cfg(test)]
mod testing;
pub mod text;
mod time_zone;
pub mod timing;
pub mod verdict;
pub mod wire;

pub use alarm::{AlarmKind, AlarmName, AlarmRule, ExtraAlarm, LocationAlarmName, MOfN, Severity};
pub use chain::chain;
pub use check::{Check, JsonTest, Requirement};
pub use cron::{Cron, InvalidCron};
pub use disclosure::Disclosure;
pub use location::Placement;
pub use maintenance::Maintenance;
pub use name::{EnvironmentName, InvalidName, LocationName, ProbeName};
pub use objective::{AvailabilityObjective, InvalidObjective};
pub use objectives::Objectives;
pub use probe::{Probe, ProbeSpec, Turn};
pub use report::Report;
pub use target::{Target, TargetSpec};
pub use target_url::{InvalidTargetUrl, TargetUrl};
pub use template::{SecretReference, Template};
pub use time_zone::{TimeZoneName, UnknownTimeZone};
pub use timing::{Phases, Spread, Timing};
pub use verdict::{Outcome, OwnFault, Reason, Verdict};

/// `Vigie/VERSION (+repository)`: lets the operator of a target recognize Vigie's requests.
pub const USER_AGENT: &str =
    concat!("Vigie/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")");

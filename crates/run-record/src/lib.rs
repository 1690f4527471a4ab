//! What is kept of every run: a record of about 16 bytes, totals of a period, and incidents. Plain data and its
//! encoding; `SQLite` (`history`) and `DynamoDB` (`run-table`) store it.

mod codec;
mod counts;
mod group;
mod histogram;
mod incident;
mod location;
pub mod packed;
mod run;
mod snapshot;
mod source;
mod summary;
pub mod time;

pub use counts::Counts;
pub use group::{GroupTimes, Percentiles, RunGroup};
pub use histogram::Histogram;
pub use incident::{Acknowledgement, Incident, IncidentId, IncidentKind, NewIncident};
pub use location::{LocatedRun, merged};
pub use run::RunRecord;
pub use snapshot::Snapshot;
pub use source::RunSource;
pub use summary::Summary;

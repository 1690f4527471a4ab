//! The run history of `vigie serve`: every run, reports, incidents and alarm states in one `SQLite` file.
//!
//! One row holds the runs of one probe and hour in about 16 bytes a run ([`RunRecord`]); others hold the totals of a
//! day ([`Summary`]), and the charts and totals of each hour, quarter of a day and day that is over. 1,000 probes at
//! one run a minute need less than 4 GB for 90 days.
//!
//! The file is in WAL mode with `synchronous = NORMAL`: a process that is killed at any moment leaves a consistent
//! file, and loses at most the transaction in progress. A power failure may lose the last transactions.
//!
//! [`History`] writes; only one process may have it open. [`Reader`] reads at the same time.

mod error;
mod incident;
mod period;
mod reader;
mod row;
mod schema;
mod store;

pub use error::HistoryError;
pub use reader::Reader;
pub use run_record::{
    Acknowledgement, Counts, Histogram, Incident, IncidentId, IncidentKind, NewIncident, RunRecord,
    RunSource, Summary,
};
pub use store::{History, NotStored, Pruned, ReportedRun};

//! Where runs are made, and where their results go.

use domain::EnvironmentName;
use domain::metrics::Detail;

/// Settings of an [`Executor`](crate::Executor).
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    /// Where the runs are made, unless the run request names it.
    pub location: String,
    pub runs_queue_url: String,
    /// Region of everything but the queue of runs; `None` if it is that of the queue.
    pub home_region: Option<String>,
    /// `None` when no bridge is deployed.
    pub samples_queue_url: Option<String>,
    pub report_bucket: String,
    pub table_name: String,
    pub detail: Detail,
    /// Memory of the process; it limits the pages of scrapes.
    pub memory_bytes: usize,
}

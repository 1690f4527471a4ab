//! The values of the table at one moment.

use domain::{LocationName, ProbeName};
use jiff::Timestamp;
use status_page::State;

/// The values at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) updated: Timestamp,
    /// The worst first. There may be more probes.
    pub(crate) rows: Vec<Row>,
    /// The number of all probes.
    pub(crate) probes: usize,
}

/// One probe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: ProbeName,
    pub(crate) values: Values,
    /// Empty unless the probe runs at several locations.
    pub(crate) locations: Vec<(LocationName, Values)>,
}

/// The values of a probe, or of its runs at one location.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Values {
    pub(crate) state: State,
    /// `None`: not known.
    pub(crate) since: Option<Timestamp>,
    /// Over 24 hours, in percent.
    pub(crate) availability: Option<f64>,
    /// Time to first chunk over 24 hours, in seconds.
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    /// The median of each of the last 24 hours, oldest first, in seconds.
    pub(crate) hours: Vec<Option<f64>>,
}

impl Snapshot {
    /// Sorts by state, then by name.
    pub(crate) fn new(mut rows: Vec<Row>, updated: Timestamp) -> Self {
        rows.sort_by(|a, b| (a.values.state, &a.name).cmp(&(b.values.state, &b.name)));
        Self { updated, probes: rows.len(), rows }
    }
    /// The number of lines of the table, also of probes that are not in `rows`.
    pub(crate) fn lines(&self) -> usize {
        self.probes + self.rows.iter().map(|row| row.locations.len()).sum::<usize>()
    }
}

//! Series whose samples the receiver rejected.

use std::collections::HashSet;

use samples::Series;

/// Series that are remembered, at most.
const SERIES: usize = 10_000;

/// Series that are sent apart from others, so that they do not cause a search again.
#[derive(Default)]
pub(crate) struct Suspects(HashSet<Series>);

impl Suspects {
    pub(crate) fn contains(&self, series: &Series) -> bool {
        !self.0.is_empty() && self.0.contains(series)
    }

    pub(crate) fn insert(&mut self, series: &Series) {
        if self.0.len() < SERIES {
            self.0.insert(series.clone());
        }
    }

    pub(crate) fn remove(&mut self, series: &Series) {
        self.0.remove(series);
    }
}

//! Runs of a period by outcome.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::{Outcome, Reason, Verdict};

use crate::codec::{byte, put, take};
use crate::packed::{MAINTENANCE, code, outcome};
use crate::run::RunRecord;

/// Runs of a period by outcome. They are read from a store faster than a [`crate::Summary`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By the code of the outcome.
    by_code: BTreeMap<u8, u64>,
}

impl Counts {
    pub(crate) const EMPTY: Self = Self { by_code: BTreeMap::new() };

    /// The counts of `runs`.
    #[must_use]
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a RunRecord>) -> Self {
        let mut counts = Self::default();
        for run in runs {
            counts.add(run);
        }
        counts
    }

    pub fn add(&mut self, run: &RunRecord) {
        let code = if run.in_maintenance { MAINTENANCE } else { code(run.outcome) };
        *self.by_code.entry(code).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (code, count) in &other.by_code {
            *self.by_code.entry(*code).or_default() += count;
        }
    }

    /// Runs with this verdict.
    #[must_use]
    pub fn verdict(&self, verdict: Verdict) -> u64 {
        self.count(|outcome| outcome.verdict() == Some(verdict))
    }

    /// Runs with a verdict.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.count(|outcome| outcome.verdict().is_some())
    }

    /// Runs without a verdict, because of a fault of Vigie.
    #[must_use]
    pub fn run_errors(&self) -> u64 {
        self.count(|outcome| outcome.verdict().is_none())
    }

    /// Runs in maintenance windows. They count in no other total.
    #[must_use]
    pub fn maintenance(&self) -> u64 {
        self.by_code.get(&MAINTENANCE).copied().unwrap_or(0)
    }

    /// Runs that were up or degraded.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.judged() - self.verdict(Verdict::Down)
    }

    /// Failed runs by reason, the most frequent first.
    #[must_use]
    pub fn reasons(&self) -> Vec<(Reason, u64)> {
        let known = self
            .by_code
            .iter()
            .filter_map(|(code, count)| Some((outcome(*code).and_then(Outcome::reason)?, *count)));
        let mut reasons: Vec<(Reason, u64)> = known.collect();
        reasons.sort_by_key(|(reason, count)| (Reverse(*count), *reason));
        reasons
    }

    fn count(&self, wanted: impl Fn(Outcome) -> bool) -> u64 {
        let wanted = |code: &u8| outcome(*code).is_some_and(&wanted);
        self.by_code.iter().filter(|(code, _)| wanted(code)).map(|(_, count)| count).sum()
    }

    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        put(bytes, u64::try_from(self.by_code.len()).unwrap_or(0));
        for (code, count) in &self.by_code {
            bytes.push(*code);
            put(bytes, *count);
        }
    }

    /// Reads from the front of `bytes`; `None` when they are damaged.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut by_code = BTreeMap::new();
        for _ in 0..take(bytes)? {
            let code = byte(bytes)?;
            by_code.insert(code, take(bytes)?);
        }
        Some(Self { by_code })
    }
}

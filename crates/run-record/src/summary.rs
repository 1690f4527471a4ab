//! Totals of the runs of a period.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Outcome, Reason, Verdict};

use crate::codec::{put, take};
use crate::histogram::Histogram;
use crate::packed::{MAINTENANCE, code, outcome};
use crate::run::{RunRecord, milliseconds};

/// The format of the bytes, their first byte.
const FORMAT: u8 = 1;

/// Totals of the runs of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Runs by the code of their outcome.
    outcomes: BTreeMap<u8, u64>,
    pub first_chunk: Histogram,
    pub reply: Histogram,
    pub queue: Histogram,
    dns: Total,
    connect: Total,
    tls: Total,
    describe: Total,
}

/// Sum of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    count: u64,
    milliseconds: u64,
}

impl Total {
    fn add(&mut self, time: Option<Duration>) {
        if let Some(time) = time {
            self.count += 1;
            self.milliseconds = self.milliseconds.saturating_add(milliseconds(time));
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.milliseconds = self.milliseconds.saturating_add(other.milliseconds);
    }

    fn mean(self) -> Option<Duration> {
        let micros = self.milliseconds.saturating_mul(1_000).checked_div(self.count)?;
        Some(Duration::from_micros(micros))
    }
}

impl Summary {
    /// The summary of `runs`.
    #[must_use]
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a RunRecord>) -> Self {
        let mut summary = Self::default();
        for run in runs {
            summary.add(run);
        }
        summary
    }

    pub fn add(&mut self, run: &RunRecord) {
        let code = if run.in_maintenance { MAINTENANCE } else { code(run.outcome) };
        *self.outcomes.entry(code).or_default() += 1;
        if run.in_maintenance {
            return;
        }
        let histograms = [
            (&mut self.first_chunk, run.first_chunk),
            (&mut self.reply, run.reply),
            (&mut self.queue, run.queue),
        ];
        for (histogram, time) in histograms {
            if let Some(time) = time {
                histogram.add(time);
            }
        }
        self.dns.add(run.dns);
        self.connect.add(run.connect);
        self.tls.add(run.tls);
        self.describe.add(run.describe);
    }

    pub fn merge(&mut self, other: &Self) {
        for (code, count) in &other.outcomes {
            *self.outcomes.entry(*code).or_default() += count;
        }
        self.first_chunk.merge(&other.first_chunk);
        self.reply.merge(&other.reply);
        self.queue.merge(&other.queue);
        self.dns.merge(other.dns);
        self.connect.merge(other.connect);
        self.tls.merge(other.tls);
        self.describe.merge(other.describe);
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
        self.outcomes.get(&MAINTENANCE).copied().unwrap_or(0)
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
            .outcomes
            .iter()
            .filter_map(|(code, count)| Some((outcome(*code).and_then(Outcome::reason)?, *count)));
        let mut reasons: Vec<(Reason, u64)> = known.collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
        reasons
    }

    /// Mean times of name resolution, connection, TLS handshake and the app's description.
    #[must_use]
    pub fn phases(&self) -> [(&'static str, Option<Duration>); 4] {
        [
            ("dns", self.dns.mean()),
            ("connect", self.connect.mean()),
            ("tls", self.tls.mean()),
            ("describe", self.describe.mean()),
        ]
    }

    fn count(&self, wanted: impl Fn(Outcome) -> bool) -> u64 {
        let wanted = |code: &u8| outcome(*code).is_some_and(&wanted);
        self.outcomes.iter().filter(|(code, _)| wanted(code)).map(|(_, count)| count).sum()
    }

    /// For a store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        put(&mut bytes, u64::try_from(self.outcomes.len()).unwrap_or(0));
        for (code, count) in &self.outcomes {
            bytes.push(*code);
            put(&mut bytes, *count);
        }
        for histogram in [&self.first_chunk, &self.reply, &self.queue] {
            histogram.encode(&mut bytes);
        }
        for total in [self.dns, self.connect, self.tls, self.describe] {
            put(&mut bytes, total.count);
            put(&mut bytes, total.milliseconds);
        }
        bytes
    }

    /// `None` when the bytes are damaged.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        if byte(bytes)? != FORMAT {
            return None;
        }
        let mut summary = Self::default();
        for _ in 0..take(bytes)? {
            let code = byte(bytes)?;
            summary.outcomes.insert(code, take(bytes)?);
        }
        summary.first_chunk = Histogram::decode(bytes)?;
        summary.reply = Histogram::decode(bytes)?;
        summary.queue = Histogram::decode(bytes)?;
        let totals =
            [&mut summary.dns, &mut summary.connect, &mut summary.tls, &mut summary.describe];
        for total in totals {
            *total = Total { count: take(bytes)?, milliseconds: take(bytes)? };
        }
        bytes.is_empty().then_some(summary)
    }
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn run(outcome: Outcome, first_chunk: Option<u64>) -> RunRecord {
        RunRecord {
            first_chunk: first_chunk.map(Duration::from_millis),
            connect: Some(Duration::from_millis(3)),
            ..RunRecord::new(Timestamp::UNIX_EPOCH, outcome, Duration::from_secs(2))
        }
    }

    #[test]
    fn run_errors_do_not_count_in_the_availability() {
        let down = |reason| run(Outcome::Down { reason }, None);
        let summary = Summary::of(&[
            run(Outcome::Up, Some(100)),
            run(Outcome::Degraded, Some(300)),
            down(Reason::Connect),
            down(Reason::CheckFailed),
            down(Reason::CheckFailed),
            run(Outcome::RunError { fault: domain::OwnFault::Secret }, None),
        ]);
        assert_eq!((summary.passed(), summary.judged(), summary.run_errors()), (2, 5, 1));
        assert_eq!(summary.reasons(), [(Reason::CheckFailed, 2), (Reason::Connect, 1)]);
        assert_eq!(summary.first_chunk.count(), 2);
        assert_eq!(summary.phases()[1], ("connect", Some(Duration::from_millis(3))));
        let mut with_maintenance = summary.clone();
        with_maintenance.add(&RunRecord { in_maintenance: true, ..run(Outcome::Up, Some(9)) });
        assert_eq!((with_maintenance.maintenance(), with_maintenance.judged()), (1, 5));
        assert_eq!(with_maintenance.first_chunk, summary.first_chunk);
        assert_eq!(Summary::decode(&with_maintenance.encode()), Some(with_maintenance));
        assert_eq!(Summary::decode(&summary.encode()), Some(summary));
    }

    proptest! {
        #[test]
        fn merged_summaries_equal_the_summary_of_all_runs(
            times in prop::collection::vec(prop::option::of(0_u64..90_000), 0..40), split in 0_usize..40,
        ) {
            let runs: Vec<RunRecord> = times.iter().map(|time| run(Outcome::Up, *time)).collect();
            let (first, second) = runs.split_at(split.min(runs.len()));
            let mut merged = Summary::of(first);
            merged.merge(&Summary::of(second));
            prop_assert_eq!(merged, Summary::of(&runs));
        }

        #[test]
        fn damaged_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Summary::decode(&bytes);
        }
    }
}

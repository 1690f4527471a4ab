//! Totals of the runs of a period.

use std::time::Duration;

use crate::codec::{byte, put, take};
use crate::counts::Counts;
use crate::histogram::Histogram;
use crate::run::{RunRecord, milliseconds};

/// The format of the bytes, their first byte.
const FORMAT: u8 = 1;

/// Totals of the runs of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub counts: Counts,
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
        self.counts.add(run);
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
        self.counts.merge(&other.counts);
        self.first_chunk.merge(&other.first_chunk);
        self.reply.merge(&other.reply);
        self.queue.merge(&other.queue);
        self.dns.merge(other.dns);
        self.connect.merge(other.connect);
        self.tls.merge(other.tls);
        self.describe.merge(other.describe);
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

    /// For a store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        self.counts.encode(&mut bytes);
        for histogram in [&self.first_chunk, &self.reply, &self.queue] {
            histogram.encode(&mut bytes);
        }
        for total in [self.dns, self.connect, self.tls, self.describe] {
            put(&mut bytes, total.count);
            put(&mut bytes, total.milliseconds);
        }
        bytes
    }

    /// The counts of an encoded summary, without its times; `None` when they are damaged.
    #[must_use]
    pub fn decode_counts(mut bytes: &[u8]) -> Option<Counts> {
        counts(&mut bytes)
    }

    /// `None` when the bytes are damaged.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let mut summary = Self { counts: counts(bytes)?, ..Self::default() };
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

/// The counts at the front of an encoded summary.
fn counts(bytes: &mut &[u8]) -> Option<Counts> {
    if byte(bytes)? == FORMAT { Counts::decode(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Outcome, Reason};
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
        let counts = &summary.counts;
        assert_eq!((counts.passed(), counts.judged(), counts.run_errors()), (2, 5, 1));
        assert_eq!(counts.reasons(), [(Reason::CheckFailed, 2), (Reason::Connect, 1)]);
        assert_eq!(summary.first_chunk.count(), 2);
        assert_eq!(summary.phases()[1], ("connect", Some(Duration::from_millis(3))));
        let mut with_maintenance = summary.clone();
        with_maintenance.add(&RunRecord { in_maintenance: true, ..run(Outcome::Up, Some(9)) });
        let counts = &with_maintenance.counts;
        assert_eq!((counts.maintenance(), counts.judged()), (1, 5));
        assert_eq!(Summary::decode_counts(&with_maintenance.encode()).as_ref(), Some(counts));
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
            let _ = (Summary::decode(&bytes), Summary::decode_counts(&bytes));
        }
    }
}

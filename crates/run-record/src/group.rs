//! Runs of one step of a chart.

use std::time::Duration;

use jiff::Timestamp;

use crate::codec::{put, take};
use crate::counts::Counts;
use crate::run::{RunRecord, milliseconds};
use crate::time::timestamp;

/// The runs of one step of a chart. Percentiles are measured values (nearest rank), not estimates from a histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunGroup {
    /// The due time of the first run.
    pub at: Timestamp,
    pub counts: Counts,
    /// Runs in maintenance windows have no part in these times.
    pub times: GroupTimes,
}

/// Percentiles of the times of a [`RunGroup`]; `None` if no run has this time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupTimes {
    pub first_chunk: Percentiles,
    pub reply: Percentiles,
    /// The median, and so are the next ones.
    pub queue: Option<Duration>,
    pub dns: Option<Duration>,
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    pub describe: Option<Duration>,
}

/// Two percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    pub p50: Option<Duration>,
    pub p95: Option<Duration>,
}

impl RunGroup {
    /// The group of `runs`, which are in the order of their due times; `None` without runs.
    #[must_use]
    pub fn of(runs: &[RunRecord]) -> Option<Self> {
        let at = runs.first()?.due;
        Some(Self { at, counts: Counts::of(runs), times: GroupTimes::of(runs) })
    }

    /// The groups of `runs`, which are in the order of their due times, by steps since 1970.
    #[must_use]
    pub fn of_each(runs: &[RunRecord], step: Duration) -> Vec<Self> {
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let number = |run: &RunRecord| run.due.as_millisecond().div_euclid(step);
        runs.chunk_by(|a, b| number(a) == number(b)).filter_map(Self::of).collect()
    }

    /// For a store, at the end of `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put(bytes, u64::try_from(self.at.as_millisecond()).unwrap_or(0));
        self.counts.encode(bytes);
        for time in self.times.all() {
            // 0 means that no run has this time.
            put(bytes, time.map_or(0, |time| milliseconds(time).saturating_add(1)));
        }
    }

    /// Reads from the front of `bytes`; `None` when they are damaged.
    #[must_use]
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let at = timestamp(i64::try_from(take(bytes)?).ok()?)?;
        let counts = Counts::decode(bytes)?;
        let mut times = [None; 9];
        for time in &mut times {
            *time = take(bytes)?.checked_sub(1).map(Duration::from_millis);
        }
        Some(Self { at, counts, times: GroupTimes::from_all(times) })
    }

    /// The counts at the front of an encoded group.
    #[must_use]
    pub fn decode_counts(mut bytes: &[u8]) -> Option<Counts> {
        take(&mut bytes)?;
        Counts::decode(&mut bytes)
    }
}

impl GroupTimes {
    fn of(runs: &[RunRecord]) -> Self {
        let mut times = Vec::with_capacity(runs.len());
        let mut of = |value: fn(&RunRecord) -> Option<Duration>| {
            times.clear();
            times.extend(runs.iter().filter(|run| !run.in_maintenance).filter_map(value));
            Percentiles { p50: percentile(&mut times, 50), p95: percentile(&mut times, 95) }
        };
        Self {
            first_chunk: of(|run| run.first_chunk),
            reply: of(|run| run.reply),
            queue: of(|run| run.queue).p50,
            dns: of(|run| run.dns).p50,
            connect: of(|run| run.connect).p50,
            tls: of(|run| run.tls).p50,
            describe: of(|run| run.describe).p50,
        }
    }

    fn all(&self) -> [Option<Duration>; 9] {
        let (first_chunk, reply) = (self.first_chunk, self.reply);
        let phases = [self.queue, self.dns, self.connect, self.tls, self.describe];
        let [queue, dns, connect, tls, describe] = phases;
        let percentiles = [first_chunk.p50, first_chunk.p95, reply.p50, reply.p95];
        let [first_p50, first_p95, reply_p50, reply_p95] = percentiles;
        [first_p50, first_p95, reply_p50, reply_p95, queue, dns, connect, tls, describe]
    }

    fn from_all(times: [Option<Duration>; 9]) -> Self {
        let [first_p50, first_p95, reply_p50, reply_p95, queue, dns, connect, tls, describe] =
            times;
        Self {
            first_chunk: Percentiles { p50: first_p50, p95: first_p95 },
            reply: Percentiles { p50: reply_p50, p95: reply_p95 },
            queue,
            dns,
            connect,
            tls,
            describe,
        }
    }
}

/// The nearest rank, without sorting all: a day has thousands of times.
fn percentile(times: &mut [Duration], percent: usize) -> Option<Duration> {
    let rank = (times.len() * percent).div_ceil(100).max(1);
    (rank <= times.len()).then(|| *times.select_nth_unstable(rank - 1).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Outcome, Reason};

    fn run(second: i64, first_chunk: Option<u64>) -> RunRecord {
        let due = Timestamp::from_second(1_795_564_800 + second).unwrap();
        RunRecord {
            first_chunk: first_chunk.map(Duration::from_millis),
            tls: Some(Duration::from_millis(20)),
            ..RunRecord::new(due, Outcome::Up, Duration::from_secs(2))
        }
    }

    #[test]
    fn percentile_is_a_measured_time() {
        let ms = Duration::from_millis;
        let mut runs: Vec<RunRecord> = (1..=100).map(|n| run(0, Some(n * 7 % 101))).collect();
        runs.push(RunRecord { in_maintenance: true, ..run(0, Some(9_000)) });
        runs.push(RunRecord { outcome: Outcome::Down { reason: Reason::Tls }, ..run(0, None) });
        let group = RunGroup::of(&runs).unwrap();
        let first_chunk = Percentiles { p50: Some(ms(50)), p95: Some(ms(95)) };
        assert_eq!(group.times.first_chunk, first_chunk);
        assert_eq!((group.times.tls, group.times.dns), (Some(ms(20)), None));
        assert_eq!((group.counts.judged(), group.counts.maintenance()), (101, 1));
        assert_eq!(RunGroup::of(&[]), None);
    }

    #[test]
    fn steps_begin_at_multiples_since_1970() {
        let runs = [run(3_590, None), run(3_599, None), run(3_600, None), run(9_000, None)];
        let groups = RunGroup::of_each(&runs, Duration::from_secs(3_600));
        let starts: Vec<i64> = groups.iter().map(|group| group.at.as_second()).collect();
        assert_eq!(starts, [1_795_568_390, 1_795_568_400, 1_795_573_800]);
        assert_eq!(groups[0].counts.judged(), 2);
    }

    #[test]
    fn group_is_read_back() {
        let runs = [run(0, Some(0)), run(60, Some(1_234)), run(120, None)];
        let group = RunGroup::of(&runs).unwrap();
        let mut bytes = Vec::new();
        group.encode(&mut bytes);
        assert_eq!(RunGroup::decode_counts(&bytes), Some(group.counts.clone()));
        assert_eq!(RunGroup::decode(&mut bytes.as_slice()), Some(group));
        for end in 0..bytes.len() {
            assert_eq!(RunGroup::decode(&mut &bytes[..end]), None);
        }
    }
}

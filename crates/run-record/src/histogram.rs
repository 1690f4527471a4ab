//! A histogram with logarithmic buckets: percentiles with an error of at most 5 %.

use std::time::Duration;

use crate::codec::{put, take};
use crate::run::milliseconds;

/// Ratio between two bucket bounds.
const RATIO: f64 = 1.1;

/// Counts of durations, by bucket. Bucket 0 holds durations below a millisecond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// In the order of the buckets, as in a store. A page decodes and merges thousands of them.
    counts: Vec<(u32, u64)>,
}

impl Histogram {
    pub(crate) fn add(&mut self, time: Duration) {
        let bucket = bucket(milliseconds(time));
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.counts[at].1 += 1,
            Err(at) => self.counts.insert(at, (bucket, 1)),
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.counts.len() + other.counts.len());
        let mut own = self.counts.iter().copied().peekable();
        for (bucket, count) in &other.counts {
            while let Some(before) = own.next_if(|(own, _)| own < bucket) {
                merged.push(before);
            }
            let same = own.next_if(|(own, _)| own == bucket).map_or(0, |(_, count)| count);
            merged.push((*bucket, same + count));
        }
        merged.extend(own);
        self.counts = merged;
    }

    /// The number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// The duration that `percent` of all do not exceed (nearest rank), as the middle of its bucket; `None` without
    /// durations.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count().saturating_mul(percent)).div_ceil(100).max(1);
        let mut below = 0;
        for (bucket, count) in &self.counts {
            below += count;
            if rank <= below {
                return Some(middle(*bucket));
            }
        }
        None
    }

    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        put(bytes, u64::try_from(self.counts.len()).unwrap_or(u64::MAX));
        let mut before = 0;
        for (bucket, count) in &self.counts {
            put(bytes, u64::from(bucket - before));
            put(bytes, *count);
            before = *bucket;
        }
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut counts = Vec::new();
        let mut bucket = 0_u32;
        for number in 0..take(bytes)? {
            let distance = u32::try_from(take(bytes)?).ok()?;
            if 0 < number && distance == 0 {
                return None;
            }
            bucket = bucket.checked_add(distance)?;
            counts.push((bucket, take(bytes)?));
        }
        Some(Self { counts })
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a logarithm of a number below 2^64 is small and not negative"
)]
fn bucket(milliseconds: u64) -> u32 {
    if milliseconds == 0 {
        return 0;
    }
    ((milliseconds as f64).ln() / RATIO.ln()).round() as u32 + 1
}

fn middle(bucket: u32) -> Duration {
    match bucket.checked_sub(1) {
        None => Duration::ZERO,
        Some(power) => {
            let power = i32::try_from(power.min(300)).unwrap_or(300);
            Duration::from_secs_f64(RATIO.powi(power) / 1_000.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_within_five_percent() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for time in 1..=10_000 {
            histogram.add(Duration::from_millis(time));
        }
        for percent in [1, 50, 95, 100] {
            let exact = f64::from(u32::try_from(percent).unwrap()) / 10.0;
            let seconds = histogram.percentile(percent).unwrap().as_secs_f64();
            assert!((seconds / exact - 1.0).abs() < 0.055, "{percent}: {seconds} is not {exact}");
        }
    }

    #[test]
    fn histogram_is_read_back() {
        let mut histogram = Histogram::default();
        for time in [0, 1, 1, 7, 900, 60_000, 600_000] {
            histogram.add(Duration::from_millis(time));
        }
        let mut bytes = Vec::new();
        histogram.encode(&mut bytes);
        assert_eq!(Histogram::decode(&mut bytes.as_slice()), Some(histogram));
        // The second of two buckets is the first one again.
        assert_eq!(Histogram::decode(&mut [2, 7, 1, 0, 1].as_slice()), None);
    }

    #[test]
    fn merged_buckets_are_added() {
        let of = |times: &[u64]| {
            let mut histogram = Histogram::default();
            for time in times {
                histogram.add(Duration::from_millis(*time));
            }
            histogram
        };
        let cases: [(&[u64], &[u64]); 4] =
            [(&[], &[5, 900]), (&[5, 900], &[]), (&[1, 7, 900], &[0, 7, 60_000]), (&[8], &[3, 3])];
        for (first, second) in cases {
            let mut merged = of(first);
            merged.merge(&of(second));
            assert_eq!(merged, of(&[first, second].concat()), "{first:?} {second:?}");
        }
    }
}

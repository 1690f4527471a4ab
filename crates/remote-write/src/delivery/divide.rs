//! Finds the samples that a receiver rejects with 400, 413 or 422, when it does not say which.

use super::Delivery;
use crate::answer::{Answer, Rejection, TemporaryFailure};

/// A rejected request with fewer samples says nothing about samples of other series.
const MEANINGFUL: usize = 8;

/// The golden ratio as a fraction, whose multiples are spread over the whole range.
const GOLDEN: usize = 6_180_340;
const GOLDEN_WHOLE: usize = 10_000_000;

/// A rejected request with at most this many samples is split into its series at once while many samples
/// are rejected: halving it first would double the number of requests.
const SPLIT: usize = 16;

impl Delivery<'_> {
    /// Divides `request`, which was rejected as a whole, until the rejected samples are known. `None`
    /// when the outcome of each is decided.
    ///
    /// The samples are sorted by series and time: series with similar labels are often rejected together,
    /// and a sample never overtakes an earlier one of its series. Halves are tried in their order. If the
    /// way down to a single sample finds nothing that is accepted, samples spread over the request
    /// are tried alone; if these are rejected too, so is the rest. A receiver that rejects everything
    /// thus gets at most 2·log2(n) + 3 requests.
    pub(super) async fn divide(
        &mut self,
        request: Vec<u32>,
        rejection: Rejection,
    ) -> Option<TemporaryFailure> {
        match self.rejects_all(&request, &rejection).await {
            Ok(false) => {}
            Ok(true) => {
                self.rejected(&request, rejection);
                return None;
            }
            Err(failure) => return Some(failure),
        }
        let mut all = self.open(&request);
        self.sort_by_series(&mut all);
        let steps = all.len().max(1).ilog2();
        let (mut rejected, mut accepted) = (0, false);
        let mut singles = Singles::default();
        let mut parts = halves(&all);
        while let Some(part) = parts.pop() {
            let part = self.open(&part);
            if part.is_empty() {
                continue;
            }
            match self.send(&part, self.policy.attempts).await {
                Answer::Accepted { unaccounted } => {
                    accepted = true;
                    singles.accepted += usize::from(part.len() == 1);
                    self.written(&part, unaccounted);
                }
                Answer::Rejected(rejection) if rejection.is_divisible() && part.len() > 1 => {
                    rejected += 1;
                    let by_series = part.len() <= SPLIT && singles.are_often_rejected();
                    let pieces = by_series.then(|| self.by_series(&part));
                    parts.extend(pieces.unwrap_or_else(|| halves(&part)));
                }
                Answer::Rejected(rejection) | Answer::NoneWritten(rejection) => {
                    rejected += 1;
                    singles.rejected += usize::from(part.len() == 1);
                    self.rejected(&part, rejection);
                }
                Answer::PartlyAccepted { rejected, rejection } => {
                    accepted = true;
                    if let Some(failure) = self.locate(&part, rejected, &rejection).await {
                        return Some(failure);
                    }
                }
                Answer::OtherProtocol => {
                    self.fall_back();
                    parts.push(part);
                }
                Answer::Later(failure) => return Some(failure),
            }
            if !accepted && rejected == steps {
                match self.try_spread(&all, steps as usize + 2).await {
                    Ok(found) => accepted = found,
                    Err(failure) => return Some(failure),
                }
                if !accepted {
                    let status = rejection.status;
                    let rest = self.open(&all);
                    tracing::warn!(%rejection, samples = all.len(), "Receiver rejects all samples");
                    self.rejected(&rest, rejection);
                    if all.len() >= MEANINGFUL {
                        self.client.rejects_all = Some(status);
                    }
                    return None;
                }
            }
        }
        None
    }

    /// Whether the receiver still rejects everything, as it did before this request.
    async fn rejects_all(
        &mut self,
        request: &[u32],
        rejection: &Rejection,
    ) -> Result<bool, TemporaryFailure> {
        if self.client.rejects_all != Some(rejection.status) {
            return Ok(false);
        }
        let count = 2 + request.len().ilog2() as usize / 3;
        Ok(!self.try_spread(request, count).await?)
    }

    /// The samples of each series, or both halves of a single series; the first ones are last.
    fn by_series(&self, part: &[u32]) -> Vec<Vec<u32>> {
        let same = |a: &u32, b: &u32| self.series(*a) == self.series(*b);
        let pieces: Vec<Vec<u32>> = part.chunk_by(same).rev().map(<[u32]>::to_vec).collect();
        if pieces.len() > 1 { pieces } else { halves(part) }
    }

    /// Tries up to `count` samples alone, spread over `indices`, until one is accepted.
    async fn try_spread(
        &mut self,
        indices: &[u32],
        count: usize,
    ) -> Result<bool, TemporaryFailure> {
        let open = self.open(indices);
        let count = count.min(open.len());
        // Steps of the golden ratio: equal steps would meet only bad samples if every second one is bad.
        // The start was tried on the way down.
        for number in 1..=count {
            let place = (number * GOLDEN) % GOLDEN_WHOLE * open.len() / GOLDEN_WHOLE;
            let one = [self.first_of_series(&open, open[place])];
            match self.send(&one, self.policy.attempts).await {
                Answer::Accepted { unaccounted } => {
                    self.written(&one, unaccounted);
                    return Ok(true);
                }
                Answer::Rejected(rejection)
                | Answer::NoneWritten(rejection)
                | Answer::PartlyAccepted { rejection, .. } => self.rejected(&one, rejection),
                Answer::OtherProtocol => {
                    self.fall_back();
                    return Ok(true);
                }
                Answer::Later(failure) => return Err(failure),
            }
        }
        Ok(false)
    }
}

/// How samples that were sent alone were answered.
#[derive(Default)]
struct Singles {
    accepted: usize,
    rejected: usize,
}

impl Singles {
    /// More than every fourth of them was rejected.
    fn are_often_rejected(&self) -> bool {
        let count = self.accepted + self.rejected;
        MEANINGFUL <= count && count < 4 * self.rejected
    }
}

/// Both halves; the first one is last, on top of a stack.
fn halves(part: &[u32]) -> Vec<Vec<u32>> {
    let (first, second) = part.split_at(part.len() / 2);
    [second, first].into_iter().filter(|half| !half.is_empty()).map(<[u32]>::to_vec).collect()
}

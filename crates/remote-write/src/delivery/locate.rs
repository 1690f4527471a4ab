//! Finds the rejected samples of a request of which a 2.0 receiver stored the others.

use super::Delivery;
use crate::answer::{Answer, Rejection, TemporaryFailure};

impl Delivery<'_> {
    /// Looks for the `rejected` samples of `request`. `None` when the outcome of each is decided.
    ///
    /// Only the newest sample of each series is sent again: the receiver has it and accepts it again,
    /// while an older one is now out of order. The older ones get the outcome of the newest.
    pub(super) async fn locate(
        &mut self,
        request: &[u32],
        mut rejected: usize,
        why: &Rejection,
    ) -> Option<TemporaryFailure> {
        let mut indices = self.open(request);
        self.sort_by_series(&mut indices);
        let same = |a: &u32, b: &u32| self.series(*a) == self.series(*b);
        let series: Vec<&[u32]> = indices.chunk_by(same).collect();
        // Enough for eight series; more are counted and not named.
        let mut budget = 16 * (series.len().max(1).ilog2() as usize + 1);
        let (first, second) = series.split_at(series.len() / 2);
        let mut parts = vec![second, first];
        while let Some(part) = parts.pop() {
            if rejected == 0 || budget == 0 {
                self.written(&part.concat(), 0);
                continue;
            }
            budget -= 1;
            let newest: Vec<u32> = part.iter().filter_map(|all| all.last().copied()).collect();
            match (self.send(&newest, self.policy.attempts).await, part) {
                (Answer::Accepted { .. }, _) => self.written(&part.concat(), 0),
                (
                    Answer::Rejected(rejection)
                    | Answer::NoneWritten(rejection)
                    | Answer::PartlyAccepted { rejection, .. },
                    [all],
                ) => {
                    rejected = rejected.saturating_sub(all.len());
                    self.rejected(all, rejection);
                }
                (Answer::NoneWritten(rejection), _) => {
                    let all = part.concat();
                    rejected = rejected.saturating_sub(all.len());
                    self.rejected(&all, rejection);
                }
                (Answer::Rejected(_) | Answer::PartlyAccepted { .. }, _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                (Answer::OtherProtocol, _) => {
                    self.fall_back();
                    parts.push(part);
                }
                (Answer::Later(failure), _) => {
                    // The newest are sent again later. The older ones are not: most are stored.
                    let left = std::iter::once(part).chain(parts).flatten();
                    let older: Vec<u32> =
                        left.flat_map(|all| &all[..all.len() - 1]).copied().collect();
                    self.written(&older, rejected.min(older.len()));
                    return Some(failure);
                }
            }
        }
        if rejected > 0 {
            tracing::warn!(rejected, %why, "Receiver rejected samples and does not say which");
            self.outcome.unaccounted += rejected;
        }
        None
    }
}

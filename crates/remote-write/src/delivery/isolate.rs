//! Finds the series whose samples a receiver always answers with 500.
//!
//! Some receivers answer 500 to a bad sample: Prometheus 2.42 with an out-of-order window does so for
//! samples that are too old.

use super::Delivery;
use crate::answer::{Answer, Rejection, TemporaryFailure};
use tokio::time::Instant;

/// Samples of a series in a row that get 500 before the rest of the series is rejected.
const IN_A_ROW: usize = 3;

/// All samples of one series that get 500 as a request of their own.
struct Suspect {
    indices: Vec<u32>,
    /// The request was made after another one was accepted, with one sample.
    is_tried: bool,
}

impl Delivery<'_> {
    /// Divides `request` by series. As long as no part is accepted the receiver itself may be broken,
    /// so nothing is rejected. `None` when the outcome of each sample is decided.
    pub(super) async fn isolate(
        &mut self,
        mut request: Vec<u32>,
        first: TemporaryFailure,
    ) -> Option<TemporaryFailure> {
        self.sort_by_series(&mut request);
        let mut budget = 2 * request.len().max(1).ilog2() + 4;
        let mut accepted = false;
        let mut suspects: Vec<Suspect> = Vec::new();
        let mut parts = self.series_halves(&request).map_or_else(|| vec![request], Vec::from);
        while let Some(part) = parts.pop() {
            match self.send(&part, 1).await {
                Answer::Accepted { unaccounted } => {
                    accepted = true;
                    self.written(&part, unaccounted);
                }
                Answer::PartlyAccepted { rejected, rejection } => {
                    accepted = true;
                    if let Some(failure) = self.locate(&part, rejected, &rejection).await {
                        return Some(failure);
                    }
                }
                Answer::OtherProtocol => {
                    self.fall_back();
                    parts.push(self.open(&part));
                }
                Answer::NoneWritten(rejection) => {
                    accepted = true;
                    self.rejected(&part, rejection);
                }
                Answer::Rejected(rejection) => {
                    accepted = true;
                    if rejection.is_divisible() && part.len() > 1 {
                        if let Some(failure) = self.divide(part, rejection).await {
                            return Some(failure);
                        }
                    } else {
                        self.rejected(&part, rejection);
                    }
                }
                Answer::Later(failure) if failure.only_500 => {
                    if !accepted {
                        budget -= 1;
                        if budget == 0 {
                            self.client.search_failed_at = Some(Instant::now());
                            return Some(failure);
                        }
                    }
                    if let Some(halves) = self.series_halves(&part) {
                        parts.extend(halves);
                    } else {
                        let is_tried = accepted && part.len() == 1;
                        suspects.push(Suspect { indices: part, is_tried });
                    }
                }
                Answer::Later(failure) => return Some(failure),
            }
        }
        if !accepted && !self.client.accepted_within(super::RECENT) {
            self.client.search_failed_at = Some(Instant::now());
            return Some(first);
        }
        for suspect in suspects {
            if let Some(failure) = self.try_series(&suspect).await {
                return Some(failure);
            }
        }
        None
    }

    /// Tries the samples of a series one by one, the first one twice at most.
    async fn try_series(&mut self, suspect: &Suspect) -> Option<TemporaryFailure> {
        let mut failed = 0;
        for (number, index) in suspect.indices.iter().enumerate() {
            let attempts = if number == 0 && !suspect.is_tried { 2 } else { 1 };
            match self.send(&[*index], attempts).await {
                Answer::Accepted { unaccounted } => {
                    failed = 0;
                    self.written(&[*index], unaccounted);
                }
                Answer::Rejected(rejection)
                | Answer::NoneWritten(rejection)
                | Answer::PartlyAccepted { rejection, .. } => self.rejected(&[*index], rejection),
                Answer::Later(failure) if failure.only_500 => {
                    let rejection = Rejection { status: 500, body: failure.detail };
                    failed += 1;
                    if failed == IN_A_ROW {
                        self.rejected(&suspect.indices, rejection);
                        return None;
                    }
                    self.rejected(&[*index], rejection);
                }
                Answer::Later(failure) => return Some(failure),
                Answer::OtherProtocol => self.fall_back(),
            }
        }
        None
    }

    /// `indices`, sorted by series, cut near the middle where a series ends; the first half is last.
    fn series_halves(&self, indices: &[u32]) -> Option<[Vec<u32>; 2]> {
        let middle = indices.len() / 2;
        let ends = |at: &usize| self.series(indices[at - 1]) != self.series(indices[*at]);
        let cut = (middle.max(1)..indices.len()).find(ends).or((1..middle).rev().find(ends))?;
        Some([indices[cut..].to_vec(), indices[..cut].to_vec()])
    }
}

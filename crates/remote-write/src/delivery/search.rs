//! Looking for the samples at fault where a receiver does not say which they are.

use super::{Delivery, is_divisible};
use crate::answer::{Answer, Obstacle, Rejection};
use samples::Series;

/// Tries of one sample that gets 500 while others are taken, before it is given up.
const TRIES_OF_A_SUSPECT: u32 = 5;

impl Delivery<'_> {
    /// Looks for the `refused` of `places`, of which the receiver has stored all others.
    ///
    /// Only the newest sample of each series is sent again: the receiver has it and takes it once more,
    /// whereas an older one would now be out of order. The older ones share its fate. `None` when every
    /// fate is decided.
    pub(super) async fn sort_out(
        &mut self,
        places: &[u32],
        mut refused: usize,
        why: &Rejection,
    ) -> Option<Obstacle> {
        let mut places = self.open(places);
        self.sort_by_series(&mut places);
        let same = |a: &u32, b: &u32| self.series(*a) == self.series(*b);
        let series: Vec<&[u32]> = places.chunk_by(same).collect();
        let (first, second) = series.split_at(series.len() / 2);
        let mut parts = vec![second, first];
        while let Some(part) = parts.pop() {
            if refused == 0 {
                self.written(&part.concat(), 0);
                continue;
            }
            let newest: Vec<u32> = part.iter().filter_map(|all| all.last().copied()).collect();
            match (self.send(&newest, self.patience.tries).await, part) {
                (Answer::Taken { .. }, _) => self.written(&part.concat(), 0),
                (Answer::Never(rejection) | Answer::Partly { rejection, .. }, [all]) => {
                    refused = refused.saturating_sub(all.len());
                    self.rejected(all, rejection);
                }
                (Answer::Never(_) | Answer::Partly { .. }, _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                (Answer::OtherProtocol, _) => {
                    self.fall_back();
                    parts.push(part);
                }
                (Answer::Later(obstacle), _) => {
                    // The newest come again later. The older ones can't: most of them are stored.
                    let left = std::iter::once(part).chain(parts).flatten();
                    let older: Vec<u32> =
                        left.flat_map(|all| &all[..all.len() - 1]).copied().collect();
                    self.written(&older, refused.min(older.len()));
                    return Some(obstacle);
                }
            }
        }
        if refused > 0 {
            // Older samples, of series whose newest it takes.
            tracing::warn!(refused, %why, "samples are refused, and it is not told which");
            self.outcome.unaccounted += refused;
        }
        None
    }

    /// Looks for the samples that make the receiver answer 500 to all of `places`.
    ///
    /// Series are tried apart from each other, so that nothing overtakes within one. As long as no
    /// request is taken, the receiver is what is broken: then nothing is given up. `None` when every
    /// fate is decided.
    pub(super) async fn isolate(
        &mut self,
        mut places: Vec<u32>,
        first: Obstacle,
    ) -> Option<Obstacle> {
        self.sort_by_series(&mut places);
        let mut in_vain = 2 * places.len().ilog2() + 4;
        let mut alive = false;
        let mut suspects: Vec<Vec<u32>> = Vec::new();
        let mut parts = vec![places];
        while let Some(part) = parts.pop() {
            match self.send(&part, 1).await {
                Answer::Taken { unaccounted } => {
                    alive = true;
                    self.written(&part, unaccounted);
                }
                Answer::Partly { refused, rejection } => {
                    alive = true;
                    if let Some(obstacle) = self.sort_out(&part, refused, &rejection).await {
                        return Some(obstacle);
                    }
                }
                Answer::OtherProtocol => {
                    self.fall_back();
                    parts.push(self.open(&part));
                }
                Answer::Never(rejection) => {
                    alive = true;
                    match self.halves(&part).filter(|_| is_divisible(&rejection)) {
                        Some(halves) => parts.extend(halves),
                        // A series of its own: one after the other, below.
                        None if part.len() > 1 && is_divisible(&rejection) => suspects.push(part),
                        None => self.rejected(&part, rejection),
                    }
                }
                Answer::Later(obstacle) if obstacle.status == Some(500) => {
                    in_vain = if alive { in_vain } else { in_vain.saturating_sub(1) };
                    if in_vain == 0 {
                        return Some(obstacle);
                    }
                    match self.halves(&part) {
                        Some(halves) => parts.extend(halves),
                        None => suspects.push(part),
                    }
                }
                Answer::Later(obstacle) => return Some(obstacle),
            }
        }
        if !alive {
            return Some(first);
        }
        for place in suspects.into_iter().flatten() {
            match self.send(&[place], TRIES_OF_A_SUSPECT).await {
                Answer::Taken { unaccounted } => self.written(&[place], unaccounted),
                Answer::Never(rejection) | Answer::Partly { rejection, .. } => {
                    self.rejected(&[place], rejection);
                }
                Answer::Later(Obstacle { status: Some(500), words, .. }) => {
                    self.rejected(&[place], Rejection { status: 500, words });
                }
                Answer::Later(obstacle) => return Some(obstacle),
                Answer::OtherProtocol => return Some(first),
            }
        }
        None
    }

    /// Series by series, each in rising time.
    fn sort_by_series(&self, places: &mut [u32]) {
        let at = |place: &u32| self.entries[*place as usize].at();
        places.sort_by(|a, b| {
            self.series(*a).cmp(self.series(*b)).then(at(a).cmp(&at(b))).then(a.cmp(b))
        });
    }

    fn series(&self, place: u32) -> &Series {
        &self.entries[place as usize].series
    }

    /// `places`, sorted by series, cut near the middle where a series ends; the second half first.
    fn halves(&self, places: &[u32]) -> Option<[Vec<u32>; 2]> {
        let middle = places.len() / 2;
        let ends = |at: &usize| self.series(places[at - 1]) != self.series(places[*at]);
        let cut = (middle.max(1)..places.len()).find(ends).or((1..middle).rev().find(ends))?;
        Some([places[cut..].to_vec(), places[..cut].to_vec()])
    }
}

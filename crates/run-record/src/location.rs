//! Runs at several locations.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::location::votes_needed;
use domain::{LocationName, Verdict};

use crate::run::RunRecord;

/// A run and where it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedRun {
    /// `None` when the environment has one location.
    pub location: Option<LocationName>,
    pub record: RunRecord,
}

/// One run for each interval `every`, as the alarm of the probe sees it: down when `votes` locations agree, or a
/// majority. `runs` must be in the order of their due times.
#[must_use]
pub fn merged(runs: &[LocatedRun], every: Duration, votes: Option<u32>) -> Vec<RunRecord> {
    let locations: BTreeSet<_> = runs.iter().map(|run| &run.location).collect();
    if locations.len() < 2 {
        return runs.iter().map(|run| run.record).collect();
    }
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let interval = |run: &LocatedRun| run.record.due.as_millisecond().div_euclid(every);
    let needed = votes_needed(votes, locations.len());
    runs.chunk_by(|a, b| interval(a) == interval(b)).filter_map(|all| one(all, needed)).collect()
}

/// The run that represents `runs`: the first with their common verdict.
fn one(runs: &[LocatedRun], needed: usize) -> Option<RunRecord> {
    let verdict = |run: &LocatedRun| run.record.outcome.verdict();
    let with = |wanted| runs.iter().filter(move |run| verdict(run) == Some(wanted));
    let is_down = needed <= with(Verdict::Down).count();
    let passed = [Verdict::Up, Verdict::Degraded].map(|wanted| with(wanted).next());
    let down = with(Verdict::Down).next();
    let of_all = if is_down { down } else { passed.into_iter().flatten().next() };
    of_all.or(down).or(runs.first()).map(|run| run.record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Outcome, Reason};
    use jiff::Timestamp;

    const UP: Outcome = Outcome::Up;
    const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };

    fn run(location: &str, second: i64, outcome: Outcome) -> LocatedRun {
        let due = Timestamp::from_second(second).unwrap();
        let record = RunRecord::new(due, outcome, Duration::from_secs(1));
        LocatedRun { location: Some(location.parse().unwrap()), record }
    }

    #[test]
    fn interval_is_down_when_enough_locations_agree() {
        let minute = Duration::from_secs(60);
        let of = |outcomes: [Outcome; 3], votes| {
            let runs: Vec<_> = ["a", "b", "c"]
                .iter()
                .zip(outcomes)
                .zip(0..)
                .map(|((location, outcome), second)| run(location, 120 + second, outcome))
                .collect();
            merged(&runs, minute, votes).iter().map(|run| run.outcome).collect::<Vec<_>>()
        };
        assert_eq!(of([DOWN, UP, UP], None), [UP]);
        assert_eq!(of([DOWN, UP, DOWN], None), [DOWN]);
        assert_eq!(of([DOWN, UP, UP], Some(1)), [DOWN]);
        assert_eq!(of([DOWN, Outcome::Degraded, UP], None), [UP]);
        let one_location = [run("a", 0, UP), run("a", 30, DOWN)];
        assert_eq!(merged(&one_location, minute, None).len(), 2);
    }
}

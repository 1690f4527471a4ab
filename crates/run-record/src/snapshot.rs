//! The history of one probe in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;

use domain::{ProbeName, Verdict};
use jiff::Timestamp;

use crate::incident::{Incident, IncidentId};
use crate::run::RunRecord;
use crate::source::RunSource;
use crate::summary::Summary;
use crate::time::{HOURS_A_DAY, day_of, hour_of, start_of_day, start_of_hour};

/// What was read of one probe: the totals of earlier days, and all runs since the start of a day.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By day of UTC since 1970. A day that has runs in `runs` from its start is left out.
    days: BTreeMap<i64, Summary>,
    /// In the order of their due times.
    runs: Vec<RunRecord>,
    complete_since: i64,
    incidents: Vec<Incident>,
}

impl Snapshot {
    /// `runs` must hold all runs since the start of day `complete_since`; the totals of that and later days are taken
    /// from them.
    #[must_use]
    pub fn new(
        mut days: BTreeMap<i64, Summary>,
        runs: Vec<RunRecord>,
        complete_since: i64,
        mut incidents: Vec<Incident>,
    ) -> Self {
        days.retain(|day, _| *day < complete_since);
        for day in runs.chunk_by(|a, b| day_of(a.due) == day_of(b.due)) {
            let number = day.first().map_or(i64::MIN, |run| day_of(run.due));
            if complete_since <= number {
                days.insert(number, Summary::of(day));
            }
        }
        incidents.sort_by_key(Incident::list_order);
        Self { days, runs, complete_since, incidents }
    }

    /// The totals of each day.
    #[must_use]
    pub fn totals(&self) -> &BTreeMap<i64, Summary> {
        &self.days
    }

    fn counted(&self) -> impl DoubleEndedIterator<Item = (Timestamp, Verdict)> {
        self.runs.iter().filter_map(|run| Some((run.due, run.counted_verdict()?)))
    }

    /// The start of the first of the days before `day` in which every run with a verdict had this one.
    fn same_since(&self, day: i64, verdict: Verdict) -> Option<Timestamp> {
        let before = self.days.range(..day).rev();
        let judged = before.filter(|(_, totals)| 0 < totals.counts.judged());
        let same = judged
            .take_while(|(_, totals)| totals.counts.judged() == totals.counts.verdict(verdict));
        same.last().and_then(|(day, _)| start_of_day(*day))
    }
}

impl RunSource for Snapshot {
    type Error = Infallible;

    fn has_runs_since(&self, since: Timestamp) -> bool {
        self.complete_since <= day_of(since)
    }

    fn summary(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Summary, Infallible> {
        let mut total = Summary::default();
        let first_run = self.runs.first().map_or(i64::MAX, |run| hour_of(run.due));
        // Whole days where there are no runs; a day counts if it began within the period.
        let runs_from = first_run.div_euclid(HOURS_A_DAY);
        for (_, summary) in self.days.range(day_of(since)..runs_from.max(day_of(since))) {
            total.merge(summary);
        }
        for run in self.runs(probe, start_of_hour(hour_of(since)).unwrap_or(since), until)? {
            total.add(&run);
        }
        Ok(total)
    }

    fn days(
        &self,
        _: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, Infallible> {
        let days = self.days.range(day_of(since)..=day_of(until));
        Ok(days.filter_map(|(day, totals)| Some((start_of_day(*day)?, totals.clone()))).collect())
    }

    fn hours(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, Infallible> {
        let start = start_of_hour(hour_of(since)).unwrap_or(since);
        let runs = self.runs(probe, start, until)?;
        let hours = runs.chunk_by(|a, b| hour_of(a.due) == hour_of(b.due));
        let hour = |runs: &[RunRecord]| {
            Some((start_of_hour(hour_of(runs.first()?.due))?, Summary::of(runs)))
        };
        Ok(hours.filter_map(hour).collect())
    }

    fn runs(
        &self,
        _: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<RunRecord>, Infallible> {
        let first = self.runs.partition_point(|run| run.due < since);
        let end = self.runs.partition_point(|run| run.due <= until);
        Ok(self.runs.get(first..end).unwrap_or_default().to_vec())
    }

    fn last_runs(&self, _: &ProbeName, count: usize) -> Result<Vec<RunRecord>, Infallible> {
        Ok(self.runs.iter().rev().take(count).copied().collect())
    }

    fn since(&self, _: &ProbeName, verdict: Verdict) -> Result<Option<Timestamp>, Infallible> {
        let mut same = self.counted().rev().take_while(|(_, one)| *one == verdict);
        let Some(last) = same.next() else { return Ok(None) };
        let first = same.last().unwrap_or(last).0;
        let is_first_run = self.counted().next().is_some_and(|(due, _)| due == first);
        let earlier = is_first_run.then(|| self.same_since(day_of(first), verdict)).flatten();
        Ok(Some(earlier.unwrap_or(first)))
    }

    fn incidents(
        &self,
        probe: Option<&ProbeName>,
        count: usize,
    ) -> Result<Vec<Incident>, Infallible> {
        let of_probe = |one: &&Incident| probe.is_none_or(|probe| one.what.probe == *probe);
        Ok(self.incidents.iter().filter(of_probe).take(count).cloned().collect())
    }

    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, Infallible> {
        Ok(self.incidents.iter().find(|one| one.id == id).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Outcome, Reason};
    use std::time::Duration;

    const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };
    const DAY: i64 = 20_000;

    fn run(hour: i64, outcome: Outcome) -> RunRecord {
        let due = start_of_hour(DAY * 24 + hour).unwrap();
        RunRecord::new(due, outcome, Duration::from_secs(1))
    }

    fn probe() -> ProbeName {
        "bot".parse().unwrap()
    }

    /// Runs of two days, totals of the ten days before them.
    fn snapshot(earlier: Outcome, last: [Outcome; 2]) -> Snapshot {
        let days = (1..=10).map(|ago| (DAY - ago, Summary::of(&[run(-24 * ago, earlier); 24])));
        let runs = (0..48).map(|hour| run(hour, last[usize::from(hour >= 40)])).collect();
        Snapshot::new(days.collect(), runs, DAY, Vec::new())
    }

    #[test]
    fn totals_join_days_and_runs() {
        let history = snapshot(Outcome::Up, [Outcome::Up, DOWN]);
        let now = start_of_hour(DAY * 24 + 47).unwrap();
        let of = |hours: i64| {
            let since = start_of_hour(DAY * 24 + 47 - hours).unwrap();
            let Ok(total) = history.summary(&probe(), since, now);
            (total.counts.judged(), total.counts.verdict(Verdict::Down))
        };
        assert_eq!([of(7), of(23), of(47 + 240)], [(8, 8), (24, 8), (48 + 240, 8)]);
        let Ok(days) = history.days(&probe(), start_of_day(DAY - 2).unwrap(), now);
        let judged: Vec<u64> = days.iter().map(|(_, totals)| totals.counts.judged()).collect();
        assert_eq!(judged, [24, 24, 24, 24]);
        let Ok(hours) = history.hours(&probe(), start_of_hour(DAY * 24 + 24).unwrap(), now);
        assert_eq!(hours.len(), 24);
    }

    #[test]
    fn since_is_the_first_run_with_the_last_verdict() {
        let since = |earlier, last, verdict| {
            let Ok(since) = snapshot(earlier, last).since(&probe(), verdict);
            since.map(|since| hour_of(since) - DAY * 24)
        };
        let cases = [
            (Outcome::Up, [Outcome::Up, DOWN], Verdict::Down, Some(40)),
            (Outcome::Up, [Outcome::Up, DOWN], Verdict::Up, None),
            (DOWN, [Outcome::Up, Outcome::Up], Verdict::Up, Some(0)),
            (Outcome::Up, [Outcome::Up, Outcome::Up], Verdict::Up, Some(-240)),
        ];
        for (earlier, last, verdict, expected) in cases {
            assert_eq!(since(earlier, last, verdict), expected, "{earlier:?} {last:?} {verdict:?}");
        }
    }
}

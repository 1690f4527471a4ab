//! What an alarm rule would have done on a history of runs. Pure.

use std::time::Duration;

use alarm_model::StateValue;
use domain::{AlarmKind, MOfN, Outcome, Verdict};
use jiff::Timestamp;

use crate::alarms::{AlarmState, value};

/// The result for one probe and rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backtest {
    pub(crate) runs: usize,
    /// Times at which the alarm `down` rose.
    pub(crate) pages: Vec<Timestamp>,
    /// Outages of at least the wanted length.
    pub(crate) outages: usize,
    /// Outages without a page.
    pub(crate) missed: usize,
    /// Pages outside every such outage.
    pub(crate) false_pages: usize,
    /// From the first failed run of an outage to its page, ascending.
    pub(crate) delays: Vec<Duration>,
}

/// Replays `runs`, which are in the order of their due times, and counts outages of at least `shortest`.
pub(crate) fn backtest(
    rule: MOfN,
    every: Duration,
    runs: &[(Timestamp, Outcome)],
    shortest: Duration,
) -> Backtest {
    let pages = pages(rule, every, runs);
    let outages: Vec<(Timestamp, Timestamp)> = outages(runs, every)
        .into_iter()
        .filter(|(start, end)| shortest <= elapsed(*start, *end))
        .collect();
    // An alarm rises up to two evaluations after the run that decides.
    let reach = every * rule.n() + Duration::from_secs(120);
    let during = |outage: &(Timestamp, Timestamp), page: &Timestamp| {
        outage.0 <= *page && elapsed(outage.1, *page) <= reach
    };
    let mut result = Backtest { runs: runs.len(), outages: outages.len(), ..Backtest::default() };
    for outage in &outages {
        match pages.iter().find(|page| during(outage, page)) {
            Some(page) => result.delays.push(elapsed(outage.0, *page)),
            None => result.missed += 1,
        }
    }
    let covered = |page: &&Timestamp| outages.iter().any(|outage| during(outage, page));
    result.false_pages = pages.len() - pages.iter().filter(covered).count();
    result.delays.sort_unstable();
    result.pages = pages;
    result
}

/// The times at which the alarm `down` rises.
fn pages(rule: MOfN, every: Duration, runs: &[(Timestamp, Outcome)]) -> Vec<Timestamp> {
    let rises = transitions(rule, every, runs);
    rises.into_iter().filter(|(_, to)| *to == StateValue::Alarm).map(|(at, _)| at).collect()
}

/// Every change of the alarm `down`. A run is visible at the first evaluation after its due time.
fn transitions(
    rule: MOfN,
    every: Duration,
    runs: &[(Timestamp, Outcome)],
) -> Vec<(Timestamp, StateValue)> {
    let (Some((first, _)), Some((last, _))) = (runs.first(), runs.last()) else {
        return Vec::new();
    };
    let kind = AlarmKind::Down;
    let mut alarm = AlarmState::new(kind, rule, every, first.as_second() - 1);
    let end = last.saturating_add(every * (rule.n() + 3)).unwrap_or(*last);
    let mut runs = runs.iter().peekable();
    let mut changes = Vec::new();
    while let Some(at) = alarm.following_evaluation(end.as_second()) {
        while let Some((due, outcome)) = runs.next_if(|(due, _)| due.as_second() < at) {
            if value(kind, *outcome).is_some() {
                alarm.add(kind, *due, *outcome);
            }
        }
        if let Some(state) = alarm.step(at) {
            changes.push((Timestamp::from_second(at).unwrap_or_default(), state));
        }
    }
    changes
}

/// Periods of failed runs: the first failed run, and one interval after the last one before a run that passed.
fn outages(runs: &[(Timestamp, Outcome)], every: Duration) -> Vec<(Timestamp, Timestamp)> {
    let judged = runs.iter().filter_map(|(due, outcome)| Some((*due, outcome.verdict()?)));
    let mut outages: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut open = false;
    for (due, verdict) in judged {
        let is_down = verdict == Verdict::Down;
        let end = due.saturating_add(every).unwrap_or(due);
        match (is_down, open, outages.last_mut()) {
            (true, true, Some(outage)) => outage.1 = end,
            (true, ..) => outages.push((due, end)),
            (false, ..) => {}
        }
        open = is_down;
    }
    outages
}

/// Zero when `to` is earlier.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The interval of a probe: the most frequent distance of two runs.
pub(crate) fn interval(runs: &[(Timestamp, Outcome)]) -> Option<Duration> {
    let mut counts = std::collections::BTreeMap::<u64, usize>::new();
    for pair in runs.windows(2) {
        let seconds = elapsed(pair[0].0, pair[1].0).as_secs();
        *counts.entry(seconds).or_default() += 1;
    }
    let valid = counts
        .into_iter()
        .filter(|(seconds, _)| domain::probe::is_interval(Duration::from_secs(*seconds)));
    let (seconds, _) = valid.max_by_key(|(_, count)| *count)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::model;
    use alarm_model::{Arrival, StatisticSet, Time, simulate};
    use domain::Reason;

    const START: i64 = 1_795_564_800;
    const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).unwrap()
    }

    /// A character a minute: `.` passes, `x` fails, a space means that no run was made.
    fn history(text: &str) -> Vec<(Timestamp, Outcome)> {
        let run = |(minute, character): (i64, char)| match character {
            '.' => Some((at(minute * 60 + 30), Outcome::Up)),
            'x' => Some((at(minute * 60 + 30), DOWN)),
            _ => None,
        };
        (0..).zip(text.chars()).filter_map(run).collect()
    }

    #[test]
    fn pages_missed_outages_and_delays_are_counted() {
        let minute = Duration::from_secs(60);
        let check = |rule: &str, text: &str| {
            let result = backtest(rule.parse().unwrap(), minute, &history(text), 4 * minute);
            (result.pages.len(), result.outages, result.missed, result.false_pages)
        };
        let long = "......xxxxxx......";
        assert_eq!(check("2 of 3", long), (1, 1, 0, 0));
        assert_eq!(check("5 of 5", "......xxxx........"), (0, 1, 1, 0));
        assert_eq!(check("2 of 3", "......xx.........."), (1, 0, 0, 1));
        assert_eq!(check("2 of 3", ".................."), (0, 0, 0, 0));
        let delays =
            |rule: &str| backtest(rule.parse().unwrap(), minute, &history(long), 4 * minute).delays;
        assert_eq!(delays("2 of 3"), [Duration::from_secs(90)]);
        assert_eq!(delays("4 of 5"), [Duration::from_secs(210)]);
    }

    /// The same changes as `alarm_model::simulate` for random histories with gaps.
    #[test]
    fn replay_equals_the_alarm_model() {
        let mut random = fastrand::Rng::with_seed(7);
        for rule in ["1 of 1", "2 of 3", "3 of 5", "5 of 5"] {
            for _ in 0..20 {
                let text: String =
                    (0..200).map(|_| ['.', '.', '.', 'x', 'x', ' '][random.usize(..6)]).collect();
                let runs = history(&text);
                let (rule, every) = (rule.parse().unwrap(), Duration::from_secs(60));
                let arrivals: Vec<Arrival> = runs
                    .iter()
                    .map(|(due, outcome)| {
                        let time = Time::from_unix_seconds(due.as_second());
                        let value = value(AlarmKind::Down, *outcome).unwrap();
                        let visible_from = Time::from_unix_seconds(due.as_second() + 1);
                        Arrival { visible_from, set: StatisticSet::of(time, value) }
                    })
                    .collect();
                let model = model(AlarmKind::Down, rule, every);
                let first = Time::from_unix_seconds(runs[0].0.as_second());
                let last = runs.last().unwrap().0.as_second();
                let end = Time::from_unix_seconds(last + 60 * i64::from(rule.n() + 3));
                let expected: Vec<(i64, StateValue)> = simulate(&model, &arrivals, first, end)
                    .into_iter()
                    .map(|change| (change.at.unix_seconds(), change.to))
                    .collect();
                let replayed: Vec<(i64, StateValue)> = transitions(rule, every, &runs)
                    .into_iter()
                    .map(|(at, state)| (at.as_second(), state))
                    .collect();
                assert_eq!(replayed, expected, "{rule} of {text}");
            }
        }
    }
}

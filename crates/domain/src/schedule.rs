//! Plans a minute: which probes and scrapes are due when, and how they are packed into messages.
//!
//! A probe is due whenever `(t - offset) mod every == 0`, with an offset that its name alone
//! decides. So it does not matter when a stack was deployed, whether a minute was planned twice or
//! not at all: the grid of a probe is fixed, and two plans of one minute are the same plan.
//!
//! Offsets lie on a coarse grid (10 s for runs, 5 s for scrapes), so that many probes share a due
//! time and one invocation can hold ten conversations.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::message::{Orders, Run, ScrapeOrder, VERSION};
use crate::probe::Scrape;
use crate::report::{RunId, stable_hash};
use crate::{EnvironmentName, Probe, Target};

/// Most orders in one message: what one invocation of the prober does at once.
pub const ORDERS_PER_MESSAGE: usize = 10;

/// Most bytes of probes in one message. SQS takes 1 MiB; this leaves ten times room for the frame.
pub const BYTES_PER_MESSAGE: usize = 100_000;

/// Grid of due times for runs.
const RUN_GRID: Duration = Duration::from_secs(10);
/// Grid of due times for scrapes.
const SCRAPE_GRID: Duration = Duration::from_secs(5);

/// The longest a scrape may take, and never longer than its interval.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Orders that borrow their probes, as the dispatcher writes them.
pub type Planned<'a> = Orders<&'a Probe, &'a Target>;

/// Where on its grid a probe's due times lie: from 0 to less than `every`, a multiple of `grid`.
fn offset(name: &str, every: Duration, grid: Duration) -> u64 {
    let slots = (every.as_secs() / grid.as_secs()).max(1);
    stable_hash(name) % slots * grid.as_secs()
}

/// The times in the minute from `minute` at which something is due, in seconds of the Unix time.
fn due_times(
    name: &str,
    every: Duration,
    grid: Duration,
    minute: i64,
) -> impl Iterator<Item = i64> {
    let every_seconds = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
    let offset = i64::try_from(offset(name, every, grid)).unwrap_or(0);
    let first = minute + (offset - minute).rem_euclid(every_seconds);
    std::iter::successors(Some(first), move |t| t.checked_add(every_seconds))
        .take_while(move |t| *t < minute + 60)
}

/// The minute to plan for a schedule that fired for `scheduled`: the one after it, from its start.
///
/// The schedule may fire anywhere within its minute, so that minute itself can't be planned in time.
#[must_use]
pub fn minute_after(scheduled: Timestamp) -> Timestamp {
    let start = scheduled.as_second().div_euclid(60) * 60;
    Timestamp::from_second(start).map_or(scheduled, |start| {
        start.saturating_add(SignedDuration::from_secs(60)).unwrap_or(start)
    })
}

/// All that is due in the minute from `minute`, packed for the queue, earliest first.
///
/// Each message holds up to [`ORDERS_PER_MESSAGE`] orders that are due at the same time and have
/// like timeouts, so that a slow probe does not hold up the invocation of quick ones.
#[must_use]
pub fn plan<'a>(
    probes: &'a [Probe],
    environment: &EnvironmentName,
    minute: Timestamp,
) -> Vec<Planned<'a>> {
    let start = minute.as_second();
    let mut runs: Vec<(i64, u8, &Probe)> = Vec::new();
    let mut scrapes: Vec<(i64, &Probe, &Scrape)> = Vec::new();
    for probe in probes {
        if probe.enabled {
            let due = due_times(probe.name.as_str(), probe.every, RUN_GRID, start);
            runs.extend(due.map(|due| (due, timeout_class(probe.timeout), probe)));
        }
        if let Some(scrape) = &probe.scrape {
            // Again and again, since nobody here knows whether the series have ended.
            let most = if probe.enabled { usize::MAX } else { 1 };
            let due = due_times(probe.name.as_str(), scrape.every, SCRAPE_GRID, start);
            scrapes.extend(due.take(most).map(|due| (due, probe, scrape)));
        }
    }
    runs.sort_by_key(|(due, class, _)| (*due, *class));
    scrapes.sort_by_key(|(due, ..)| *due);

    let mut planned: Vec<Planned<'a>> = Vec::new();
    for group in runs.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Ok(due) = Timestamp::from_second(group[0].0) else { continue };
        for probes in packed(group, |(_, _, probe)| weight(probe)) {
            let run =
                |probe: &'a Probe| Run { id: RunId::of(environment, &probe.name, due), probe };
            let runs = probes.iter().map(|(_, _, probe)| run(probe)).collect();
            planned.push(Orders {
                version: VERSION,
                environment: environment.clone(),
                due,
                runs,
                scrapes: vec![],
            });
        }
    }
    for group in scrapes.chunk_by(|a, b| a.0 == b.0) {
        let Ok(due) = Timestamp::from_second(group[0].0) else { continue };
        for orders in packed(group, |_| 1_000) {
            let scrapes = orders.iter().map(|(_, probe, scrape)| order(probe, scrape)).collect();
            planned.push(Orders {
                version: VERSION,
                environment: environment.clone(),
                due,
                runs: vec![],
                scrapes,
            });
        }
    }
    planned.sort_by_key(|orders| orders.due);
    planned
}

fn order<'a>(probe: &'a Probe, scrape: &Scrape) -> ScrapeOrder<&'a Target> {
    ScrapeOrder {
        probe: probe.name.clone(),
        target: &probe.target,
        path: scrape.path.clone(),
        job: scrape.job.clone(),
        every: scrape.every,
        timeout: scrape.every.min(SCRAPE_TIMEOUT),
        labels: probe.labels.clone(),
        switched_off: !probe.enabled,
    }
}

/// Probes are packed with others of the same class: up to 5, 15, 30, 60, 120 s, and longer.
fn timeout_class(timeout: Duration) -> u8 {
    let limits = [5, 15, 30, 60, 120];
    let class = limits.iter().position(|limit| timeout <= Duration::from_secs(*limit));
    u8::try_from(class.unwrap_or(limits.len())).unwrap_or(u8::MAX)
}

/// A bound on the bytes a probe takes in a message, without writing it out: its texts are what is long.
fn weight(probe: &Probe) -> usize {
    let turns = probe.conversation.iter().map(|turn| {
        let checks: usize = turn.expect.iter().map(|check| 60 + check.to_string().len() * 2).sum();
        let saves: usize =
            turn.save.iter().map(|(name, regex)| 8 + name.len() + regex.len() * 2).sum();
        200 + turn.say.parts().iter().map(|part| part.to_string().len() * 2).sum::<usize>()
            + checks
            + saves
    });
    let inputs: usize = probe
        .target
        .inputs
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len() + 8)
        .sum();
    1_500 + inputs + turns.sum::<usize>()
}

/// Cuts `items` into runs of at most [`ORDERS_PER_MESSAGE`] items and [`BYTES_PER_MESSAGE`] bytes.
fn packed<T>(items: &[T], weight: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |item: &&T| {
            bytes += weight(item);
            bytes <= BYTES_PER_MESSAGE
        };
        let count =
            rest.iter().take(ORDERS_PER_MESSAGE).take_while(fits).count().max(1).min(rest.len());
        let (message, others) = rest.split_at(count);
        rest = others;
        (!message.is_empty()).then_some(message)
    })
}

/// How long a message must wait in the queue, in whole seconds, so that it arrives when it is due.
///
/// Rounded to the nearest second; 0 when it is already due. At most 900, which is SQS' limit.
#[must_use]
pub fn delay_seconds(due: Timestamp, now: Timestamp) -> i32 {
    let milliseconds = due.as_millisecond().saturating_sub(now.as_millisecond()).clamp(0, 900_000);
    i32::try_from((milliseconds + 500) / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{probe, scraped};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn prod() -> EnvironmentName {
        "prod".parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Every due time in the hour from `start`, by probe.
    fn hour(probes: &[Probe], start: i64) -> BTreeMap<String, Vec<i64>> {
        let mut due: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for minute in 0..60 {
            for orders in plan(probes, &prod(), at(start + minute * 60)) {
                for run in &orders.runs {
                    due.entry(run.probe.name.to_string()).or_default().push(orders.due.as_second());
                }
            }
        }
        due
    }

    proptest! {
        #[test]
        fn every_probe_runs_exactly_on_its_interval(
            name in "[a-z]{1,12}",
            every in prop::sample::select(vec![10_u64, 20, 30, 60, 120, 300, 420, 900, 3_600]),
            start_minute in 0_i64..60_000_000,
        ) {
            let probes = [probe(&name, every)];
            let due = hour(&probes, start_minute * 60).remove(&name).unwrap_or_default();
            let every = i64::try_from(every).unwrap();
            prop_assert!(due.windows(2).all(|pair| pair[1] - pair[0] == every));
            let runs = i64::try_from(due.len()).unwrap();
            prop_assert!(runs == 3_600 / every || runs == (3_600 + every - 1) / every, "{runs} runs");
        }

        #[test]
        fn each_alarm_period_holds_exactly_one_run(
            name in "[a-z]{1,12}",
            every in prop::sample::select(vec![10_u64, 20, 30, 60, 300]),
            start_minute in 0_i64..60_000_000,
        ) {
            let due = hour(&[probe(&name, every)], start_minute * 60).remove(&name).unwrap_or_default();
            let every = i64::try_from(every).unwrap();
            let periods: Vec<i64> = due.iter().map(|due| due.div_euclid(every)).collect();
            prop_assert!(periods.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
    }

    #[test]
    fn planning_a_minute_twice_gives_the_same_runs() {
        let probes: Vec<Probe> = (0..50).map(|n| scraped(&format!("bot-{n}"), 30, 15)).collect();
        let minute = at(1_795_000_020);
        assert_eq!(plan(&probes, &prod(), minute), plan(&probes, &prod(), minute));
    }

    #[test]
    fn the_minute_after_the_scheduled_one_is_planned() {
        let cases = [(0, 60), (1_795_000_020, 1_795_000_080), (1_795_000_079, 1_795_000_080)];
        for (scheduled, expected) in cases {
            assert_eq!(minute_after(at(scheduled)).as_second(), expected);
        }
    }

    #[test]
    fn a_message_holds_no_more_than_ten_orders_due_at_one_time_with_like_timeouts() {
        let mut probes: Vec<Probe> = (0..200).map(|n| probe(&format!("bot-{n}"), 60)).collect();
        for slow in &mut probes[..20] {
            slow.timeout = Duration::from_secs(50);
        }
        let planned = plan(&probes, &prod(), at(1_795_000_020));
        assert_eq!(planned.iter().map(|orders| orders.runs.len()).sum::<usize>(), 200);
        for orders in &planned {
            assert!((1..=ORDERS_PER_MESSAGE).contains(&orders.runs.len()));
            let slow = orders
                .runs
                .iter()
                .filter(|run| run.probe.timeout > Duration::from_secs(30))
                .count();
            assert!(slow == 0 || slow == orders.runs.len(), "slow and quick probes are kept apart");
        }
        assert!(planned.windows(2).all(|pair| pair[0].due <= pair[1].due));
    }

    #[test]
    fn a_message_of_long_conversations_stays_within_its_bytes() {
        let mut long = probe("bot", 60);
        long.conversation[0].say = crate::Template::literal("é".repeat(20_000));
        let probes: Vec<Probe> = (0..40)
            .map(|n| Probe { name: format!("bot-{n}").parse().unwrap(), ..long.clone() })
            .collect();
        for orders in plan(&probes, &prod(), at(1_795_000_020)) {
            assert!(serde_json::to_string(&orders).unwrap().len() < 2 * BYTES_PER_MESSAGE);
        }
    }

    #[test]
    fn scrapes_come_on_their_own_interval() {
        let probes = [scraped("bot", 60, 15)];
        let planned = plan(&probes, &prod(), at(1_795_000_020));
        let scrapes: Vec<i64> = planned
            .iter()
            .filter(|orders| !orders.scrapes.is_empty())
            .map(|orders| orders.due.as_second())
            .collect();
        assert_eq!(scrapes.len(), 4);
        assert!(scrapes.windows(2).all(|pair| pair[1] - pair[0] == 15));
    }

    #[test]
    fn due_times_are_spread_over_the_minute() {
        let probes: Vec<Probe> = (0..600).map(|n| probe(&format!("bot-{n}"), 60)).collect();
        let mut slots: BTreeMap<i64, usize> = BTreeMap::new();
        for orders in plan(&probes, &prod(), at(1_795_000_020)) {
            *slots.entry(orders.due.as_second()).or_default() += orders.runs.len();
        }
        assert_eq!(slots.len(), 6);
        assert!(slots.values().all(|runs| (60..=140).contains(runs)), "{slots:?}");
    }

    #[test]
    fn a_message_waits_until_it_is_due() {
        let now = Timestamp::from_millisecond(1_795_000_000_400).unwrap();
        for (due, expected) in
            [(1_795_000_060, 60), (1_795_000_000, 0), (1_794_999_000, 0), (1_796_000_000, 900)]
        {
            assert_eq!(delay_seconds(at(due), now), expected);
        }
    }

    #[test]
    fn a_probe_that_is_switched_off_is_not_run_and_the_end_of_its_scrapes_is_ordered() {
        let off = |probe| [Probe { enabled: false, ..probe }];
        assert_eq!(plan(&off(probe("bot", 60)), &prod(), at(1_795_000_020)), []);
        let probes = off(scraped("bot", 60, 15));
        let planned = plan(&probes, &prod(), at(1_795_000_020));
        let [Orders { runs, scrapes, .. }] = &planned[..] else { panic!("{planned:?}") };
        assert!(runs.is_empty() && scrapes.len() == 1 && scrapes[0].switched_off, "{planned:?}");
    }
}

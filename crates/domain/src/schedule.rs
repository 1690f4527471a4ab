//! Plans a minute: when each probe and each scrape is due, and how they are packed into messages.
//!
//! A probe is due when `(t - offset) mod every == 0`. The offset depends only on the probe's name, so
//! due times do not depend on when the stack was deployed or on which minutes were planned, and two
//! plans of the same minute are equal.
//!
//! Offsets are multiples of 30 s for runs and 5 s for scrapes. Many probes then share a due time, and
//! one invocation of the prober can run ten of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::report::{RunId, stable_hash};
use crate::run_request::{Run, RunRequest, ScrapeRequest, VERSION};
use crate::scrape::Scrape;
use crate::{EnvironmentName, LocationName, Probe, Target};

/// Largest number of runs or scrapes in one message. The prober runs them concurrently in one invocation.
pub const RUNS_PER_REQUEST: usize = 10;

/// Largest size of the probes in one message, in bytes. SQS accepts 1 MiB.
pub const BYTES_PER_REQUEST: usize = 100_000;

/// Grid of due times for runs. A coarse grid lets more probes share an invocation, which is paid by time.
const RUN_GRID: Duration = Duration::from_secs(30);
/// Grid of due times for scrapes.
const SCRAPE_GRID: Duration = Duration::from_secs(5);

/// A run request that borrows its probes, as the dispatcher writes it.
pub type Planned<'a> = RunRequest<&'a Probe, &'a Target>;

/// One of several locations, whose prober has its own queue.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    pub location: &'a LocationName,
    /// All deployed locations.
    pub deployed: &'a [LocationName],
    /// Whether it makes the scrapes, which one location does.
    pub scrapes: bool,
}

/// Offset of a probe's due times, in seconds: a multiple of `grid` from 0 to less than `every`.
fn offset(name: &str, every: Duration, grid: Duration) -> u64 {
    let slots = (every.as_secs() / grid.as_secs()).max(1);
    stable_hash(name) % slots * grid.as_secs()
}

/// The due times within the minute that starts at `minute`, in Unix seconds.
fn due_times(every: Duration, offset: u64, minute: i64) -> impl Iterator<Item = i64> {
    let every_seconds = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
    let offset = i64::try_from(offset).unwrap_or(0);
    let first = minute + (offset - minute).rem_euclid(every_seconds);
    std::iter::successors(Some(first), move |t| t.checked_add(every_seconds))
        .take_while(move |t| *t < minute + 60)
}

/// Start of the minute after `scheduled`, which is the minute to plan.
///
/// EventBridge Scheduler may fire at any time within its minute, which is too late to plan that minute.
#[must_use]
pub fn minute_after(scheduled: Timestamp) -> Timestamp {
    let start = scheduled.as_second().div_euclid(60) * 60;
    Timestamp::from_second(start).map_or(scheduled, |start| {
        start.saturating_add(SignedDuration::from_secs(60)).unwrap_or(start)
    })
}

/// The run requests for the minute that starts at `minute`, earliest first.
///
/// Each request holds up to [`RUNS_PER_REQUEST`] runs with the same due time and similar timeouts, so
/// that a slow probe does not delay the end of an invocation with fast probes.
#[must_use]
pub fn plan<'a>(
    probes: &'a [Probe],
    environment: &EnvironmentName,
    minute: Timestamp,
) -> Vec<Planned<'a>> {
    plan_for(probes, environment, minute, None)
}

/// Likewise, for one of several locations. The plan of one location depends on no other one.
#[must_use]
pub fn plan_at<'a>(
    probes: &'a [Probe],
    environment: &EnvironmentName,
    minute: Timestamp,
    at: At<'_>,
) -> Vec<Planned<'a>> {
    plan_for(probes, environment, minute, Some(at))
}

fn plan_for<'a>(
    probes: &'a [Probe],
    environment: &EnvironmentName,
    minute: Timestamp,
    at: Option<At<'_>>,
) -> Vec<Planned<'a>> {
    let mut runs = due_runs(probes, minute.as_second(), at);
    let with_scrapes = at.is_none_or(|at| at.scrapes);
    let mut scrapes =
        if with_scrapes { due_scrapes(probes, minute.as_second()) } else { Vec::new() };
    runs.sort_by_key(|(due, class, _)| (*due, *class));
    scrapes.sort_by_key(|(due, ..)| *due);

    let location = at.map(|at| at.location);
    let mut planned: Vec<Planned<'a>> = Vec::new();
    for group in runs.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Ok(due) = Timestamp::from_second(group[0].0) else { continue };
        for probes in packed(group, |(_, _, probe)| weight(probe)) {
            let run = |probe: &'a Probe| Run {
                id: RunId::at(environment, &probe.name, due, location),
                probe,
            };
            let runs = probes.iter().map(|(_, _, probe)| run(probe)).collect();
            planned.push(RunRequest {
                version: VERSION,
                environment: environment.clone(),
                due,
                location: location.cloned(),
                runs,
                scrapes: vec![],
                recorded: false,
                test: None,
            });
        }
    }
    for group in scrapes.chunk_by(|a, b| a.0 == b.0) {
        let Ok(due) = Timestamp::from_second(group[0].0) else { continue };
        for items in packed(group, |(_, _, scrape)| scrape_weight(scrape)) {
            let scrapes =
                items.iter().map(|(_, probe, scrape)| scrape_request(probe, scrape)).collect();
            planned.push(RunRequest {
                version: VERSION,
                environment: environment.clone(),
                due,
                location: location.cloned(),
                runs: vec![],
                scrapes,
                recorded: false,
                test: None,
            });
        }
    }
    planned.sort_by_key(|request| request.due);
    planned
}

/// The due runs of the minute, with the class of their timeout.
fn due_runs<'a>(probes: &'a [Probe], start: i64, at: Option<At<'_>>) -> Vec<(i64, u8, &'a Probe)> {
    let here = |probe: &&Probe| at.is_none_or(|at| probe.placement.has(at.location));
    let of_probe = |probe: &'a Probe| {
        let delay = at.map_or(Duration::ZERO, |at| {
            probe.placement.delay(at.location, at.deployed, probe.every)
        });
        let offset = offset(probe.name.as_str(), probe.every, RUN_GRID) + delay.as_secs();
        let due = due_times(probe.every, offset, start);
        due.map(move |due| (due, timeout_class(probe.timeout), probe))
    };
    probes.iter().filter(|probe| probe.enabled).filter(here).flat_map(of_probe).collect()
}

/// The due scrapes of the minute.
fn due_scrapes(probes: &[Probe], start: i64) -> Vec<(i64, &Probe, &Scrape)> {
    let mut scrapes = Vec::new();
    for probe in probes {
        // Requested every minute, since the dispatcher does not know whether the series have ended.
        let most = if probe.enabled { usize::MAX } else { 1 };
        for scrape in &probe.scrape {
            let offset = offset(probe.name.as_str(), scrape.every, SCRAPE_GRID);
            let due = due_times(scrape.every, offset, start);
            scrapes.extend(due.take(most).map(|due| (due, probe, scrape)));
        }
    }
    scrapes
}

fn scrape_request<'a>(probe: &'a Probe, scrape: &Scrape) -> ScrapeRequest<&'a Target> {
    ScrapeRequest {
        probe: probe.name.clone(),
        target: &probe.target,
        path: scrape.path.clone(),
        job: scrape.job.clone(),
        every: scrape.every,
        timeout: scrape.timeout(),
        options: scrape.options.clone(),
        http: scrape.http.clone(),
        labels: probe.labels.clone(),
        switched_off: !probe.enabled,
    }
}

/// Class of a timeout: up to 5, 15, 30, 60, 120 s, or longer. A message holds runs of one class.
fn timeout_class(timeout: Duration) -> u8 {
    let limits = [5, 15, 30, 60, 120];
    let class = limits.iter().position(|limit| timeout <= Duration::from_secs(*limit));
    u8::try_from(class.unwrap_or(limits.len())).unwrap_or(u8::MAX)
}

/// Upper estimate of a probe's size in a message, in bytes, from the lengths of its texts.
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

/// Upper estimate of a scrape's size in a message, in bytes. A certificate has some kilobytes.
fn scrape_weight(scrape: &Scrape) -> usize {
    let mut bytes = 1_000;
    scrape.http.for_each_template(&mut |_, template| bytes += template.to_string().len() * 2);
    let rules = &scrape.options.metric_relabel_configs;
    bytes + rules.iter().map(|rule| 200 + rule.regex.len() * 2).sum::<usize>()
}

/// Splits `items` into slices of at most [`RUNS_PER_REQUEST`] items and [`BYTES_PER_REQUEST`] bytes.
fn packed<T>(items: &[T], weight: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |item: &&T| {
            bytes += weight(item);
            bytes <= BYTES_PER_REQUEST
        };
        let count =
            rest.iter().take(RUNS_PER_REQUEST).take_while(fits).count().max(1).min(rest.len());
        let (message, others) = rest.split_at(count);
        rest = others;
        (!message.is_empty()).then_some(message)
    })
}

/// `DelaySeconds` of a message so that it arrives when it is due.
///
/// Rounded to the nearest second; 0 when the message is already due. SQS accepts at most 900.
#[must_use]
pub fn delay_seconds(due: Timestamp, now: Timestamp) -> i32 {
    let milliseconds = due.as_millisecond().saturating_sub(now.as_millisecond()).clamp(0, 900_000);
    i32::try_from((milliseconds + 500) / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Placement;
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
            for request in plan(probes, &prod(), at(start + minute * 60)) {
                for run in &request.runs {
                    due.entry(run.probe.name.to_string())
                        .or_default()
                        .push(request.due.as_second());
                }
            }
        }
        due
    }

    proptest! {
        #[test]
        fn probe_runs_exactly_on_its_interval(
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
    fn minute_after_the_scheduled_minute_is_planned() {
        let cases = [(0, 60), (1_795_000_020, 1_795_000_080), (1_795_000_079, 1_795_000_080)];
        for (scheduled, expected) in cases {
            assert_eq!(minute_after(at(scheduled)).as_second(), expected);
        }
    }

    #[test]
    fn request_holds_ten_runs_of_one_due_time_and_timeout_class() {
        let mut probes: Vec<Probe> = (0..200).map(|n| probe(&format!("bot-{n}"), 60)).collect();
        for slow in &mut probes[..20] {
            slow.timeout = Duration::from_secs(50);
        }
        let planned = plan(&probes, &prod(), at(1_795_000_020));
        assert_eq!(planned.iter().map(|request| request.runs.len()).sum::<usize>(), 200);
        for request in &planned {
            assert!((1..=RUNS_PER_REQUEST).contains(&request.runs.len()));
            let slow = request
                .runs
                .iter()
                .filter(|run| run.probe.timeout > Duration::from_secs(30))
                .count();
            assert!(
                slow == 0 || slow == request.runs.len(),
                "slow and fast probes are in different requests"
            );
        }
        assert!(planned.windows(2).all(|pair| pair[0].due <= pair[1].due));
    }

    #[test]
    fn request_with_long_conversations_stays_within_its_size() {
        let mut long = probe("bot", 60);
        long.conversation[0].say = crate::Template::literal("é".repeat(20_000));
        let probes: Vec<Probe> = (0..40)
            .map(|n| Probe { name: format!("bot-{n}").parse().unwrap(), ..long.clone() })
            .collect();
        for request in plan(&probes, &prod(), at(1_795_000_020)) {
            assert!(serde_json::to_string(&request).unwrap().len() < 2 * BYTES_PER_REQUEST);
        }
    }

    #[test]
    fn scrapes_have_their_own_interval() {
        let probes = [scraped("bot", 60, 15)];
        let planned = plan(&probes, &prod(), at(1_795_000_020));
        let scrapes: Vec<i64> = planned
            .iter()
            .filter(|request| !request.scrapes.is_empty())
            .map(|request| request.due.as_second())
            .collect();
        assert_eq!(scrapes.len(), 4);
        assert!(scrapes.windows(2).all(|pair| pair[1] - pair[0] == 15));
    }

    #[test]
    fn due_times_are_spread_over_the_minute() {
        let probes: Vec<Probe> = (0..600).map(|n| probe(&format!("bot-{n}"), 60)).collect();
        let mut slots: BTreeMap<i64, usize> = BTreeMap::new();
        for request in plan(&probes, &prod(), at(1_795_000_020)) {
            *slots.entry(request.due.as_second()).or_default() += request.runs.len();
        }
        assert_eq!(slots.len(), 2);
        assert!(slots.values().all(|runs| (240..=360).contains(runs)), "{slots:?}");
    }

    /// The due times of an hour at each of the locations `a`, `b` and `c`.
    fn hour_at_three(probe: &Probe) -> [Vec<i64>; 3] {
        let deployed: Vec<LocationName> = ["a", "b", "c"].map(|name| name.parse().unwrap()).into();
        std::array::from_fn(|index| {
            let at = At { location: &deployed[index], deployed: &deployed, scrapes: index == 0 };
            let minutes = (0..60).flat_map(|minute| {
                plan_at(std::slice::from_ref(probe), &prod(), self::at(minute * 60), at)
            });
            let with_runs = minutes.filter(|request| !request.runs.is_empty());
            with_runs.map(|request| request.due.as_second()).collect()
        })
    }

    #[test]
    fn locations_run_together_or_share_the_interval() {
        for every in [10, 60, 180, 300] {
            let together = probe("bot", every);
            let [a, b, c] = hour_at_three(&together);
            assert!(a == b && b == c, "{every}");

            let spread = Placement { spread: true, ..Placement::default() };
            let due = hour_at_three(&Probe { placement: spread, ..together });
            let third = i64::try_from(every).unwrap() / 3;
            let every = i64::try_from(every).unwrap();
            for one in &due {
                assert!(one.windows(2).all(|pair| pair[1] - pair[0] == every));
            }
            let gap = |other: &[i64]| (other[0] - due[0][0]).rem_euclid(every);
            assert_eq!((gap(&due[1]), gap(&due[2])), (third, every * 2 / 3));
        }
    }

    #[test]
    fn location_runs_only_its_probes_and_scrapes_once() {
        let deployed: Vec<LocationName> = ["home", "away"].map(|name| name.parse().unwrap()).into();
        let only_away = Placement { locations: Some(vec![deployed[1].clone()]), spread: false };
        let probes = [Probe { placement: only_away, ..scraped("bot", 60, 60) }];
        let count = |index: usize| {
            let at = At { location: &deployed[index], deployed: &deployed, scrapes: index == 0 };
            let planned = plan_at(&probes, &prod(), self::at(1_795_000_020), at);
            assert!(planned.iter().all(|one| one.location.as_ref() == Some(&deployed[index])));
            let runs: usize = planned.iter().map(|one| one.runs.len()).sum();
            (runs, planned.iter().map(|one| one.scrapes.len()).sum::<usize>())
        };
        assert_eq!((count(0), count(1)), ((0, 1), (1, 0)));
    }

    #[test]
    fn message_is_delayed_until_it_is_due() {
        let now = Timestamp::from_millisecond(1_795_000_000_400).unwrap();
        for (due, expected) in
            [(1_795_000_060, 60), (1_795_000_000, 0), (1_794_999_000, 0), (1_796_000_000, 900)]
        {
            assert_eq!(delay_seconds(at(due), now), expected);
        }
    }

    #[test]
    fn disabled_probe_has_no_run_and_one_scrape_request() {
        let off = |probe| [Probe { enabled: false, ..probe }];
        assert_eq!(plan(&off(probe("bot", 60)), &prod(), at(1_795_000_020)), []);
        let probes = off(scraped("bot", 60, 15));
        let planned = plan(&probes, &prod(), at(1_795_000_020));
        let [RunRequest { runs, scrapes, .. }] = &planned[..] else { panic!("{planned:?}") };
        assert!(runs.is_empty() && scrapes.len() == 1 && scrapes[0].switched_off, "{planned:?}");
    }
}

//! The vote of several locations: the rendered text, and its states by the alarm model.

use alarm_model::{
    Alarm, Comparison, Expression, MathAlarm, MathMetric, StateValue, Statistic, StatisticSet,
    Time, WithNumber, seconds,
};
use domain::{LocationName, Placement, Probe, ProbeSpec};

use super::locations::Group;
use super::tests::{limited_to, probe, window};
use super::*;

fn names(list: &[&str]) -> Vec<LocationName> {
    list.iter().map(|name| name.parse().unwrap()).collect()
}

fn deployed(environments: &[(&str, &[&str])]) -> DeployedLocations {
    let pair = |(environment, list): &(&str, &[&str])| (environment.parse().unwrap(), names(list));
    environments.iter().map(pair).collect()
}

fn three() -> DeployedLocations {
    deployed(&[("prod", &["eu-west-3", "us-east-1", "office"])])
}

fn at_locations(list: &[&str], probe: ProbeSpec) -> ProbeSpec {
    let placement = Placement { locations: Some(names(list)), spread: false };
    Probe { placement, ..probe }
}

fn rendered(probes: &[ProbeSpec], deployed: &DeployedLocations) -> String {
    render(probes, deployed, Shards::ONE).unwrap().remove(0).text
}

#[test]
fn alarms_at_several_locations_match_their_snapshot() {
    let deployed = deployed(&[
        ("prod", &["eu-west-3", "us-east-1", "office"]),
        ("staging", &["eu-west-3", "us-east-1"]),
        ("dev", &["eu-west-3"]),
    ]);
    let probes = [
        probe("everywhere", 60),
        limited_to(&["prod"], probe("support-bot", 10)),
        limited_to(&["dev"], probe("one-location", 60)),
    ];
    insta::assert_snapshot!(rendered(&probes, &deployed));
}

#[test]
fn reference_names_every_alarm_that_can_be_rendered() {
    let objective = domain::AvailabilityObjective::from_percent(99.5);
    let probe = Probe { objective, ..probe("bot", 60) };
    let text = rendered(&[probe], &three());
    let name = |line: &str| line.trim().strip_prefix("AlarmName: !Sub ").map(str::to_owned);
    let names: Vec<String> = text.lines().filter_map(name).collect();
    assert_eq!(names.len(), 2 + 3 + 4 + 2, "{names:?}");
    let page = include_str!("../../../../docs/reference/alarms.md");
    for name in names {
        let name = name.replace("${Environment}-bot", "ENV-PROBE");
        let at_location = name.split_once('.').map(|(alarm, _)| format!("{alarm}.LOCATION"));
        let name = at_location.unwrap_or(name);
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn single_location_changes_no_alarm() {
    let probes = [probe("bot", 60), limited_to(&["prod"], probe("other", 60))];
    let before = rendered(&probes, &DeployedLocations::default());
    assert_eq!(rendered(&probes, &deployed(&[("prod", &["eu-west-3"])])), before);
    let narrowed = probes.clone().map(|probe| at_locations(&["us-east-1"], probe));
    assert_eq!(rendered(&narrowed, &three()), before);
}

#[test]
fn maintenance_window_mutes_the_alarms_of_locations() {
    let muted = |probe: ProbeSpec| -> Vec<String> {
        let maintenance = vec![window("0 2 ? * SUN *", 60, "UTC")];
        let text = rendered(&[Probe { maintenance, ..probe }], &three());
        let (_, rule) = text.split_once("  BotMaintenance1:").unwrap();
        let rule = rule.lines().skip(1).take_while(|line| line.starts_with("    "));
        let targets = rule.filter(|line| line.contains("- !") && line.contains("DownFrom"));
        targets.map(|line| line.trim().to_owned()).collect()
    };
    let refers = |list: &[String], start: &str| {
        list.len() == 3 && list.iter().all(|line| line.starts_with(start))
    };
    let only_prod = muted(limited_to(&["prod"], probe("bot", 60)));
    assert!(refers(&only_prod, "- !Ref BotDownFrom"), "{only_prod:?}");
    // Other environments have the rule, but not the alarms of the locations.
    let everywhere = muted(probe("bot", 60));
    assert!(refers(&everywhere, "- !If [InProd, !Ref BotDownFrom"), "{everywhere:?}");
}

#[test]
fn probe_that_does_not_fit_the_locations_is_refused() {
    let check = |probe: ProbeSpec, expected: &str| {
        let errors = render(&[probe], &three(), Shards::ONE).unwrap_err();
        assert_eq!(errors[0].to_string(), expected);
    };
    check(
        at_locations(&["us-east-1", "us-west-2"], probe("bot", 60)),
        "probe `bot`: location `us-west-2` is not in the parameter `Locations` of environment `prod`",
    );
    check(
        Probe { max_runs_per_day: Some(3_000), ..probe("bot", 60) },
        "probe `bot` makes up to 8640 attempts a day at 3 locations; expected at most 3000, its \
         `max_runs_per_day`",
    );
}

#[test]
fn alarms_of_locations_count_as_resources() {
    let many: Vec<ProbeSpec> = (0..100).map(|number| probe(&format!("bot-{number}"), 60)).collect();
    let errors = render(&many, &three(), Shards::ONE).unwrap_err();
    assert!(errors[0].to_string().starts_with("`alarms.yaml` has 708 resources"), "{}", errors[0]);
}

/// The vote of the group, with periods of a minute and the default rule.
fn vote(group: &Group, with_number: WithNumber) -> MathAlarm {
    let metrics = (1..=group.locations.len()).flat_map(|number| {
        [("ran", Statistic::SampleCount), ("up", Statistic::Maximum)]
            .map(|(name, statistic)| MathMetric { id: format!("{name}{number}"), statistic })
    });
    let votes = f64::from(u32::try_from(group.votes).unwrap());
    MathAlarm {
        alarm: Alarm::m_of_n(2, 3, seconds(60), Comparison::GreaterThanOrEqualTo, votes),
        expression: Expression::parse(&group.expression()).unwrap(),
        metrics: metrics.collect(),
        with_number,
    }
}

fn group_of_three() -> Group {
    three().groups(&probe("bot", 60)).remove(0)
}

/// The run of a location in a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    Up,
    Down,
    /// No result arrived.
    None,
    /// Published twice.
    DownTwice,
}

fn minute(number: usize) -> Time {
    Time::from_unix_seconds(1_800_000_000) + seconds(60 * u64::try_from(number).unwrap())
}

/// The state after each minute, for runs of each location.
fn states(alarm: &MathAlarm, runs: &[[Run; 3]]) -> Vec<StateValue> {
    let mut state = StateValue::Ok;
    let after = |now: usize, state: StateValue| {
        let window = now.saturating_sub(6)..now;
        let sets = |location: usize| {
            let of_minute = |minute_number: usize| {
                let set = |value| StatisticSet::of(minute(minute_number), value);
                match runs[minute_number][location] {
                    Run::Up => vec![set(1.0)],
                    Run::Down => vec![set(0.0)],
                    Run::DownTwice => vec![set(0.0); 2],
                    Run::None => vec![],
                }
            };
            window.clone().flat_map(of_minute).collect::<Vec<_>>()
        };
        let visible: Vec<_> = (0..3).flat_map(|location| vec![sets(location); 2]).collect();
        alarm.evaluate(minute(now), &visible, state).state
    };
    let next = |now: usize| {
        state = after(now, state);
        state
    };
    (1..=runs.len()).map(next).collect()
}

/// Each case: the runs of three locations from minute 5 to 14, and the states of the page and of the three locations
/// that occur.
#[test]
fn cut_locations_and_lost_probers_give_the_right_alarms() {
    use Run::{Down, DownTwice, None, Up};
    use StateValue::{Alarm, InsufficientData, Ok};
    let cases: &[(&str, [Run; 3], StateValue, [StateValue; 3])] = &[
        ("all is well", [Up, Up, Up], Ok, [Ok, Ok, Ok]),
        ("network of one cut", [Up, Down, Up], Ok, [Ok, Alarm, Ok]),
        ("network of one cut, published twice", [Up, DownTwice, Up], Ok, [Ok, Alarm, Ok]),
        ("network of two cut", [Down, Down, Up], Alarm, [Alarm, Alarm, Ok]),
        ("bot broken", [Down, Down, Down], Alarm, [Alarm, Alarm, Alarm]),
        ("prober of one killed", [Up, Up, None], Ok, [Ok, Ok, InsufficientData]),
        (
            "bot broken, prober of one killed",
            [Down, Down, None],
            Alarm,
            [Alarm, Alarm, InsufficientData],
        ),
        ("one cut, prober of another killed", [Down, Up, None], Ok, [Alarm, Ok, InsufficientData]),
        (
            "one location left, and it is down",
            [Down, None, None],
            InsufficientData,
            [Alarm, InsufficientData, InsufficientData],
        ),
        ("contact to all lost", [None, None, None], InsufficientData, [InsufficientData; 3]),
    ];
    for (name, fault, page, tickets) in cases {
        let runs: Vec<[Run; 3]> =
            (0..25).map(|now| if (5..15).contains(&now) { *fault } else { [Up; 3] }).collect();
        for with_number in [WithNumber::Missing, WithNumber::Zero] {
            let states = states(&vote(&group_of_three(), with_number), &runs);
            // The first failed run is due at minute 5: the state is there at most three minutes later.
            let late = if *page == InsufficientData { 5 } else { 2 };
            assert!(states[5 + late..15].iter().all(|state| state == page), "{name}: {states:?}");
            assert!(states[18..].iter().all(|state| *state == Ok), "{name}: {states:?}");
            let others = states.iter().filter(|state| *state != page && **state != Ok);
            assert_eq!(others.count(), 0, "{name}: {states:?}");
        }
        for (location, ticket) in tickets.iter().enumerate() {
            let states = states_of_location(&runs, location);
            assert_eq!(states[14], *ticket, "{name}, location {location}");
            assert_eq!(states[24], Ok, "{name}, location {location}");
        }
    }
}

/// The states of the alarm of one location.
fn states_of_location(runs: &[[Run; 3]], location: usize) -> Vec<StateValue> {
    let alarm = Alarm {
        statistic: Statistic::Maximum,
        ..Alarm::m_of_n(2, 3, seconds(60), Comparison::LessThan, 1.0)
    };
    let mut state = StateValue::Ok;
    let mut next = |now: usize| {
        let run = |number: usize| match runs[number][location] {
            Run::None => Option::None,
            Run::Up => Some(StatisticSet::of(minute(number), 1.0)),
            Run::Down | Run::DownTwice => Some(StatisticSet::of(minute(number), 0.0)),
        };
        let visible: Vec<_> = (now.saturating_sub(6)..now).filter_map(run).collect();
        state = alarm.evaluate(minute(now), &visible, state).state;
        state
    };
    (1..=runs.len()).map(&mut next).collect()
}

/// A sequence of numbers that is the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

const YEAR: usize = 365 * 24 * 60;

/// Begins of episodes of the given length with an hour between them.
fn episodes(
    random: &mut Random,
    taken: &mut [bool],
    count: usize,
    longest: usize,
) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    while found.len() < count {
        let length = 5 + random.below(longest - 4);
        let begin = 60 + random.below(YEAR - longest - 120);
        let span = begin - 60..begin + length + 60;
        if taken[span.clone()].iter().all(|taken| !taken) {
            taken[span].fill(true);
            found.push((begin, length));
        }
    }
    found
}

/// A year with a run a minute: 1 % of the time one location has a fault of its own, 12 times a prober is away for up to
/// three hours, and 20 times the bot is down.
#[test]
fn simulated_year_finds_20_outages_and_pages_for_nothing_else() {
    let mut random = Random(0x1ea5_4dc0_ffee);
    let mut runs = vec![[Run::Up; 3]; YEAR];
    let mut taken = vec![false; YEAR];
    let outages = episodes(&mut random, &mut taken, 20, 60);
    for (begin, length) in &outages {
        runs[*begin..begin + length].fill([Run::Down; 3]);
    }
    // A prober may be away while another location has a fault.
    let mut taken_by_probers = taken.clone();
    let mut fill = |random: &mut Random, (begin, length): (usize, usize), run: Run| {
        let location = random.below(3);
        runs[begin..begin + length].iter_mut().for_each(|runs| runs[location] = run);
    };
    let mut faulty = 0;
    while faulty < YEAR / 100 {
        let episode = episodes(&mut random, &mut taken, 1, 30).remove(0);
        faulty += episode.1;
        fill(&mut random, episode, Run::Down);
    }
    for episode in episodes(&mut random, &mut taken_by_probers, 12, 180) {
        fill(&mut random, episode, Run::None);
    }

    let alarm = vote(&group_of_three(), WithNumber::Missing);
    let pages = pages(&alarm, &runs);
    assert_eq!(pages.len(), outages.len(), "{pages:?}");
    let mut begins: Vec<usize> = outages.iter().map(|(begin, _)| *begin).collect();
    begins.sort_unstable();
    for (begin, page) in begins.iter().zip(&pages) {
        assert!((begin + 1..=begin + 3).contains(page), "outage at {begin}, page at {page}");
    }
}

/// The minutes at which the alarm rises. Minutes whose window has only runs that are up are not evaluated.
fn pages(alarm: &MathAlarm, runs: &[[Run; 3]]) -> Vec<usize> {
    let mut pages = Vec::new();
    let mut now = 0;
    while now < runs.len() {
        if runs[now] == [Run::Up; 3] {
            now += 1;
            continue;
        }
        // Until ten minutes of only up runs have passed.
        let is_stable =
            |begin: &usize| runs[*begin..].iter().take(10).all(|minute| *minute == [Run::Up; 3]);
        let end =
            (now..runs.len()).find(is_stable).map_or(runs.len(), |end| (end + 10).min(runs.len()));
        let begin = now.saturating_sub(10);
        let mut before = StateValue::Ok;
        for (index, state) in states(alarm, &runs[begin..end]).into_iter().enumerate() {
            if state == StateValue::Alarm && before != StateValue::Alarm {
                pages.push(begin + index + 1);
            }
            before = state;
        }
        now = end;
    }
    pages
}

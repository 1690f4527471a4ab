//! A deterministic simulation of weeks with outages, flapping, mutes, deletions, lost and doubled events, failing
//! services, concurrent invocations and processes that end at any moment. One seed is one history.
//!
//! `HISTORIES=2000 cargo nextest run -p notify simulation` runs more of them; `SEED=17` runs one and prints it.

mod checks;
mod driver;
mod function;
mod random;
mod world;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use checks::Checks;
use driver::Driver;
use random::Random;
use world::World;

use crate::planted::{self, Bug};

/// Histories of the unit test; `HISTORIES` in the environment runs more.
const HISTORIES: u64 = 300;
/// A long run prints a line after so many histories.
const PROGRESS: u64 = 5_000;
/// In one of so many histories, pages also go to a receiver that keeps incidents itself, such as `PagerDuty`.
const TRACKED: u64 = 3;
/// A planted bug is found within this many histories.
const SEARCH: u64 = 2_000;

fn run(seed: u64) -> Checks {
    let mut random = Random::new(seed);
    let world = World::new(&mut random, seed.is_multiple_of(TRACKED));
    Driver::new(&world, random).run()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[expect(clippy::print_stdout, reason = "a long run shows what it did")]
fn histories_keep_every_invariant() {
    let (first, count) = match (number("SEED"), number("HISTORIES")) {
        (Some(seed), _) => (seed, 1),
        (None, count) => (number("FIRST").unwrap_or(0), count.unwrap_or(HISTORIES)),
    };
    let end = first + count;
    let next = AtomicU64::new(first);
    let messages = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if end <= seed {
                        return;
                    }
                    let checks = run(seed);
                    if let Some(violation) = checks.violation {
                        next.store(end, Ordering::Relaxed);
                        panic!("seed {seed}: {violation}");
                    }
                    messages.fetch_add(checks.messages, Ordering::Relaxed);
                    let done = seed + 1 - first;
                    if done.is_multiple_of(PROGRESS) {
                        println!("{done} of {count} histories");
                    }
                }
            });
        }
    });
    let messages = messages.into_inner();
    println!("{count} histories from seed {first}, {messages} notifications");
    assert!(0 < messages, "no history sent anything");
}

/// Histories that found a bug.
#[test]
fn earlier_findings_keep_every_invariant() {
    let findings = [
        (6_241, "an end that was not delivered was not sent again"),
        (9_364, "a process that ended delayed a notification by 16 minutes"),
        (18_458, "a failed try was counted again each time its record came back from the queue"),
        (29_822, "an alarm that was deleted while it had no data was not ended"),
        (54_455, "a notification whose delivery was not known was taken to be delivered"),
        (3_044, "an end that followed its alarm within ten seconds was sent again"),
        (9_254, "an end and a change were sent at the same time, and the later one was not known"),
        (39_069, "an incident was acknowledged at a receiver that did not know it"),
        (99_837, "an incident was acknowledged at a receiver that did not know it"),
        (13_559, "a record was taken to be in the queue when another environment had received it"),
    ];
    for (seed, bug) in findings {
        assert_eq!(run(seed).violation, None, "seed {seed}: {bug}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "it shows how soon each bug is found")]
fn planted_bugs_are_found() {
    for bug in [Bug::OrderByStart, Bug::EndlessLease, Bug::OneFailureForAll, Bug::NoDataOnce] {
        planted::plant(Some(bug));
        let found = (0..SEARCH).find(|seed| run(*seed).violation.is_some());
        planted::plant(None);
        println!("{bug:?}: first found in the history of seed {found:?}");
        assert!(found.is_some(), "{bug:?} was not found in {SEARCH} histories");
    }
}

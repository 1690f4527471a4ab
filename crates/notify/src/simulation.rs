//! A deterministic simulation of weeks with outages, flapping, mutes, deletions, lost and doubled events, failing
//! services and concurrent invocations. One seed is one history.
//!
//! `HISTORIES=100000 cargo test --release -p notify simulation` plays more of them; `SEED=17` plays one and prints it.

mod checks;
mod driver;
mod function;
mod random;
mod world;

use checks::Checks;
use driver::Driver;
use random::Random;
use world::World;

use crate::planted::{self, Bug};

/// Histories of the unit test; `HISTORIES` in the environment plays more.
const HISTORIES: u64 = 300;
/// A planted bug is found within this many histories.
const SEARCH: u64 = 2_000;

fn play(seed: u64) -> Checks {
    let mut random = Random::new(seed);
    let world = World::new(&mut random);
    Driver::new(&world, random).play()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn histories_keep_every_invariant() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("HISTORIES").unwrap_or(HISTORIES),
    };
    let mut messages = 0;
    for seed in seeds.clone() {
        let checks = play(seed);
        messages += checks.messages;
        assert!(
            checks.violation.is_none(),
            "seed {seed}: {}",
            checks.violation.unwrap_or_default()
        );
    }
    assert!(0 < messages, "no history sent anything");
}

#[test]
fn planted_bugs_are_found() {
    for bug in [Bug::OrderByStart, Bug::EndlessLease, Bug::OneFailureForAll, Bug::NoDataOnce] {
        planted::plant(Some(bug));
        let found = (0..SEARCH).find(|seed| play(*seed).violation.is_some());
        planted::plant(None);
        assert!(found.is_some(), "{bug:?} was not found");
    }
}

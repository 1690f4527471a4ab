//! A smoke run: one visit of each probe through a deployed stack, asked for by a person.
//!
//! `vigie smoke` asks the dispatcher for the orders, since it alone has the probes and their
//! variables, and hands them to the prober, which answers with its reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::message::{Orders, Run, VERSION};
use crate::report::RunId;
use crate::schedule::ORDERS_PER_MESSAGE;
use crate::{EnvironmentName, Probe, Target};

/// What the dispatcher is asked: orders for one run of each probe, given back and not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The time that stamps what comes of them.
    pub smoke_run_due: Timestamp,
}

/// What the dispatcher answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told<P = Probe, T = Target> {
    pub orders: Orders<P, T>,
    /// Probes beyond what one invocation of the prober holds at once.
    pub left_out: usize,
    /// One text for each probe that can't be played.
    pub problems: Vec<String>,
}

impl<'a> Told<&'a Probe, &'a Target> {
    /// One run of each of the first probes that are switched on.
    #[must_use]
    pub fn of(
        probes: &'a [Probe],
        environment: &EnvironmentName,
        due: Timestamp,
        problems: Vec<String>,
    ) -> Self {
        let enabled: Vec<&Probe> = probes.iter().filter(|probe| probe.enabled).collect();
        let (first, others) = enabled.split_at(enabled.len().min(ORDERS_PER_MESSAGE));
        let run =
            |probe: &&'a Probe| Run { id: RunId::of(environment, &probe.name, due), probe: *probe };
        let orders = Orders {
            version: VERSION,
            environment: environment.clone(),
            due,
            runs: first.iter().map(run).collect(),
            scrapes: vec![],
        };
        Self { orders, left_out: others.len(), problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(name: &str, enabled: bool) -> Probe {
        let probe = serde_json::json!({
            "name": name, "every_seconds": 60, "enabled": enabled, "timeout_seconds": 5,
            "target": { "url": "http://127.0.0.1:1" }, "retry": { "attempts": 0, "wait_seconds": 1 },
            "objectives": {}, "conversation": [{ "say": "hi" }],
            "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
        });
        serde_json::from_value(probe).unwrap()
    }

    #[test]
    fn as_many_probes_as_the_prober_holds_at_once_are_visited_and_the_rest_is_counted() {
        let mut probes: Vec<Probe> =
            (0..12).map(|index| probe(&format!("bot-{index}"), true)).collect();
        probes.insert(0, probe("switched-off", false));
        let environment: EnvironmentName = "dev".parse().unwrap();
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let told = Told::of(&probes, &environment, due, vec![]);
        let names: Vec<&str> = told.orders.runs.iter().map(|run| run.probe.name.as_str()).collect();
        assert_eq!((names.len(), names[0], told.left_out), (10, "bot-0", 2));
        assert!(
            told.orders
                .runs
                .iter()
                .all(|run| run.id == RunId::of(&environment, &run.probe.name, due))
        );

        let wire = serde_json::to_string(&told).unwrap();
        let read: Told = serde_json::from_str(&wire).unwrap();
        assert_eq!((read.orders.due, read.left_out), (due, 2));
    }
}

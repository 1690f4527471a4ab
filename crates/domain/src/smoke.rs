//! A smoke run: one run of each probe through a deployed stack, started by a person.
//!
//! `vigie smoke` invokes the dispatcher, which alone has the probes and their variables, for a plan.
//! It then invokes the prober with the plan's run request and reads the reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RunId;
use crate::run_request::{Run, RunRequest, VERSION};
use crate::schedule::RUNS_PER_REQUEST;
use crate::{EnvironmentName, Probe, Target};

/// Event that asks the dispatcher for a plan. The dispatcher returns the plan and sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeRequest {
    /// Due time of the runs.
    pub smoke_run_due: Timestamp,
}

/// The dispatcher's answer to a [`SmokeRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmokePlan<P = Probe, T = Target> {
    pub run_request: RunRequest<P, T>,
    /// Number of enabled probes beyond the limit of one prober invocation.
    pub left_out: usize,
    /// One message for each probe file with an error.
    pub problems: Vec<String>,
}

impl<'a> SmokePlan<&'a Probe, &'a Target> {
    /// Plans one run of each of the first [`RUNS_PER_REQUEST`] enabled probes.
    #[must_use]
    pub fn new(
        probes: &'a [Probe],
        environment: &EnvironmentName,
        due: Timestamp,
        problems: Vec<String>,
    ) -> Self {
        let enabled: Vec<&Probe> = probes.iter().filter(|probe| probe.enabled).collect();
        let (first, others) = enabled.split_at(enabled.len().min(RUNS_PER_REQUEST));
        let run =
            |probe: &&'a Probe| Run { id: RunId::of(environment, &probe.name, due), probe: *probe };
        let run_request = RunRequest {
            version: VERSION,
            environment: environment.clone(),
            due,
            location: None,
            runs: first.iter().map(run).collect(),
            scrapes: vec![],
            test: None,
        };
        Self { run_request, left_out: others.len(), problems }
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
    fn plan_holds_ten_enabled_probes_and_counts_the_rest() {
        let mut probes: Vec<Probe> =
            (0..12).map(|index| probe(&format!("bot-{index}"), true)).collect();
        probes.insert(0, probe("disabled", false));
        let environment: EnvironmentName = "dev".parse().unwrap();
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let plan = SmokePlan::new(&probes, &environment, due, vec![]);
        let runs = &plan.run_request.runs;
        let names: Vec<&str> = runs.iter().map(|run| run.probe.name.as_str()).collect();
        assert_eq!((names.len(), names[0], plan.left_out), (10, "bot-0", 2));
        assert!(runs.iter().all(|run| run.id == RunId::of(&environment, &run.probe.name, due)));

        let wire = serde_json::to_string(&plan).unwrap();
        let read: SmokePlan = serde_json::from_str(&wire).unwrap();
        assert_eq!((read.run_request.due, read.left_out), (due, 2));
    }
}

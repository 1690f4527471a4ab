//! A smoke run: one run of each probe through a deployed stack, started by a person.
//!
//! `vigie smoke` invokes the dispatcher, which alone has the probes and their variables, for a plan.
//! It then invokes the prober with the plan's run request and reads the reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RunId;
use crate::run_request::{Run, RunRequest, VERSION};
use crate::schedule::RUNS_PER_REQUEST;
use crate::{EnvironmentName, LocationName, Probe, Target};

/// Event that asks the dispatcher for a plan. The dispatcher returns the plan and sends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeRequest {
    /// Due time of the runs.
    pub smoke_run_due: Timestamp,
    /// Where the runs are made, if the environment has several locations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationName>,
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
    /// Plans one run of each of the first [`RUNS_PER_REQUEST`] enabled probes, of those at the location if the
    /// request has one.
    #[must_use]
    pub fn new(
        probes: &'a [Probe],
        environment: &EnvironmentName,
        request: &SmokeRequest,
        problems: Vec<String>,
    ) -> Self {
        let (due, location) = (request.smoke_run_due, request.location.as_ref());
        let is_here = |probe: &&Probe| location.is_none_or(|name| probe.placement.has(name));
        let enabled = probes.iter().filter(|probe| probe.enabled);
        let enabled: Vec<&Probe> = enabled.filter(is_here).collect();
        let (first, others) = enabled.split_at(enabled.len().min(RUNS_PER_REQUEST));
        let run = |probe: &&'a Probe| {
            let id = RunId::at(environment, &probe.name, due, location);
            Run { id, probe: *probe }
        };
        let run_request = RunRequest {
            version: VERSION,
            environment: environment.clone(),
            due,
            location: location.cloned(),
            runs: first.iter().map(run).collect(),
            scrapes: vec![],
            recorded: false,
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
        let request = SmokeRequest { smoke_run_due: due, location: None };
        let plan = SmokePlan::new(&probes, &environment, &request, vec![]);
        let runs = &plan.run_request.runs;
        let names: Vec<&str> = runs.iter().map(|run| run.probe.name.as_str()).collect();
        assert_eq!((names.len(), names[0], plan.left_out), (10, "bot-0", 2));
        assert!(runs.iter().all(|run| run.id == RunId::of(&environment, &run.probe.name, due)));

        let wire = serde_json::to_string(&plan).unwrap();
        let read: SmokePlan = serde_json::from_str(&wire).unwrap();
        assert_eq!((read.run_request.due, read.left_out), (due, 2));
    }
    #[test]
    fn plan_of_a_location_has_only_its_probes() {
        let mut probes = vec![probe("everywhere", true), probe("office-only", true)];
        probes[1].placement.locations = Some(vec!["office".parse().unwrap()]);
        let environment: EnvironmentName = "dev".parse().unwrap();
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        for (location, expected) in
            [("office", &["everywhere", "office-only"][..]), ("eu-west-3", &["everywhere"])]
        {
            let location: LocationName = location.parse().unwrap();
            let request = SmokeRequest { smoke_run_due: due, location: Some(location.clone()) };
            let request = SmokePlan::new(&probes, &environment, &request, vec![]).run_request;
            let names: Vec<&str> = request.runs.iter().map(|run| run.probe.name.as_str()).collect();
            assert_eq!((names.as_slice(), request.location.as_ref()), (expected, Some(&location)));
            let id = RunId::at(&environment, &probes[0].name, due, Some(&location));
            assert_eq!(request.runs[0].id, id);
        }
    }
}

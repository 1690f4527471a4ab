//! The locations of each environment, and what they change in the alarms of a probe.
//!
//! With several locations the alarm `down` counts votes: in each period, the locations with a run that failed. A
//! location without a run in the period has no vote. With fewer locations than the quorum the period has no value.
//! Each location also has an alarm of its own, a ticket.
//!
//! The vote uses two statistics of `Success` for each location: `SampleCount` says whether there was a run, and
//! `Maximum` is the same for one run and for a run that was made twice. Both a missing location and a
//! missing value count as 0, so the expression needs no `FILL`, which would invent values for late results.

use std::collections::{BTreeMap, BTreeSet};

use domain::location::{quorum, votes_needed};
use domain::{EnvironmentName, LocationName, ProbeSpec};

use super::RenderError;

/// The locations of the environments that have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployedLocations(BTreeMap<EnvironmentName, Vec<LocationName>>);

impl FromIterator<(EnvironmentName, Vec<LocationName>)> for DeployedLocations {
    fn from_iter<I: IntoIterator<Item = (EnvironmentName, Vec<LocationName>)>>(pairs: I) -> Self {
        Self(pairs.into_iter().filter(|(_, names)| !names.is_empty()).collect())
    }
}

/// Environments in which a probe runs at the same locations, of which there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) environments: BTreeSet<EnvironmentName>,
    pub(super) locations: Vec<LocationName>,
    /// How many locations must agree.
    pub(super) votes: usize,
    /// How many locations must have results.
    pub(super) quorum: usize,
}

impl DeployedLocations {
    /// The groups of a probe; none if it runs at one location everywhere.
    pub(super) fn groups(&self, probe: &ProbeSpec) -> Vec<Group> {
        let mut by_list: BTreeMap<Vec<LocationName>, BTreeSet<EnvironmentName>> = BTreeMap::new();
        for (environment, locations) in self.of_probe(probe) {
            if locations.len() > 1 {
                by_list.entry(locations).or_default().insert(environment.clone());
            }
        }
        let group = |(locations, environments): (Vec<LocationName>, _)| Group {
            votes: votes_needed(probe.alarm.locations, locations.len()),
            quorum: quorum(probe.alarm.locations, locations.len()),
            environments,
            locations,
        };
        by_list.into_iter().map(group).collect()
    }

    fn of_probe<'a>(
        &'a self,
        probe: &'a ProbeSpec,
    ) -> impl Iterator<Item = (&'a EnvironmentName, Vec<LocationName>)> {
        let deployed = self.0.iter().filter(|(environment, _)| probe.runs_in(environment));
        deployed.map(|(environment, names)| {
            (environment, probe.placement.among(names).cloned().collect())
        })
    }

    /// Reasons why the probe cannot run at these locations.
    pub(super) fn refused(&self, probe: &ProbeSpec) -> Vec<RenderError> {
        let mut errors = Vec::new();
        for (environment, names) in self.0.iter().filter(|(name, _)| probe.runs_in(name)) {
            errors.extend(probe.placement.unknown(names).map(|location| {
                RenderError::UnknownLocation {
                    probe: probe.name.clone(),
                    location: location.clone(),
                    environment: environment.clone(),
                }
            }));
        }
        errors.extend(self.too_many_runs(probe));
        errors
    }

    /// `max_runs_per_day` was checked for one location, or those that the probe names.
    fn too_many_runs(&self, probe: &ProbeSpec) -> Option<RenderError> {
        let most = u64::from(probe.max_runs_per_day?);
        let a_location = 86_400_u64.div_ceil(probe.every.as_secs().max(1))
            * (1 + u64::from(probe.retry.attempts));
        let locations = self.of_probe(probe).map(|(_, names)| names.len()).max()?;
        let attempts = a_location * u64::try_from(locations).unwrap_or(u64::MAX);
        (most < attempts).then(|| RenderError::TooManyRuns {
            probe: probe.name.clone(),
            locations,
            attempts,
            most,
        })
    }
}

impl Group {
    /// Number of locations whose run failed; no value without a quorum.
    pub(super) fn expression(&self) -> String {
        let numbers = || 1..=self.locations.len();
        let present: Vec<String> = numbers().map(|n| format!("IF(ran{n} > 0, 1, 0)")).collect();
        let up: Vec<String> = numbers().map(|n| format!("up{n}")).collect();
        let (present, up, quorum) = (present.join(" + "), up.join(" + "), self.quorum);
        format!("IF(({present}) >= {quorum}, ({present}) - ({up}))")
    }

    /// The items of the alarm's `Metrics`, each on one line.
    pub(super) fn metrics(&self, probe: &str, period: u64) -> Vec<String> {
        let expression = self.expression();
        let votes = format!(
            "{{ Id: votes, Expression: \"{expression}\", Label: locations that failed, ReturnData: true }}"
        );
        let metric = |id: String, location: &LocationName, stat: &str| {
            format!(
                "{{ Id: {id}, ReturnData: false, MetricStat: {{ Metric: {{ Namespace: Vigie, \
                 MetricName: Success, Dimensions: {} }}, Period: {period}, Stat: {stat} }} }}",
                dimensions(probe, location)
            )
        };
        let of_location = |(index, location): (usize, &LocationName)| {
            let number = index + 1;
            [
                metric(format!("ran{number}"), location, "SampleCount"),
                metric(format!("up{number}"), location, "Maximum"),
            ]
        };
        let metrics = self.locations.iter().enumerate().flat_map(of_location);
        std::iter::once(votes).chain(metrics).collect()
    }

    /// Share of degraded runs that is the same as `votes` of the locations.
    pub(super) fn degraded_share(&self) -> String {
        let (votes, all) = (self.votes, self.locations.len());
        // Between two shares, so that rounding does not matter.
        format!("{:.4}", to_f64(2 * votes - 1) / to_f64(2 * all))
    }
}

fn to_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The dimensions of a metric of a probe at a location.
pub(super) fn dimensions(probe: &str, location: &LocationName) -> String {
    format!(
        "[{{ Name: Environment, Value: !Ref Environment }}, {{ Name: Probe, Value: \"{probe}\" }}, \
         {{ Name: Location, Value: \"{location}\" }}]"
    )
}

/// Where each location of a probe has an alarm.
pub(super) fn by_location(groups: &[Group]) -> BTreeMap<&LocationName, BTreeSet<EnvironmentName>> {
    let mut by_location: BTreeMap<&LocationName, BTreeSet<EnvironmentName>> = BTreeMap::new();
    for group in groups {
        for location in &group.locations {
            by_location.entry(location).or_default().extend(group.environments.iter().cloned());
        }
    }
    by_location
}

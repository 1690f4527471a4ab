//! Where the runs of a probe are made, and how many locations must agree that it is down.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, LocationName};

/// The most locations of an environment. The alarm of a probe reads two metrics for each location, and
/// CloudWatch allows ten metrics in an expression.
pub const MOST_LOCATIONS: usize = 5;

/// The locations of an environment, written as `eu-west-3,us-east-1,office`: one to five, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationList(pub Vec<LocationName>);

/// The form of a [`LocationList`], for error messages.
pub const LIST_FORM: &str = "one to five different names, such as `eu-west-3,us-east-1,office`";

impl FromStr for LocationList {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let names = text.split(',').map(|name| name.trim().parse().map_err(drop));
        let names = names.collect::<Result<Vec<LocationName>, ()>>()?;
        let unique: BTreeSet<&LocationName> = names.iter().collect();
        let valid = unique.len() == names.len() && names.len() <= MOST_LOCATIONS;
        if valid { Ok(Self(names)) } else { Err(()) }
    }
}

/// Which locations make the runs of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// A subset of the deployed locations; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<LocationName>>,
    /// Whether the locations share the interval instead of making their runs at the same second.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spread: bool,
}

impl Placement {
    /// Whether nothing differs from a probe without these keys.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The locations of the probe, in the order of the deployed ones.
    pub fn among<'a>(
        &'a self,
        deployed: &'a [LocationName],
    ) -> impl Iterator<Item = &'a LocationName> {
        deployed.iter().filter(|name| self.has(name))
    }

    /// Whether the probe is meant for this location.
    #[must_use]
    pub fn has(&self, location: &LocationName) -> bool {
        self.locations.as_ref().is_none_or(|named| named.contains(location))
    }

    /// The locations that the probe names and that are not deployed.
    pub fn unknown<'a>(
        &'a self,
        deployed: &'a [LocationName],
    ) -> impl Iterator<Item = &'a LocationName> {
        self.locations.iter().flatten().filter(|name| !deployed.contains(name))
    }

    /// How much later than the first location this one makes its runs: a whole number of seconds below `every`;
    /// zero unless the runs are spread.
    #[must_use]
    pub fn delay(
        &self,
        location: &LocationName,
        deployed: &[LocationName],
        every: Duration,
    ) -> Duration {
        if !self.spread {
            return Duration::ZERO;
        }
        let all: Vec<&LocationName> = self.among(deployed).collect();
        let index = all.iter().position(|name| *name == location).unwrap_or(0);
        let part = |number: usize| u64::try_from(number).unwrap_or(1);
        Duration::from_secs(every.as_secs() * part(index) / part(all.len()).max(1))
    }
}

/// How many of `locations` must agree that the target is down: the probe's number, or a majority.
#[must_use]
pub fn votes_needed(chosen: Option<u32>, locations: usize) -> usize {
    let majority = locations / 2 + 1;
    chosen.map_or(majority, |votes| usize::try_from(votes).unwrap_or(usize::MAX)).min(locations)
}

/// How many of `locations` must have data for a verdict: as many as could agree, and never one alone if there
/// are several.
#[must_use]
pub fn quorum(chosen: Option<u32>, locations: usize) -> usize {
    votes_needed(chosen, locations).max(2).min(locations)
}

/// Name of the stack and prefix of the queues of a location other than the home one.
///
/// A region has a stack with a prober, in that region. Its name has the home region, so that two homes can share
/// a location. Any other location has a stack in the home region with the queue of its agent.
#[must_use]
pub fn stack_name(
    environment: &EnvironmentName,
    home_region: &str,
    location: &LocationName,
) -> String {
    if location.is_region() {
        format!("vigie-{environment}-of-{home_region}")
    } else {
        format!("vigie-{environment}-agent-{location}")
    }
}

/// Name of the queue of runs of such a location.
#[must_use]
pub fn runs_queue_name(
    environment: &EnvironmentName,
    home_region: &str,
    location: &LocationName,
) -> String {
    format!("{}-runs", stack_name(environment, home_region, location))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<LocationName> {
        list.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn probe_runs_at_its_own_deployed_locations() {
        let deployed = names(&["eu-west-3", "us-east-1", "office"]);
        let check = |named: Option<&[&str]>, expected: &[&str], unknown: &[&str]| {
            let placement = Placement { locations: named.map(names), spread: false };
            assert_eq!(placement.among(&deployed).cloned().collect::<Vec<_>>(), names(expected));
            assert_eq!(placement.unknown(&deployed).cloned().collect::<Vec<_>>(), names(unknown));
        };
        check(None, &["eu-west-3", "us-east-1", "office"], &[]);
        check(Some(&["office", "eu-west-3"]), &["eu-west-3", "office"], &[]);
        check(Some(&["us-east-1", "us-west-2"]), &["us-east-1"], &["us-west-2"]);
    }

    #[test]
    fn spread_locations_share_the_interval() {
        let deployed = names(&["a", "b", "c"]);
        let spread = Placement { locations: None, spread: true };
        for (every, expected) in [(180, [0, 60, 120]), (60, [0, 20, 40]), (10, [0, 3, 6])] {
            let every = Duration::from_secs(every);
            let delays = deployed.iter().map(|name| spread.delay(name, &deployed, every).as_secs());
            assert_eq!(delays.collect::<Vec<_>>(), expected);
            assert_eq!(Placement::default().delay(&deployed[2], &deployed, every), Duration::ZERO);
        }
    }

    #[test]
    fn queue_of_a_region_names_its_home() {
        let queue = |location: &str| {
            let (prod, location) = ("prod".parse().unwrap(), location.parse().unwrap());
            runs_queue_name(&prod, "eu-west-3", &location)
        };
        assert_eq!(queue("us-east-1"), "vigie-prod-of-eu-west-3-runs");
        assert_eq!(queue("office"), "vigie-prod-agent-office-runs");
    }

    #[test]
    fn majority_decides_unless_the_probe_says_otherwise() {
        // Locations, chosen, votes, quorum.
        let cases = [
            (1, None, 1, 1),
            (2, None, 2, 2),
            (3, None, 2, 2),
            (4, None, 3, 3),
            (5, None, 3, 3),
            (3, Some(1), 1, 2),
            (3, Some(3), 3, 3),
            (2, Some(3), 2, 2),
        ];
        for (locations, chosen, votes, needed) in cases {
            assert_eq!(votes_needed(chosen, locations), votes, "{locations} {chosen:?}");
            assert_eq!(quorum(chosen, locations), needed, "{locations} {chosen:?}");
        }
    }
}

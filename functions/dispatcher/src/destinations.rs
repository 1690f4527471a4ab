//! The queues of runs, one for each location.

use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesError;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::location::runs_queue_name;
use domain::schedule::{At, Planned, plan, plan_at};
use domain::{EnvironmentName, LocationName, Probe};
use jiff::Timestamp;

use crate::config::{Config, Locations};

/// The queue of a location, and what is planned for it.
pub struct Destination {
    sqs: Sqs,
    queue_url: String,
    /// `None` when the environment has one location.
    location: Option<LocationName>,
    is_home: bool,
}

impl Destination {
    /// The destinations of the environment. `client` makes the SQS client of a region; `None` is the region of
    /// this function.
    #[must_use]
    pub fn all(config: &Config, client: impl Fn(Option<&str>) -> Sqs) -> Vec<Self> {
        let Some(locations) = &config.locations else {
            let queue_url = config.runs_queue_url.clone();
            return vec![Self { sqs: client(None), queue_url, location: None, is_home: true }];
        };
        let of_location = |name: &LocationName| Self {
            sqs: client(Some(name.as_str()).filter(|_| is_away(name, locations))),
            queue_url: queue_url(config, locations, name),
            location: Some(name.clone()),
            is_home: *name == locations.home,
        };
        locations.deployed.iter().map(of_location).collect()
    }

    pub(crate) fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    pub(crate) fn queue_url(&self) -> &str {
        &self.queue_url
    }

    /// The number of messages in the dead-letter queue.
    pub(crate) async fn dead_letters(&self) -> Result<usize, SdkError<GetQueueAttributesError>> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.sqs.get_queue_attributes().queue_url(format!("{}-dead", self.queue_url));
        let answer = request.attribute_names(name.clone()).send().await?;
        let count = answer.attributes().and_then(|all| all.get(&name));
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
    }

    pub(crate) fn is_home(&self) -> bool {
        self.is_home
    }

    /// Name for logs.
    pub(crate) fn name(&self) -> &str {
        self.location.as_ref().map_or("home", LocationName::as_str)
    }

    /// The run requests of a minute.
    pub(crate) fn plan<'p>(
        &self,
        probes: &'p [Probe],
        config: &Config,
        minute: Timestamp,
    ) -> Vec<Planned<'p>> {
        let environment: &EnvironmentName = &config.environment;
        match (&self.location, &config.locations) {
            (Some(location), Some(locations)) => {
                let deployed = &locations.deployed;
                let at = At { location, deployed, scrapes: self.is_home };
                plan_at(probes, environment, minute, at)
            }
            _ => plan(probes, environment, minute),
        }
    }
}

/// Whether the queue is in another region.
fn is_away(name: &LocationName, locations: &Locations) -> bool {
    *name != locations.home && name.is_region()
}

/// The URL of a location's queue. It follows from that of the home queue, since the account is the same. An
/// emulator's URL has no region; its region is part of the signature.
fn queue_url(config: &Config, locations: &Locations, name: &LocationName) -> String {
    if *name == locations.home {
        return config.runs_queue_url.clone();
    }
    let home_region = &locations.home_region;
    let queue = runs_queue_name(&config.environment, home_region, name);
    let (account, _) = config.runs_queue_url.rsplit_once('/').unwrap_or_default();
    let account = if is_away(name, locations) {
        account.replacen(&format!(".{home_region}."), &format!(".{name}."), 1)
    } else {
        account.to_owned()
    };
    format!("{account}/{queue}")
}

/// One message for each location that a probe names and that is not deployed.
pub(crate) fn unknown_locations(probes: &[Probe], locations: Option<&Locations>) -> Vec<String> {
    let Some(Locations { deployed, .. }) = locations else { return Vec::new() };
    let listed = deployed.iter().map(LocationName::as_str).collect::<Vec<_>>().join(", ");
    let of_probe = |probe: &Probe| {
        let message = |name: &LocationName| {
            let probe = &probe.name;
            format!("probe `{probe}`: location `{name}` is not deployed; expected one of {listed}")
        };
        probe.placement.unknown(deployed).map(message).collect::<Vec<_>>()
    };
    probes.iter().filter(|probe| probe.enabled).flat_map(of_probe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn queue_of_each_location_follows_from_the_home_queue() {
        let aws = "https://sqs.eu-west-3.amazonaws.com/123456789012/vigie-prod-runs";
        let emulator = "http://127.0.0.1:4566/000000000000/vigie-prod-runs";
        let cases = [
            (
                aws,
                "https://sqs.us-east-1.amazonaws.com/123456789012",
                "https://sqs.eu-west-3.amazonaws.com/123456789012",
            ),
            (emulator, "http://127.0.0.1:4566/000000000000", "http://127.0.0.1:4566/000000000000"),
        ];
        for (home, region, agent) in cases {
            let env = |name: &str| match name {
                "VIGIE_ENVIRONMENT" => Some("prod".to_owned()),
                "REPORT_BUCKET" => Some("reports".to_owned()),
                "RUNS_QUEUE_URL" => Some(home.to_owned()),
                "LOCATIONS" => Some("eu-west-3,us-east-1, office".to_owned()),
                "AWS_REGION" | "VIGIE_LOCATION" => Some("eu-west-3".to_owned()),
                _ => None,
            };
            let regions = RefCell::new(Vec::new());
            let client = |region: Option<&str>| {
                regions.borrow_mut().push(region.map(str::to_owned));
                aws_smithy_mocks::mock_client!(aws_sdk_sqs, [])
            };
            let all = Destination::all(&Config::from_env(env).unwrap(), client);
            let urls: Vec<&str> = all.iter().map(Destination::queue_url).collect();
            let expected = [
                home.to_owned(),
                format!("{region}/vigie-prod-of-eu-west-3-runs"),
                format!("{agent}/vigie-prod-agent-office-runs"),
            ];
            assert_eq!(urls, expected);
            assert_eq!(*regions.borrow(), [None, Some("us-east-1".to_owned()), None]);
            assert!(all[0].is_home() && !all[1].is_home());
        }
    }
}

//! Whether every probe has its alarm. A probe without one is watched by nobody who would be told: its
//! file came without `vigie render`, or after the last deploy.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::AlarmType;
use domain::alarm::{AlarmKind, AlarmName};
use domain::{EnvironmentName, Probe};
use jiff::{SignedDuration, Timestamp};
use lambda_kit::chain;
use tokio::sync::Mutex;
use tracing::warn;

/// How long an answer holds in which no alarm was missing; one that misses some is asked for anew.
const HOLDS: SignedDuration = SignedDuration::from_hours(1);

/// The alarms that there are, as of a while ago.
pub(crate) struct Alarms {
    client: Client,
    environment: EnvironmentName,
    /// `None`: not asked yet.
    known: Mutex<Option<Known>>,
}

struct Known {
    names: BTreeSet<String>,
    asked: Timestamp,
}

impl Alarms {
    pub(crate) fn new(client: Client, environment: EnvironmentName) -> Self {
        Self { client, environment, known: Mutex::default() }
    }

    /// The enabled probes that have no alarm. When CloudWatch doesn't say, there are none to name.
    pub(crate) async fn missing<'p>(&self, probes: &'p [Probe], now: Timestamp) -> Vec<&'p Probe> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now < known.asked + HOLDS) {
            let missing = self.without(probes, &known.names);
            if missing.is_empty() {
                return missing;
            }
        }
        match self.ask().await {
            Ok(names) => {
                let missing = self.without(probes, &names);
                *known = Some(Known { names, asked: now });
                missing
            }
            Err(error) => {
                warn!(error, "the alarms could not be listed");
                Vec::new()
            }
        }
    }

    fn without<'p>(&self, probes: &'p [Probe], names: &BTreeSet<String>) -> Vec<&'p Probe> {
        let has_none = |probe: &&Probe| {
            let name = AlarmName {
                environment: self.environment.clone(),
                probe: probe.name.clone(),
                kind: AlarmKind::Down,
            };
            !names.contains(&name.to_string())
        };
        probes.iter().filter(|probe| probe.enabled).filter(has_none).collect()
    }

    async fn ask(&self) -> Result<BTreeSet<String>, String> {
        let mut pages = self
            .client
            .describe_alarms()
            .alarm_name_prefix(format!("vigie-{}-", self.environment))
            .alarm_types(AlarmType::MetricAlarm)
            .max_records(100)
            .into_paginator()
            .send();
        let mut names = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| chain(&error))?;
            let alarms = page.metric_alarms().iter();
            names.extend(alarms.filter_map(|alarm| alarm.alarm_name()).map(str::to_owned));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::operation::describe_alarms::{
        DescribeAlarmsError, DescribeAlarmsOutput,
    };
    use aws_sdk_cloudwatch::types::MetricAlarm;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    fn probe(name: &str) -> Probe {
        serde_json::from_value(serde_json::json!({
            "name": name, "every_seconds": 60, "enabled": name != "off", "timeout_seconds": 5,
            "target": { "url": "http://x" }, "retry": { "attempts": 0, "wait_seconds": 1 },
            "objectives": {}, "conversation": [{ "say": "hi" }],
            "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
        }))
        .unwrap()
    }

    fn alarms(rule: &Rule) -> Alarms {
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [rule]);
        Alarms::new(client, "prod".parse().unwrap())
    }

    fn only_of_a() -> Rule {
        mock!(Client::describe_alarms)
            .match_requests(|request| request.alarm_name_prefix() == Some("vigie-prod-"))
            .then_output(|| {
                let named = |name: &str| MetricAlarm::builder().alarm_name(name).build();
                DescribeAlarmsOutput::builder()
                    .metric_alarms(named("vigie-prod-a-down"))
                    .metric_alarms(named("vigie-prod-a-degraded"))
                    .build()
            })
    }

    #[tokio::test]
    async fn a_probe_without_an_alarm_is_named_until_it_has_one() {
        let rule = only_of_a();
        let alarms = alarms(&rule);
        let probes = [probe("a"), probe("b"), probe("off")];
        let start = Timestamp::from_second(1_795_000_020).unwrap();
        for minute in 0..3 {
            let now = start + SignedDuration::from_mins(minute);
            let missing = alarms.missing(&probes, now).await;
            assert_eq!(missing.iter().map(|probe| probe.name.as_str()).collect::<Vec<_>>(), ["b"]);
        }
        assert_eq!(rule.num_calls(), 3);
    }

    #[tokio::test]
    async fn while_none_is_missing_the_alarms_are_listed_once_an_hour() {
        let rule = only_of_a();
        let alarms = alarms(&rule);
        let start = Timestamp::from_second(1_795_000_020).unwrap();
        for minute in 0..61 {
            let now = start + SignedDuration::from_mins(minute);
            assert_eq!(alarms.missing(&[probe("a")], now).await, Vec::<&Probe>::new());
        }
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn when_cloudwatch_does_not_say_nothing_is_missing() {
        let rule =
            mock!(Client::describe_alarms).then_error(|| DescribeAlarmsError::unhandled("away"));
        let now = Timestamp::from_second(1_795_000_020).unwrap();
        assert_eq!(alarms(&rule).missing(&[probe("a")], now).await, Vec::<&Probe>::new());
    }
}

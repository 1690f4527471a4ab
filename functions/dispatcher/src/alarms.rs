//! Finds probes without an alarm. A failure of such a probe notifies no one. It happens when a probe
//! file was added without `vigie render` and a deploy.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsError;
use aws_sdk_cloudwatch::types::AlarmType;
use domain::alarm::{AlarmKind, AlarmName};
use domain::{EnvironmentName, Probe};
use jiff::{SignedDuration, Timestamp};
use lambda_kit::chain;
use tokio::sync::Mutex;
use tracing::warn;

/// How long a list is used in which no alarm is missing. A list with a missing alarm is not reused.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

/// The alarms of the environment, listed from CloudWatch and cached.
pub(crate) struct Alarms {
    client: Client,
    environment: EnvironmentName,
    /// `None` before the first list.
    cached: Mutex<Option<AlarmList>>,
}

struct AlarmList {
    names: BTreeSet<String>,
    listed_at: Timestamp,
}

impl Alarms {
    pub(crate) fn new(client: Client, environment: EnvironmentName) -> Self {
        Self { client, environment, cached: Mutex::default() }
    }

    /// The enabled probes that have no alarm; none when the alarms could not be listed.
    pub(crate) async fn missing<'p>(&self, probes: &'p [Probe], now: Timestamp) -> Vec<&'p Probe> {
        let mut cached = self.cached.lock().await;
        if let Some(list) = cached.as_ref().filter(|list| now < list.listed_at + MAX_AGE) {
            let missing = self.without(probes, &list.names);
            if missing.is_empty() {
                return missing;
            }
        }
        match self.list().await {
            Ok(names) => {
                let missing = self.without(probes, &names);
                *cached = Some(AlarmList { names, listed_at: now });
                missing
            }
            Err(error) => {
                warn!(error = chain(&error), "Listing the alarms failed");
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

    async fn list(&self) -> Result<BTreeSet<String>, SdkError<DescribeAlarmsError>> {
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
            let page = page?;
            let alarms = page.metric_alarms().iter();
            names.extend(alarms.filter_map(|alarm| alarm.alarm_name()).map(str::to_owned));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
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
    async fn probe_without_alarm_is_listed_every_minute() {
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
    async fn complete_list_is_cached_for_an_hour() {
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
    async fn failed_list_reports_no_missing_alarm() {
        let rule =
            mock!(Client::describe_alarms).then_error(|| DescribeAlarmsError::unhandled("away"));
        let now = Timestamp::from_second(1_795_000_020).unwrap();
        assert_eq!(alarms(&rule).missing(&[probe("a")], now).await, Vec::<&Probe>::new());
    }
}

//! Alarms of the probes and of Vigie itself.

use std::fmt::Write as _;

use testkit::template::{CloudFormation, Resource};

const INTRODUCTION: &str = "What to do about each alarm is in the [runbook](../runbook.md).

## Alarms of a probe

`vigie render` writes two alarms for each probe into `infra/alarms.yaml`. The period is the interval of the probe, \
and the rules are those of `alarm` in the [probe file](probe-file.md#alarm). Notifications go through \
`vigie-ENV-alarms` to the function `vigie-ENV-alerts`.

| alarm | ALARM | INSUFFICIENT_DATA | default rule | severity |
| --- | --- | --- | --- | --- |
| `vigie-ENV-PROBE-down` | the bot is down | no data: the state of the bot is unknown | 2 of 3 runs | `page` |
| `vigie-ENV-PROBE-degraded` | the bot is slow, or passes only on retry | no notification | 3 of 5 runs | `ticket` |

## Alarms about Vigie itself

CloudWatch sends these directly to the topic `vigie-ENV-self-monitoring`. No function of Vigie is on the way.

| alarm | metric | rule | meaning and action |
| --- | --- | --- | --- |
";

pub(super) fn page() -> String {
    let stack = CloudFormation::load("self-monitoring.yaml");
    let mut page = INTRODUCTION.to_owned();
    let mut alarms: Vec<Resource<'_>> = stack.of_type("AWS::CloudWatch::Alarm").collect();
    alarms.sort_by_key(|alarm| name(*alarm));
    for alarm in alarms {
        let description = alarm.get("/AlarmDescription");
        let description =
            description["Fn::Sub"].as_str().or(description.as_str()).unwrap_or_default();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            name(alarm),
            metric(alarm),
            rule(alarm),
            super::cell(&description.replace("${Environment}", "ENV")),
        );
    }
    page.push_str(
        "\nAn alarm with `Metric math` is created on AWS only, alarms of the bridge, the metric stream and the \
         escalation only when these are deployed.\n",
    );
    page
}

fn name(alarm: Resource<'_>) -> String {
    let name = alarm.get("/AlarmName")["Fn::Sub"].as_str().expect("a name");
    name.replace("${Environment}", "ENV")
}

fn metric(alarm: Resource<'_>) -> String {
    match alarm.get("/MetricName").as_str() {
        None => "Metric math".to_owned(),
        Some(name) => {
            format!("`{}` `{name}`", alarm.get("/Namespace").as_str().unwrap_or_default())
        }
    }
}

/// Such as `Sum ≥ 1 in 2 of 3 periods of 60 s`.
fn rule(alarm: Resource<'_>) -> String {
    let number = |pointer: &str| alarm.get(pointer).to_string();
    let comparison = match alarm.get("/ComparisonOperator").as_str().unwrap_or_default() {
        "GreaterThanOrEqualToThreshold" => "≥",
        "GreaterThanThreshold" => ">",
        "LessThanThreshold" => "<",
        "LessThanOrEqualToThreshold" => "≤",
        other => panic!("unknown comparison `{other}`"),
    };
    let statistic = alarm.get("/Statistic").as_str().unwrap_or("value");
    let period =
        alarm.get("/Period").as_u64().or(alarm.get("/Metrics/1/MetricStat/Period").as_u64());
    format!(
        "{statistic} {comparison} {} in {} of {} periods of {} s",
        number("/Threshold"),
        number("/DatapointsToAlarm"),
        number("/EvaluationPeriods"),
        period.unwrap_or_default(),
    )
}

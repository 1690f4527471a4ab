//! Alarms of the probes and of Vigie itself.

use std::fmt::Write as _;

use testkit::template::{CloudFormation, Resource};

const INTRODUCTION: &str = "What to do about each alarm is in the [runbook](../runbook.md).

## Alarms of a probe

`vigie render` writes the alarms of each probe into `infra/alarms.yaml`. The period of `down` and `degraded` is the \
interval of the probe, and the rules are those of `alarm` in the [probe file](probe-file.md#alarm). Notifications go through \
`vigie-ENV-alarms` to the function `vigie-ENV-alerts`.

| alarm | ALARM | INSUFFICIENT_DATA | default rule | severity |
| --- | --- | --- | --- | --- |
| `vigie-ENV-PROBE-down` | the bot is down | no data: the state of the bot is unknown | 2 of 3 runs | `page` |
| `vigie-ENV-PROBE-degraded` | the bot is slow, or passes only on retry | no notification | 3 of 5 runs | `ticket` |
| `vigie-ENV-PROBE-budget-fast` | with `objective`: the error budget burns 14.4 times as fast as allowed | no notification | 1 h and 5 min | `page` |
| `vigie-ENV-PROBE-budget-slow` | with `objective`: the error budget burns 3 times as fast as allowed | no notification | 1 d | `ticket` |
| `vigie-ENV-PROBE-certificate-21d` | the TLS certificate expires in less than 21 days | no notification | lowest value of 1 h | `ticket` |
| `vigie-ENV-PROBE-certificate-3d` | the TLS certificate expires in less than 3 days | no notification | lowest value of 1 h | `page` |

The alarms of the error budget are described in [alerting](../alerting.md#error-budget). They exist on AWS only, and \
`budget-fast` has two alarms as its parts, `budget-long` and `budget-short`, which notify no one. A target whose address \
begins with `http://` has no alarms on the certificate.

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

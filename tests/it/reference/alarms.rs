//! Alarms of the probes and of Vigie itself.

use std::fmt::Write as _;

use domain::{AlarmKind, AlarmRule, ExtraAlarm, LocationAlarmName, Severity};
use testkit::template::{CloudFormation, Resource};

const INTRODUCTION: &str = "What to do about each alarm is in the [runbook](../runbook.md).

## Alarms of a probe

`vigie render` writes the alarms of each probe into `infra/alarms.yaml`. The period of `down` and `degraded` is the \
interval of the probe, and the rules are those of `alarm` in the [probe file](probe-file.md#alarm). Notifications go through \
`vigie-ENV-alarms` to the function `vigie-ENV-alerts`.

| alarm | ALARM | INSUFFICIENT_DATA | default rule | severity |
| --- | --- | --- | --- | --- |
";

const AFTER_THE_PROBES: &str = "
At several [locations](../locations.md), `down` and `degraded` count the locations whose runs failed or were degraded.

The alarms of the error budget are described in [alerting](../alerting.md#error-budget). They exist on AWS only, and \
`budget-fast` has two alarms as its parts, `vigie-ENV-PROBE-budget-long` and `vigie-ENV-PROBE-budget-short`, which notify \
no one. A target whose address begins with `http://` has no alarms on the certificate.

## Alarms about Vigie itself

CloudWatch sends these directly to the topic `vigie-ENV-self-monitoring`. No function of Vigie is on the way.

| alarm | metric | rule | meaning and action |
| --- | --- | --- | --- |
";

/// An alarm of a probe.
struct OfProbe {
    /// What follows `vigie-ENV-PROBE-`.
    suffix: String,
    alarm: &'static str,
    no_data: &'static str,
    rule: String,
    severity: Severity,
}

fn on_verdicts(kind: AlarmKind) -> OfProbe {
    let rule = AlarmRule::default();
    let (alarm, no_data, m_of_n, severity) = match kind {
        AlarmKind::Down => (
            "the bot is down",
            "no data: the state of the bot is unknown",
            rule.down,
            rule.severity,
        ),
        AlarmKind::Degraded => (
            "the bot is slow, or passes only on retry",
            NO_NOTIFICATION,
            rule.degraded,
            Severity::Ticket,
        ),
    };
    let (suffix, rule) = (kind.as_str().to_owned(), format!("{m_of_n} runs"));
    OfProbe { suffix, alarm, no_data, rule, severity }
}

const NO_NOTIFICATION: &str = "no notification";

fn at_a_location() -> OfProbe {
    let name = LocationAlarmName {
        environment: "env".parse().expect("a name"),
        probe: "probe".parse().expect("a name"),
        location: "location".parse().expect("a name"),
    };
    let name = name.to_string();
    let suffix = name.strip_prefix("vigie-env-probe-").expect("the start of every name");
    OfProbe {
        suffix: suffix.replace("location", "LOCATION"),
        alarm: "with several locations: the bot is down from this one",
        no_data: "no data from this location, which then has no vote",
        rule: format!("{} runs", AlarmRule::default().down),
        severity: Severity::Ticket,
    }
}

fn extra(kind: ExtraAlarm) -> OfProbe {
    let (alarm, rule) = match kind {
        ExtraAlarm::BudgetFast => (
            "with `objective`: the error budget burns 14.4 times as fast as allowed",
            "1 h and 5 min",
        ),
        ExtraAlarm::BudgetSlow => {
            ("with `objective`: the error budget burns 3 times as fast as allowed", "1 d")
        }
        ExtraAlarm::CertificateTicket => {
            ("the TLS certificate expires in less than 21 days", "lowest value of 1 h")
        }
        ExtraAlarm::CertificatePage => {
            ("the TLS certificate expires in less than 3 days", "lowest value of 1 h")
        }
    };
    let (suffix, rule) = (kind.as_str().to_owned(), rule.to_owned());
    OfProbe { suffix, alarm, no_data: NO_NOTIFICATION, rule, severity: kind.severity() }
}

fn of_probe() -> String {
    let verdicts =
        [on_verdicts(AlarmKind::Down), at_a_location(), on_verdicts(AlarmKind::Degraded)];
    let row = |alarm: OfProbe| {
        let OfProbe { suffix, alarm, no_data, rule, severity } = alarm;
        let severity = severity.as_str();
        format!("| `vigie-ENV-PROBE-{suffix}` | {alarm} | {no_data} | {rule} | `{severity}` |\n")
    };
    verdicts.into_iter().chain(ExtraAlarm::ALL.map(extra)).map(row).collect()
}

pub(super) fn page() -> String {
    let stack = CloudFormation::load("self-monitoring.yaml");
    let mut page = [INTRODUCTION, &of_probe(), AFTER_THE_PROBES].concat();
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

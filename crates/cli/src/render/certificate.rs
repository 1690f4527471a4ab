//! The alarms on the expiry of the certificate: a ticket 21 days before, a page 3 days before.

use domain::probe::PerEnvironment;
use domain::{ExtraAlarm, ProbeSpec, Template};

use super::alarm::{base_id, extra_description, quoted};

const HOUR: u64 = 3_600;

/// The two alarms; none if the target is reached without TLS.
pub(super) fn alarms(probe: &ProbeSpec, condition: Option<&str>) -> Vec<(String, String)> {
    if !may_use_tls(probe) {
        return Vec::new();
    }
    let kinds = [(ExtraAlarm::CertificateTicket, 21), (ExtraAlarm::CertificatePage, 3)];
    kinds.map(|(kind, days)| alarm(probe, kind, days, condition)).into()
}

/// Whether an address of the target begins with `https`, or with a variable whose value is not known here.
pub(super) fn may_use_tls(probe: &ProbeSpec) -> bool {
    let uses = |url: &Template| !url.to_string().starts_with("http://");
    match &probe.target.url {
        PerEnvironment::Same(url) => uses(url),
        PerEnvironment::By(urls) => urls.values().any(uses),
    }
}

fn alarm(
    probe: &ProbeSpec,
    kind: ExtraAlarm,
    days: u32,
    condition: Option<&str>,
) -> (String, String) {
    let name = &probe.name;
    let id = format!("{}Certificate{days}d", base_id(name.as_str()));
    let suffix = kind.as_str();
    let sentence = format!("The TLS certificate of {name} expires in less than {days} days.");
    let description = quoted(&extra_description(probe, kind, &sentence));
    let condition = condition.map_or_else(String::new, |name| format!("    Condition: {name}\n"));
    // The lowest value of an hour: hosts behind one name can have different certificates.
    let period = probe.every.as_secs().max(HOUR);
    let text = format!(
        "  {id}:
    Type: AWS::CloudWatch::Alarm
{condition}    Properties:
      AlarmName: !Sub vigie-${{Environment}}-{name}-{suffix}
      AlarmDescription: {description}
      Namespace: Vigie
      MetricName: CertificateDaysLeft
      Dimensions: [{{ Name: Environment, Value: !Ref Environment }}, {{ Name: Probe, Value: \"{name}\" }}]
      Statistic: Minimum
      Period: {period}
      EvaluationPeriods: 1
      DatapointsToAlarm: 1
      ComparisonOperator: LessThanThreshold
      Threshold: {days}
      TreatMissingData: ignore
      AlarmActions: [!Ref AlarmsTopicArn]
      OKActions: [!Ref AlarmsTopicArn]
"
    );
    (id, text)
}

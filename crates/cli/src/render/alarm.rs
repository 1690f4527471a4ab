//! The two alarms of one probe.
//!
//! The objectives are already in the verdict, so an alarm only counts verdicts: its period is the
//! probe's interval, and each run, stamped with its due time, gives exactly one value to a period.
//! Should a period get two all the same (a run made twice because the table failed), the better
//! one holds: `Maximum` of `Success`, and for `Degraded` the worse, since that only counts.
//!
//! `down` treats missing data as missing and reports `INSUFFICIENT_DATA`: `ALARM` says the bot is down,
//! `INSUFFICIENT_DATA` that we are blind, and a first deploy or a new probe, which begin without
//! data, page nobody. `degraded` keeps its state without data: it has nothing to add to that.

use std::time::Duration;

use domain::alarm_note::{LONGEST_DESCRIPTION, Note};
use domain::report::stable_hash;
use domain::{AlarmKind, MOfN, ProbeSpec, Severity};

use super::condition::capitalised;
use super::{RenderError, looks_back, most};

/// Why CloudWatch would refuse this probe's alarms.
pub(super) fn refused(probe: &ProbeSpec) -> Vec<RenderError> {
    let every_seconds = probe.every.as_secs();
    let kinds = [AlarmKind::Down, AlarmKind::Degraded];
    let mut errors: Vec<RenderError> = kinds
        .into_iter()
        .map(|kind| (kind, rule(probe, kind)))
        .filter(|(_, rule)| looks_back(*rule, every_seconds) > most(every_seconds))
        .map(|(kind, rule)| RenderError::LooksBackTooFar {
            probe: probe.name.clone(),
            kind,
            rule,
            every_seconds,
        })
        .collect();
    let characters = kinds.map(|kind| description(probe, kind).chars().count());
    let characters = characters.into_iter().max().unwrap_or(0);
    if characters > LONGEST_DESCRIPTION {
        errors.push(RenderError::DescriptionTooLong { probe: probe.name.clone(), characters });
    }
    errors
}

fn rule(probe: &ProbeSpec, kind: AlarmKind) -> MOfN {
    match kind {
        AlarmKind::Down => probe.alarm.down,
        AlarmKind::Degraded => probe.alarm.degraded,
    }
}

/// The alarm as a resource of the stack.
pub(super) fn resource(probe: &ProbeSpec, kind: AlarmKind, condition: Option<&str>) -> String {
    let id = logical_id(probe.name.as_str(), kind);
    let condition = condition.map_or_else(String::new, |name| format!("    Condition: {name}\n"));
    let description = quoted(&description(probe, kind));
    let name = probe.name.as_str();
    let suffix = kind.as_str();
    let rule = rule(probe, kind);
    let (n, m) = (rule.n(), rule.m());
    let period = probe.every.as_secs();
    let (metric, comparison, missing) = match kind {
        AlarmKind::Down => ("Success", "LessThanThreshold", "missing"),
        AlarmKind::Degraded => ("Degraded", "GreaterThanOrEqualToThreshold", "ignore"),
    };
    let blind = match kind {
        AlarmKind::Down => "      InsufficientDataActions: [!Ref AlarmsTopicArn]\n",
        AlarmKind::Degraded => "",
    };
    format!(
        "  {id}:
    Type: AWS::CloudWatch::Alarm
{condition}    Properties:
      AlarmName: !Sub vigie-${{Environment}}-{name}-{suffix}
      AlarmDescription: {description}
      Namespace: Vigie
      MetricName: {metric}
      Dimensions: [{{ Name: Environment, Value: !Ref Environment }}, {{ Name: Probe, Value: \"{name}\" }}]
      Statistic: Maximum
      Period: {period}
      EvaluationPeriods: {n}
      DatapointsToAlarm: {m}
      ComparisonOperator: {comparison}
      Threshold: 1
      TreatMissingData: {missing}
      AlarmActions: [!Ref AlarmsTopicArn]
      OKActions: [!Ref AlarmsTopicArn]
{blind}"
    )
}

/// What a person reads in the console, and in the last line what `alerts` routes by.
fn description(probe: &ProbeSpec, kind: AlarmKind) -> String {
    let rule = rule(probe, kind);
    let name = &probe.name;
    let every = interval(probe.every);
    let sentence = match kind {
        AlarmKind::Down => format!(
            "{name} is down: {rule} runs failed, {every}. \
             INSUFFICIENT_DATA: no results, so the state of the bot is unknown."
        ),
        AlarmKind::Degraded => {
            format!("{name} is slow: {rule} runs were slow or passed only on retry, {every}.")
        }
    };
    let severity = match kind {
        AlarmKind::Down => probe.alarm.severity,
        AlarmKind::Degraded => Severity::Ticket,
    };
    let note = Note {
        severity: Some(severity),
        runbook: probe.runbook.clone(),
        labels: probe.labels.clone(),
    };
    format!("{sentence}\n{}", note.line())
}

fn interval(every: Duration) -> String {
    match every.as_secs() {
        60 => "one a minute".to_owned(),
        seconds if seconds < 60 => format!("one every {seconds} s"),
        seconds => format!("one every {} min", seconds / 60),
    }
}

/// `SupportBotDown`: letters and digits only, and another one for every name.
///
/// A pure function of the name: an alarm whose logical id changed would be made anew under the
/// name that the old one still has. Names that their capitals don't tell apart (`bot-1`, `bot1`)
/// get a few digits of their hash.
pub(super) fn logical_id(name: &str, kind: AlarmKind) -> String {
    let plain = capitalised(name);
    let ambiguous =
        name.split('-').skip(1).any(|word| !word.starts_with(|c: char| c.is_ascii_lowercase()));
    let hash =
        if ambiguous { format!("{:06x}", stable_hash(name) & 0x00ff_ffff) } else { String::new() };
    format!("{plain}{hash}{}", capitalised(kind.as_str()))
}

/// A double-quoted YAML scalar. What JSON escapes, YAML reads the same way.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

//! The two alarms on the verdicts of a probe.
//!
//! The verdict already includes the objectives, so an alarm only counts verdicts. Its period is the probe's
//! interval. A run is stamped with its due time, so each period has exactly one value. If a run was made
//! twice, because the table was unavailable, a period has two: `Maximum` then takes the better value of
//! `Success` and the worse value of `Degraded`.
//!
//! `down` treats missing data as missing: `ALARM` means that the target is down, and `INSUFFICIENT_DATA` means
//! no data. A new probe begins in `INSUFFICIENT_DATA` and notifies no one. `degraded` keeps its state without
//! data.

use std::time::Duration;

use domain::alarm_note::{LONGEST_DESCRIPTION, Note};
use domain::report::stable_hash;
use domain::{AlarmKind, ExtraAlarm, MOfN, ProbeSpec, Severity};

use super::condition::capitalised;
use super::{RenderError, evaluated, longest};

/// Reasons why CloudWatch would reject this probe's alarms. `longest_located`: characters of the longest description of
/// its alarms at several locations.
pub(super) fn refused(probe: &ProbeSpec, longest_located: usize) -> Vec<RenderError> {
    let every_seconds = probe.every.as_secs();
    let kinds = [AlarmKind::Down, AlarmKind::Degraded];
    let mut errors: Vec<RenderError> = kinds
        .into_iter()
        .map(|kind| (kind, rule(probe, kind)))
        .filter(|(_, rule)| evaluated(*rule, every_seconds) > longest(every_seconds))
        .map(|(kind, rule)| RenderError::EvaluationTooLong {
            probe: probe.name.clone(),
            kind,
            rule,
            every_seconds,
        })
        .collect();
    let characters = kinds.map(|kind| description(probe, kind).chars().count());
    let characters = characters.into_iter().max().unwrap_or(0).max(longest_located);
    if characters > LONGEST_DESCRIPTION {
        errors.push(RenderError::DescriptionTooLong { probe: probe.name.clone(), characters });
    }
    errors
}

pub(super) fn rule(probe: &ProbeSpec, kind: AlarmKind) -> MOfN {
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
    let no_data_actions = match kind {
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
{no_data_actions}"
    )
}

/// Text for the console, and a last line with the fields that `alerts` uses for routing.
pub(super) fn description(probe: &ProbeSpec, kind: AlarmKind) -> String {
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
    with_note(probe, severity, &sentence)
}

/// The description of an alarm beside those on the verdicts.
pub(super) fn extra_description(probe: &ProbeSpec, kind: ExtraAlarm, sentence: &str) -> String {
    with_note(probe, kind.severity(), sentence)
}

fn with_note(probe: &ProbeSpec, severity: Severity, sentence: &str) -> String {
    format!("{sentence}\n{}", note_line(probe, severity))
}

/// The line with the fields that `alerts` uses for routing.
pub(super) fn note_line(probe: &ProbeSpec, severity: Severity) -> String {
    let note = Note {
        severity: Some(severity),
        runbook: probe.runbook.clone(),
        labels: probe.labels.clone(),
        objective: probe.objective,
    };
    note.line()
}

pub(super) fn interval(every: Duration) -> String {
    match every.as_secs() {
        60 => "one a minute".to_owned(),
        seconds if seconds < 60 => format!("one every {seconds} s"),
        seconds => format!("one every {} min", seconds / 60),
    }
}

/// A logical ID such as `SupportBotDown`: letters and digits only, and different for each name.
///
/// It depends only on the name. CloudFormation would create an alarm whose logical ID changed before it
/// deletes the old one, which has the same alarm name. Names that differ only by hyphens (`bot-1`, `bot1`)
/// get a few digits of their hash.
pub(super) fn logical_id(name: &str, kind: AlarmKind) -> String {
    base_id(name) + &capitalised(kind.as_str())
}

/// The part of the logical IDs that depends on the name.
pub(super) fn base_id(name: &str) -> String {
    let plain = capitalised(name);
    let ambiguous =
        name.split('-').skip(1).any(|word| !word.starts_with(|c: char| c.is_ascii_lowercase()));
    let hash =
        if ambiguous { format!("{:06x}", stable_hash(name) & 0x00ff_ffff) } else { String::new() };
    plain + &hash
}

/// A double-quoted YAML scalar, which has the syntax of a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

//! The nested stack as CloudFormation reads it.

use std::collections::BTreeSet;
use std::fmt::Write;

use domain::{AlarmKind, ProbeSpec};

use super::alarm::{logical_id, resource};
use super::condition::{Conditions, Environments, any_of, of_probe};
use super::{ALARMS_FILE, RenderedFile, Shards};

/// What CloudFormation takes in one stack.
pub(super) const MOST_RESOURCES: usize = 500;
/// The name of the file when there is only one.
pub(super) const ONLY: &str = ALARMS_FILE;

/// Alarms that one mute rule may name.
const ALARMS_A_MUTE_RULE: usize = 100;
/// Alarms that the dashboard's widget shows; it takes 100 and has one of its own. They come in
/// four parts, each an output of the stack.
const ALARMS_SHOWN: usize = 96;
const PARTS: usize = 4;

const HEAD: &str = "AWSTemplateFormatVersion: \"2010-09-09\"
# Rendered by `vigie render` from probes/. Not to be edited: the next rendering would undo it.
";

const PARAMETERS: &str = "Parameters:
  Environment:
    Type: String
    Description: Name of the environment
  Platform:
    Type: String
    Description: aws, or emulator to leave out mute rules
  AlarmsTopicArn:
    Type: String
    Description: Where the alarms go
  MaintenanceSchedule:
    Type: String
    Description: When a maintenance window begins; empty means no window
  MaintenanceDuration:
    Type: String
    Description: How long a maintenance window lasts
  MaintenanceTimeZone:
    Type: String
    Description: Time zone of the maintenance window
";

pub(super) fn shard_file(shard: u32) -> String {
    format!("alarms-{shard:02}.yaml")
}

/// Whether a file of this name may be one of ours.
pub(super) fn is_shard_file(name: &str) -> bool {
    let number = name.strip_prefix("alarms-").and_then(|rest| rest.strip_suffix(".yaml"));
    number
        .is_some_and(|number| number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// How many resources the stack of these probes has, those of other environments included:
/// CloudFormation counts before it looks at conditions.
pub(super) fn resources(probes: &[&ProbeSpec]) -> usize {
    let alarms = 2 * probes.len();
    1 + alarms + alarms.div_ceil(ALARMS_A_MUTE_RULE)
}

/// An alarm with the environments that have it.
struct Alarm {
    id: String,
    environments: Environments,
}

/// A stack of alarms.
pub(super) fn of_alarms(probes: &[&ProbeSpec], name: &str, shards: Shards) -> RenderedFile {
    let conditions = Conditions::of(probes);
    // First every `down`: the widget and the mute rules take them in this order.
    let alarms: Vec<Alarm> = [AlarmKind::Down, AlarmKind::Degraded]
        .into_iter()
        .flat_map(|kind| probes.iter().map(move |probe| (kind, probe)))
        .map(|(kind, probe)| Alarm {
            id: logical_id(probe.name.as_str(), kind),
            environments: of_probe(probe),
        })
        .collect();

    let mut text = format!("{HEAD}Description: The alarms of the probes\n{}", metadata(shards));
    text.push_str(PARAMETERS);
    text.push_str("Conditions:\n");
    text.push_str("  Maintenance: !And [!Equals [!Ref Platform, aws], !Not [!Equals [!Ref MaintenanceSchedule, \"\"]]]\n");
    text.push_str(&conditions.definitions());
    let chunks: Vec<&[Alarm]> = alarms.chunks(ALARMS_A_MUTE_RULE).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        if let Some(some) = any_there(chunk, &conditions) {
            let _ =
                writeln!(text, "  Maintenance{}: !And [!Condition Maintenance, {some}]", index + 1);
        }
    }
    text.push_str("Resources:\n");
    // A stack must have something in it in every environment.
    text.push_str("  Nothing:\n    Type: AWS::CloudFormation::WaitConditionHandle\n");
    for probe in probes {
        for kind in [AlarmKind::Down, AlarmKind::Degraded] {
            text.push_str(&resource(probe, kind, conditions.name(&of_probe(probe))));
        }
    }
    for (index, chunk) in chunks.iter().enumerate() {
        text.push_str(&mute_rule(index, chunk, &conditions, name));
    }
    text.push_str(&outputs(&alarms, &conditions, shards));
    RenderedFile { name: name.to_owned(), text }
}

fn metadata(shards: Shards) -> String {
    // A stack without probes uses few of its parameters, and one with shards names files.
    let ignored = if shards == Shards::ONE { "W2001, W8001" } else { "W2001, W3002, W8001" };
    format!(
        "Metadata:
  Vigie:
    Shards: {}
  # Unused where a stack has no alarm; paths that `sam deploy` turns into addresses.
  cfn-lint: {{ config: {{ ignore_checks: [{ignored}] }} }}
",
        shards.count()
    )
}

/// The conditions of these alarms, each once; `None` when one alarm is everywhere.
fn conditions_of<'a>(alarms: &[Alarm], conditions: &'a Conditions) -> Option<BTreeSet<&'a str>> {
    alarms.iter().map(|alarm| conditions.name(&alarm.environments)).collect()
}

/// Whether any of these alarms is there at all; `None` when one is everywhere.
fn any_there(alarms: &[Alarm], conditions: &Conditions) -> Option<String> {
    let names = conditions_of(alarms, conditions)?;
    Some(any_of(names.iter().map(|name| format!("!Condition {name}")).collect()))
}

fn mute_rule(index: usize, alarms: &[Alarm], conditions: &Conditions, file: &str) -> String {
    let number = index + 1;
    let condition = match any_there(alarms, conditions) {
        Some(_) => format!("Maintenance{number}"),
        None => "Maintenance".to_owned(),
    };
    let shard = file.trim_start_matches("alarms").trim_end_matches(".yaml");
    let mut text = format!(
        "  MaintenanceWindow{number}:
    Type: AWS::CloudWatch::AlarmMuteRule
    Condition: {condition}
    Properties:
      Name: !Sub vigie-${{Environment}}-maintenance{shard}-{number}
      Rule:
        Schedule:
          Expression: !Ref MaintenanceSchedule
          Duration: !Ref MaintenanceDuration
          Timezone: !Ref MaintenanceTimeZone
      MuteTargets:
        AlarmNames:
"
    );
    // Where all share one condition the rule has it too, and needs not ask again.
    let alike = conditions_of(alarms, conditions).is_some_and(|names| names.len() == 1);
    for alarm in alarms {
        let id = &alarm.id;
        let _ = match conditions.name(&alarm.environments).filter(|_| !alike) {
            Some(name) => writeln!(text, "          - !If [{name}, !Ref {id}, !Ref AWS::NoValue]"),
            None => writeln!(text, "          - !Ref {id}"),
        };
    }
    text
}

/// The alarms' ARNs as the dashboard's JSON takes them: each after a comma, a space for none.
fn outputs(alarms: &[Alarm], conditions: &Conditions, shards: Shards) -> String {
    let parts = if shards == Shards::ONE { PARTS } else { 1 };
    let each = ALARMS_SHOWN / PARTS.max(shards.count() as usize);
    let shown = &alarms[..alarms.len().min(parts * each)];
    let mut text = "Outputs:\n".to_owned();
    for part in 0..parts {
        let here = shown.chunks(each).nth(part).unwrap_or_default();
        let _ = writeln!(text, "  Alarms{}:", part + 1);
        text.push_str("    Description: Alarms for the dashboard\n");
        if here.is_empty() {
            text.push_str("    Value: \" \"\n");
            continue;
        }
        text.push_str("    Value: !Join\n      - \"\"\n      - - \" \"\n");
        for alarm in here {
            let arn = format!("!Sub ', \"${{{}.Arn}}\"'", alarm.id);
            let _ = match conditions.name(&alarm.environments) {
                Some(name) => writeln!(text, "        - !If [{name}, {arn}, \"\"]"),
                None => writeln!(text, "        - {arn}"),
            };
        }
    }
    text
}

/// The list of shards, each a stack of its own.
pub(super) fn of_shards(shards: Shards) -> RenderedFile {
    let mut text =
        format!("{HEAD}Description: The stacks of the probes' alarms\n{}", metadata(shards));
    text.push_str(PARAMETERS);
    text.push_str("Resources:\n");
    for shard in 0..shards.count() {
        let file = shard_file(shard);
        let _ = write!(
            text,
            "  Shard{shard:02}:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {file}
      Parameters:
        Environment: !Ref Environment
        Platform: !Ref Platform
        AlarmsTopicArn: !Ref AlarmsTopicArn
        MaintenanceSchedule: !Ref MaintenanceSchedule
        MaintenanceDuration: !Ref MaintenanceDuration
        MaintenanceTimeZone: !Ref MaintenanceTimeZone
"
        );
    }
    text.push_str("Outputs:\n");
    let each = shards.count() as usize / PARTS;
    let all: Vec<u32> = (0..shards.count()).collect();
    for (part, here) in all.chunks(each).enumerate() {
        let _ = writeln!(text, "  Alarms{}:", part + 1);
        text.push_str("    Description: Alarms for the dashboard\n");
        text.push_str("    Value: !Join\n      - \"\"\n");
        for (index, shard) in here.iter().enumerate() {
            let bullet = if index == 0 { "      - - " } else { "        - " };
            let _ = writeln!(text, "{bullet}!GetAtt Shard{shard:02}.Outputs.Alarms1");
        }
    }
    RenderedFile { name: ALARMS_FILE.to_owned(), text }
}

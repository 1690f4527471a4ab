//! Mute rules for the maintenance windows of a probe. Each mutes the alarms of this probe only.

use std::fmt::Write;

use domain::{Maintenance, ProbeSpec};

use super::alarm::{base_id, quoted};

/// An alarm of the probe.
pub(super) struct Muted<'a> {
    pub(super) id: &'a str,
    /// Its condition, if there are environments with the mute rule and without the alarm.
    pub(super) condition: Option<&'a str>,
}

/// One mute rule for each window.
pub(super) fn mute_rules(probe: &ProbeSpec, alarms: &[Muted<'_>], condition: &str) -> String {
    let windows = probe.maintenance.iter().enumerate();
    windows.map(|(index, window)| rule(probe, index + 1, window, alarms, condition)).collect()
}

fn rule(
    probe: &ProbeSpec,
    number: usize,
    window: &Maintenance,
    alarms: &[Muted<'_>],
    condition: &str,
) -> String {
    let name = &probe.name;
    let id = base_id(name.as_str());
    let minutes = window.length.as_secs() / 60;
    let expression = quoted(&format!("cron({})", window.cron));
    let mut text = format!(
        "  {id}Maintenance{number}:
    Type: AWS::CloudWatch::AlarmMuteRule
    Condition: {condition}
    Properties:
      Name: !Sub vigie-${{Environment}}-{name}-maintenance-{number}
      Rule:
        Schedule:
          Expression: {expression}
          Duration: PT{minutes}M
          Timezone: {}
      MuteTargets:
        AlarmNames:
",
        window.time_zone
    );
    for Muted { id, condition } in alarms {
        let _ = match condition {
            Some(name) => writeln!(text, "          - !If [{name}, !Ref {id}, !Ref AWS::NoValue]"),
            None => writeln!(text, "          - !Ref {id}"),
        };
    }
    text
}

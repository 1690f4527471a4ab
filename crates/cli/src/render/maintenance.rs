//! Mute rules for the maintenance windows of a probe. Each mutes the alarms of this probe only.

use std::fmt::Write;

use domain::{Maintenance, ProbeSpec};

use super::alarm::{base_id, quoted};

/// One mute rule for each window.
pub(super) fn mute_rules(probe: &ProbeSpec, alarms: &[&str], condition: &str) -> String {
    let windows = probe.maintenance.iter().enumerate();
    windows.map(|(index, window)| rule(probe, index + 1, window, alarms, condition)).collect()
}

fn rule(
    probe: &ProbeSpec,
    number: usize,
    window: &Maintenance,
    alarms: &[&str],
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
    for alarm in alarms {
        let _ = writeln!(text, "          - !Ref {alarm}");
    }
    text
}

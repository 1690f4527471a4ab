//! The alarms of a probe that runs at several locations in some environments.
//!
//! An alarm keeps its logical ID when locations are added: CloudFormation would create a second alarm of the same
//! name before it deletes the first. So the properties differ by condition, and not the resources.

use std::collections::BTreeSet;

use domain::{AlarmKind, EnvironmentName, LocationName, ProbeSpec, Severity};

use super::alarm::{interval, logical_id, note_line, quoted, rule};
use super::condition::{Conditions, capitalised, of_probe};
use super::locations::{Group, by_location, dimensions};

/// A property: its text for one location, and for each group. `None` leaves it out.
struct Property<'a> {
    name: &'a str,
    plain: Option<Text>,
    located: Vec<Option<Text>>,
}

/// The text of a property's value.
#[derive(Clone, PartialEq, Eq)]
enum Text {
    Line(String),
    /// A list with one item on each line.
    Items(Vec<String>),
}

impl Text {
    fn line(text: impl Into<String>) -> Self {
        Self::Line(text.into())
    }
}

/// The alarm `down` or `degraded`. `conditions` has the sets of environments of the probe and of the groups.
pub(super) fn resource(
    probe: &ProbeSpec,
    kind: AlarmKind,
    groups: &[Group],
    conditions: &Conditions,
) -> String {
    let id = logical_id(probe.name.as_str(), kind);
    let condition = conditions.name(&of_probe(probe));
    let condition = condition.map_or_else(String::new, |name| format!("    Condition: {name}\n"));
    let name = probe.name.as_str();
    let mut text = format!(
        "  {id}:
    Type: AWS::CloudWatch::Alarm
{condition}    Properties:
      AlarmName: !Sub vigie-${{Environment}}-{name}-{}
",
        kind.as_str()
    );
    // `None`: every environment of the probe is in the group.
    let tests: Vec<Option<&str>> = groups
        .iter()
        .map(|group| {
            let all = of_probe(probe).is_some_and(|set| set == group.environments);
            conditions.name(&Some(group.environments.clone())).filter(|_| !all)
        })
        .collect();
    for property in properties(probe, kind, groups) {
        text.push_str(&written(&property, &tests));
    }
    text
}

fn properties(probe: &ProbeSpec, kind: AlarmKind, groups: &[Group]) -> Vec<Property<'static>> {
    let same = |name, text: String| Property {
        name,
        plain: Some(Text::line(&text)),
        located: groups.iter().map(|_| Some(Text::line(&text))).collect(),
    };
    let differs = |name, plain: String, located: &dyn Fn(&Group) -> Option<Text>| Property {
        name,
        plain: Some(Text::line(plain)),
        located: groups.iter().map(located).collect(),
    };
    let rule = rule(probe, kind);
    let period = probe.every.as_secs();
    let topic = "[!Ref AlarmsTopicArn]".to_owned();
    let description = super::alarm::description(probe, kind);
    let mut properties = vec![differs("AlarmDescription", quoted(&description), &|group| {
        Some(Text::line(quoted(&self::description(probe, kind, group))))
    })];
    let metric = if kind == AlarmKind::Down { "Success" } else { "Degraded" };
    let plain_dimensions = format!(
        "[{{ Name: Environment, Value: !Ref Environment }}, {{ Name: Probe, Value: \"{}\" }}]",
        probe.name
    );
    let of_metric = |name, plain: String| match kind {
        AlarmKind::Down => differs(name, plain, &|_| None),
        AlarmKind::Degraded => same(name, plain),
    };
    properties.extend([
        of_metric("Namespace", "Vigie".to_owned()),
        of_metric("MetricName", metric.to_owned()),
        of_metric("Dimensions", plain_dimensions),
    ]);
    properties.push(differs("Statistic", "Maximum".to_owned(), &|_| match kind {
        AlarmKind::Down => None,
        AlarmKind::Degraded => Some(Text::line("Average")),
    }));
    properties.push(of_metric("Period", period.to_string()));
    if kind == AlarmKind::Down {
        let items = |group: &Group| Some(Text::Items(group.metrics(probe.name.as_str(), period)));
        let located = groups.iter().map(items).collect();
        properties.push(Property { name: "Metrics", plain: None, located });
    }
    properties.extend([
        same("EvaluationPeriods", rule.n().to_string()),
        same("DatapointsToAlarm", rule.m().to_string()),
    ]);
    let at_least = || "GreaterThanOrEqualToThreshold";
    let missing = match kind {
        AlarmKind::Down => {
            let below = "LessThanThreshold".to_owned();
            properties
                .push(differs("ComparisonOperator", below, &|_| Some(Text::line(at_least()))));
            properties.push(differs("Threshold", "1".to_owned(), &|group| {
                Some(Text::line(group.votes.to_string()))
            }));
            "missing"
        }
        AlarmKind::Degraded => {
            properties.push(same("ComparisonOperator", at_least().to_owned()));
            properties.push(differs("Threshold", "1".to_owned(), &|group| {
                Some(Text::line(group.degraded_share()))
            }));
            "ignore"
        }
    };
    properties.extend([
        same("TreatMissingData", missing.to_owned()),
        same("AlarmActions", topic.clone()),
        same("OKActions", topic.clone()),
    ]);
    if kind == AlarmKind::Down {
        properties.push(same("InsufficientDataActions", topic));
    }
    properties
}

/// The property, with `!If` if it differs.
fn written(property: &Property<'_>, tests: &[Option<&str>]) -> String {
    let Property { name, plain, located } = property;
    let everywhere = tests.iter().position(Option::is_none);
    let only = match everywhere {
        Some(index) => Some(&located[index]),
        None => located.iter().all(|text| text == plain).then_some(plain),
    };
    match only {
        Some(None) => String::new(),
        Some(Some(Text::Line(text))) => format!("      {name}: {text}\n"),
        Some(Some(Text::Items(items))) => {
            let add = |text: String, item: &String| text + "        - " + item + "\n";
            format!("      {name}:\n{}", items.iter().fold(String::new(), add))
        }
        None => {
            let cases: Vec<(&str, &Option<Text>)> =
                tests.iter().flatten().copied().zip(located).collect();
            format!("      {name}: !If\n{}", alternatives(&cases, plain.as_ref(), 8))
        }
    }
}

/// The three items of `!If`, the last of which has the other cases.
fn alternatives(cases: &[(&str, &Option<Text>)], plain: Option<&Text>, indent: usize) -> String {
    let Some(((condition, text), others)) = cases.split_first() else { return String::new() };
    let pad = " ".repeat(indent);
    let chosen = value(text.as_ref(), indent);
    let rest = if others.is_empty() {
        value(plain, indent)
    } else {
        format!("{pad}- !If\n{}", alternatives(others, plain, indent + 2))
    };
    format!("{pad}- {condition}\n{chosen}{rest}")
}

/// A value as one item of `!If`.
fn value(text: Option<&Text>, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match text {
        None => format!("{pad}- !Ref AWS::NoValue\n"),
        Some(Text::Line(text)) => format!("{pad}- {text}\n"),
        Some(Text::Items(items)) => {
            let lines = items.iter().enumerate().map(|(index, item)| {
                let bullet = if index == 0 { "- -" } else { "  -" };
                format!("{pad}{bullet} {item}\n")
            });
            lines.collect()
        }
    }
}

/// The longest description of the alarms of the groups, in characters.
pub(super) fn longest_description(probe: &ProbeSpec, groups: &[Group]) -> usize {
    let of_group = |group: &Group| {
        let votes = [AlarmKind::Down, AlarmKind::Degraded]
            .map(|kind| description(probe, kind, group).chars().count());
        let own = group
            .locations
            .iter()
            .map(|location| location_description(probe, location).chars().count());
        votes.into_iter().chain(own).max().unwrap_or(0)
    };
    groups.iter().map(of_group).max().unwrap_or(0)
}

fn description(probe: &ProbeSpec, kind: AlarmKind, group: &Group) -> String {
    let (name, rule, every) = (&probe.name, rule(probe, kind), interval(probe.every));
    let Group { votes, quorum, locations, .. } = group;
    let all = locations.len();
    match kind {
        AlarmKind::Down => {
            let sentence = format!(
                "{name} is down: runs at {votes} or more of {all} locations failed in {rule} periods, {every}. \
                 INSUFFICIENT_DATA: fewer than {quorum} locations have results, so the state of the bot is unknown."
            );
            format!("{sentence}\n{}", note_line(probe, probe.alarm.severity))
        }
        AlarmKind::Degraded => {
            let sentence = format!(
                "{name} is slow: runs at {votes} or more of {all} locations were slow or passed only on retry in \
                 {rule} periods, {every}."
            );
            format!("{sentence}\n{}", note_line(probe, Severity::Ticket))
        }
    }
}

fn location_description(probe: &ProbeSpec, location: &LocationName) -> String {
    let (name, rule, every) = (&probe.name, rule(probe, AlarmKind::Down), interval(probe.every));
    format!(
        "{name} is down from {location}: {rule} runs failed there, {every}. \
         INSUFFICIENT_DATA: no results from {location}, which has no vote.\n{}",
        note_line(probe, Severity::Ticket)
    )
}

/// The alarm of a probe at one location: a ticket.
pub(super) struct LocationAlarm<'a> {
    probe: &'a ProbeSpec,
    location: &'a LocationName,
    environments: BTreeSet<EnvironmentName>,
}

impl<'a> LocationAlarm<'a> {
    /// The alarms of a probe, in the order of the locations' names.
    pub(super) fn all(probe: &'a ProbeSpec, groups: &'a [Group]) -> Vec<Self> {
        let alarm = |(location, environments)| Self { probe, location, environments };
        by_location(groups).into_iter().map(alarm).collect()
    }

    /// A logical ID such as `SupportBotDownFromUsEast1x3fa2`. The digits of the hash differ for `ab-1` and
    /// `a-b1`.
    pub(super) fn id(&self) -> String {
        let down = logical_id(self.probe.name.as_str(), AlarmKind::Down);
        let location = self.location.as_str();
        let hash = domain::report::stable_hash(location) & 0xffff;
        format!("{down}From{}x{hash:04x}", capitalised(location))
    }

    pub(super) fn environments(&self) -> &BTreeSet<EnvironmentName> {
        &self.environments
    }

    pub(super) fn resource(&self, conditions: &Conditions) -> String {
        let (id, probe, location) = (self.id(), self.probe, self.location);
        let name = probe.name.as_str();
        let condition = conditions.name(&Some(self.environments.clone()));
        let condition =
            condition.map_or_else(String::new, |name| format!("    Condition: {name}\n"));
        let description = quoted(&location_description(probe, location));
        let rule = rule(probe, AlarmKind::Down);
        let (n, m, period) = (rule.n(), rule.m(), probe.every.as_secs());
        let dimensions = dimensions(name, location);
        format!(
            "  {id}:
    Type: AWS::CloudWatch::Alarm
{condition}    Properties:
      AlarmName: !Sub vigie-${{Environment}}-{name}-down.{location}
      AlarmDescription: {description}
      Namespace: Vigie
      MetricName: Success
      Dimensions: {dimensions}
      Statistic: Maximum
      Period: {period}
      EvaluationPeriods: {n}
      DatapointsToAlarm: {m}
      ComparisonOperator: LessThanThreshold
      Threshold: 1
      TreatMissingData: missing
      AlarmActions: [!Ref AlarmsTopicArn]
      OKActions: [!Ref AlarmsTopicArn]
      InsufficientDataActions: [!Ref AlarmsTopicArn]
"
        )
    }
}

//! One report about one alarm, from CloudWatch, EventBridge or Alertmanager.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::{
    AlarmKind, AlarmName, EnvironmentName, ExtraAlarm, LocationAlarmName, LocationName, ProbeName,
    Severity,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A report about an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Identifies the alarm: its ARN, or Alertmanager's fingerprint.
    pub key: String,
    /// The alarm's name.
    pub name: String,
    pub source: Source,
    pub subject: Subject,
    pub state: State,
    /// The previous state; `None` if the sender does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<State>,
    /// When the alarm entered its state, by the sender's clock.
    pub changed: Timestamp,
    /// When the sender reported it, by the sender's clock. Orders the reports about one alarm.
    pub reported: Timestamp,
    /// Why, in the sender's own words.
    pub reason: String,
    /// The alarm's description; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Labels that no other field holds, such as `team`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of Alertmanager that no other field holds, such as `dashboard_url`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The severity that the alarm itself gives; routes override it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The page of the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The period that the alarm evaluates, in seconds: N × period. `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_back_seconds: Option<u64>,
    /// The id of a test sent by `vigie test-alert`; `None` for a real alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

/// Who sent a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A CloudWatch alarm's own action.
    CloudWatch,
    /// A rule on CloudWatch's alarm changes.
    EventBridge,
    /// Alertmanager, or Amazon Managed Service for Prometheus.
    Alertmanager,
    /// A message in an unknown format, sent on unchanged.
    Unknown,
}

/// The subject of the alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Subject {
    /// A probe fails.
    Down { probe: ProbeName },
    /// A probe passes, but late or only on retry.
    Degraded { probe: ProbeName },
    /// A probe fails at one of several locations, or that location has no data.
    Location { probe: ProbeName, location: LocationName },
    /// Vigie itself.
    SelfMonitoring,
    /// An alarm that is not about the verdicts of a probe or about Vigie, perhaps about a probe. Its description says
    /// what it means.
    External {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<ProbeName>,
    },
    /// A message in an unknown format.
    Unreadable,
}

/// An alarm's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    Alarm,
    /// No data.
    InsufficientData,
    Ok,
}

impl State {
    /// As in CloudWatch and in the message attribute `state`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Ok => "OK",
        }
    }

    /// `None` for a word that is not a state.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Alarm, Self::InsufficientData, Self::Ok]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

impl Subject {
    /// The subject of the alarm `name` of `environment`.
    #[must_use]
    pub fn of_alarm(name: &str, environment: &EnvironmentName) -> Self {
        if let Some(alarm) = LocationAlarmName::parse(name, environment) {
            return Self::Location { probe: alarm.probe, location: alarm.location };
        }
        match AlarmName::parse(name, environment) {
            Some(AlarmName { probe, kind: AlarmKind::Down, .. }) => Self::Down { probe },
            Some(AlarmName { probe, kind: AlarmKind::Degraded, .. }) => Self::Degraded { probe },
            None => Self::of_other_alarm(name, environment),
        }
    }

    fn of_other_alarm(name: &str, environment: &EnvironmentName) -> Self {
        if let Some((probe, _)) = ExtraAlarm::parse(name, environment) {
            return Self::External { probe: Some(probe) };
        }
        if name.starts_with(&format!("vigie-{environment}-")) {
            return Self::SelfMonitoring;
        }
        Self::External { probe: None }
    }

    #[must_use]
    pub fn probe(&self) -> Option<&ProbeName> {
        match self {
            Self::Down { probe } | Self::Degraded { probe } | Self::Location { probe, .. } => {
                Some(probe)
            }
            Self::External { probe } => probe.as_ref(),
            Self::SelfMonitoring | Self::Unreadable => None,
        }
    }
}

impl Alert {
    /// A report of CloudWatch that has nothing beside the name, the subject and the state.
    #[must_use]
    pub fn new(name: String, subject: Subject, state: State, changed: Timestamp) -> Self {
        Self {
            key: name.clone(),
            name,
            source: Source::CloudWatch,
            subject,
            state,
            previous: None,
            changed,
            reported: changed,
            reason: String::new(),
            description: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            severity: None,
            runbook: None,
            link: None,
            looks_back_seconds: None,
            test: None,
        }
    }

    /// Whether it is another alarm of a probe than those on its verdicts.
    #[must_use]
    pub(crate) fn is_probe_alarm(&self) -> bool {
        matches!(self.subject, Subject::External { probe: Some(_) })
            && self.source != Source::Alertmanager
    }

    /// What the alarm says about itself. CloudWatch's reason only lists datapoints, so that the description stands for
    /// it in an alarm of a probe; it does not hold once the alarm has ended.
    #[must_use]
    pub(crate) fn statement(&self) -> &str {
        match self.state {
            _ if !self.is_probe_alarm() => &self.reason,
            State::Ok => "",
            _ => &self.description,
        }
    }

    /// The probe's name, with the location if it is about one of several; or the alarm's name.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        match &self.subject {
            Subject::Down { probe } | Subject::Degraded { probe } => probe.as_str().into(),
            Subject::Location { probe, location } => format!("{probe}@{location}").into(),
            _ => self.name.as_str().into(),
        }
    }

    /// When the evaluated period began: an estimate of the start of the incident.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        let back = self.looks_back_seconds.unwrap_or(0).min(86_400);
        let back = std::time::Duration::from_secs(back);
        self.changed.checked_sub(back).unwrap_or(self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarm_name_gives_the_subject() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let bot: ProbeName = "bot".parse().unwrap();
        let about = |name| Subject::of_alarm(name, &prod);
        assert_eq!(about("vigie-prod-bot-down"), Subject::Down { probe: bot.clone() });
        assert_eq!(about("vigie-prod-bot-degraded"), Subject::Degraded { probe: bot.clone() });
        let extra = Subject::External { probe: Some(bot) };
        assert_eq!(about("vigie-prod-bot-budget-fast"), extra);
        let location = "us-east-1".parse().unwrap();
        let located = Subject::Location { probe: "bot".parse().unwrap(), location };
        assert_eq!(about("vigie-prod-bot-down.us-east-1"), located);
        assert_eq!(about("vigie-prod-runs-dead"), Subject::SelfMonitoring);
        assert_eq!(about("vigie-dev-bot-down"), Subject::External { probe: None });
        assert_eq!(about("database is full"), Subject::External { probe: None });
    }

    #[test]
    fn state_has_the_same_word_in_json_and_cloudwatch() {
        for state in [State::Alarm, State::InsufficientData, State::Ok] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(State::from_word(state.as_str()), Some(state));
        }
        assert_eq!(State::from_word("ok"), None);
    }
}

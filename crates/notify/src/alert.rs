//! One change of one alarm, whoever sent it: CloudWatch, EventBridge, an Alertmanager.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use domain::{AlarmKind, AlarmName, EnvironmentName, ProbeName, Severity};

/// An alarm's change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What tells this alarm from every other one: the alarm's ARN, or Alertmanager's fingerprint.
    pub key: String,
    /// The alarm's name, as people know it.
    pub name: String,
    pub source: Source,
    pub subject: Subject,
    pub state: State,
    /// The state before, as the sender tells it; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<State>,
    /// When the alarm entered its state, by the sender's clock.
    pub changed: Timestamp,
    /// Why, in the sender's own messages.
    pub reason: String,
    /// What the alarm's author wrote about it; empty when there is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Labels beyond those that the other fields hold: `team`, and the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How urgent, where the alarm itself says so; routes have the last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// Where the alarm can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The stretch that the alarm looks at, in seconds: N × period. `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_back_seconds: Option<u64>,
    /// The id of a test that `vigie test-alert` sent; `None` for a real alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

/// Who told us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A CloudWatch alarm's own action.
    CloudWatch,
    /// A rule on CloudWatch's alarm changes.
    EventBridge,
    /// An Alertmanager, ours or Amazon Managed Service for Prometheus's.
    Alertmanager,
    /// Something that could not be read; it is passed on as it came.
    Unknown,
}

/// What the alarm is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Subject {
    /// A probe fails.
    Down { probe: ProbeName },
    /// A probe passes, but late or only on retry.
    Degraded { probe: ProbeName },
    /// Something of Vigie's own.
    SelfMonitoring,
    /// An alarm that Vigie knows nothing about, perhaps on a probe of its own.
    External {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<ProbeName>,
    },
    /// A message that could not be read.
    Unreadable,
}

/// An alarm's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    Alarm,
    /// We can't see: no results came.
    InsufficientData,
    Ok,
}

impl State {
    /// As CloudWatch and the message attribute `state` have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Ok => "OK",
        }
    }

    /// `None` for a word that is no state.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Alarm, Self::InsufficientData, Self::Ok]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

impl Subject {
    /// What the alarm `name` of `environment` is about.
    #[must_use]
    pub fn of_alarm(name: &str, environment: &EnvironmentName) -> Self {
        match AlarmName::parse(name, environment) {
            Some(AlarmName { probe, kind: AlarmKind::Down, .. }) => Self::Down { probe },
            Some(AlarmName { probe, kind: AlarmKind::Degraded, .. }) => Self::Degraded { probe },
            None if name.starts_with(&format!("vigie-{environment}-")) => Self::SelfMonitoring,
            None => Self::External { probe: None },
        }
    }

    #[must_use]
    pub fn probe(&self) -> Option<&ProbeName> {
        match self {
            Self::Down { probe } | Self::Degraded { probe } => Some(probe),
            Self::External { probe } => probe.as_ref(),
            Self::SelfMonitoring | Self::Unreadable => None,
        }
    }
}

impl Alert {
    /// What people call it: the probe, or the alarm where there is none.
    #[must_use]
    pub fn title(&self) -> &str {
        match &self.subject {
            Subject::Down { probe } | Subject::Degraded { probe } => probe.as_str(),
            _ => &self.name,
        }
    }

    /// When the trouble itself began, as well as we can tell: the alarm looks back before it rises.
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
    fn an_alarms_name_says_what_it_is_about() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let bot: ProbeName = "bot".parse().unwrap();
        let about = |name| Subject::of_alarm(name, &prod);
        assert_eq!(about("vigie-prod-bot-down"), Subject::Down { probe: bot.clone() });
        assert_eq!(about("vigie-prod-bot-degraded"), Subject::Degraded { probe: bot });
        assert_eq!(about("vigie-prod-runs-dead"), Subject::SelfMonitoring);
        assert_eq!(about("vigie-dev-bot-down"), Subject::External { probe: None });
        assert_eq!(about("database is full"), Subject::External { probe: None });
    }

    #[test]
    fn a_state_is_the_same_word_in_json_as_in_cloudwatch() {
        for state in [State::Alarm, State::InsufficientData, State::Ok] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(State::from_word(state.as_str()), Some(state));
        }
        assert_eq!(State::from_word("ok"), None);
    }
}

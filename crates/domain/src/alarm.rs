//! The alarms of a probe: their names and their rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{EnvironmentName, LocationName, ProbeName};

/// `M of N`: so many of the last so many periods must be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MOfN {
    m: u32,
    n: u32,
}

impl MOfN {
    /// `None` unless 1 ≤ m ≤ n.
    #[must_use]
    pub const fn new(m: u32, n: u32) -> Option<Self> {
        if 1 <= m && m <= n { Some(Self { m, n }) } else { None }
    }

    /// Datapoints to alarm.
    #[must_use]
    pub const fn m(self) -> u32 {
        self.m
    }

    /// Evaluation periods.
    #[must_use]
    pub const fn n(self) -> u32 {
        self.n
    }
}

impl fmt::Display for MOfN {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} of {}", self.m, self.n)
    }
}

/// Read as it is written in a probe file: `2 of 3`.
impl FromStr for MOfN {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (m, n) = text.split_once(" of ").ok_or(())?;
        let number = |text: &str| text.trim().parse().map_err(drop);
        Self::new(number(m)?, number(n)?).ok_or(())
    }
}

/// How urgent an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Needs a person now, at any hour.
    Page,
    /// Needs a person during working hours.
    Ticket,
}

impl Severity {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// When a probe's alarms rise. Their period is the probe's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRule {
    pub down: MOfN,
    pub degraded: MOfN,
    /// Of `down`; `degraded` is never more than a ticket.
    pub severity: Severity,
    /// How many locations must agree that the target is down; `None` means a majority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<u32>,
}

impl Default for AlarmRule {
    /// 2 of 3 down, 3 of 5 degraded, page: justified by simulation in `docs/alerting.md`.
    fn default() -> Self {
        Self {
            down: MOfN { m: 2, n: 3 },
            degraded: MOfN { m: 3, n: 5 },
            severity: Severity::Page,
            locations: None,
        }
    }
}

/// Which of a probe's two alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmKind {
    Down,
    Degraded,
}

impl AlarmKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Degraded => "degraded",
        }
    }
}

/// `vigie-ENV-PROBE-down` or `vigie-ENV-PROBE-degraded`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlarmName {
    pub environment: EnvironmentName,
    pub probe: ProbeName,
    pub kind: AlarmKind,
}

impl AlarmName {
    /// The probe and kind behind an alarm's name; `None` for an alarm that is not a probe's.
    ///
    /// The environment must be known, since both names may contain hyphens.
    #[must_use]
    pub fn parse(name: &str, environment: &EnvironmentName) -> Option<Self> {
        let rest =
            name.strip_prefix("vigie-")?.strip_prefix(environment.as_str())?.strip_prefix('-')?;
        let (probe, kind) = match rest.strip_suffix("-down") {
            Some(probe) => (probe, AlarmKind::Down),
            None => (rest.strip_suffix("-degraded")?, AlarmKind::Degraded),
        };
        Some(Self { environment: environment.clone(), probe: probe.parse().ok()?, kind })
    }
}

impl fmt::Display for AlarmName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "vigie-{}-{}-{}", self.environment, self.probe, self.kind.as_str())
    }
}

/// The alarms of a probe beside those on its verdicts. Their names are `vigie-ENV-PROBE-` and [`ExtraAlarm::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExtraAlarm {
    /// The error budget is used up at 14.4 times the rate of the objective.
    BudgetFast,
    /// … at 3 times the rate.
    BudgetSlow,
    /// The certificate expires in less than 21 days.
    CertificateTicket,
    /// The certificate expires in less than 3 days.
    CertificatePage,
}

impl ExtraAlarm {
    pub const ALL: [Self; 4] =
        [Self::BudgetFast, Self::BudgetSlow, Self::CertificateTicket, Self::CertificatePage];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BudgetFast => "budget-fast",
            Self::BudgetSlow => "budget-slow",
            Self::CertificateTicket => "certificate-21d",
            Self::CertificatePage => "certificate-3d",
        }
    }

    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::BudgetFast | Self::CertificatePage => Severity::Page,
            Self::BudgetSlow | Self::CertificateTicket => Severity::Ticket,
        }
    }

    /// The probe and kind behind an alarm's name; `None` for another alarm.
    #[must_use]
    pub fn parse(name: &str, environment: &EnvironmentName) -> Option<(ProbeName, Self)> {
        let rest =
            name.strip_prefix("vigie-")?.strip_prefix(environment.as_str())?.strip_prefix('-')?;
        Self::ALL.into_iter().find_map(|kind| {
            let probe = rest.strip_suffix(kind.as_str())?.strip_suffix('-')?;
            Some((probe.parse().ok()?, kind))
        })
    }
}

/// `vigie-ENV-PROBE-down.LOCATION`: the alarm of a probe at one of several locations. Names of probes have no dot, so
/// that another alarm cannot have this name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocationAlarmName {
    pub environment: EnvironmentName,
    pub probe: ProbeName,
    pub location: LocationName,
}

impl LocationAlarmName {
    /// `None` for the name of another alarm.
    #[must_use]
    pub fn parse(name: &str, environment: &EnvironmentName) -> Option<Self> {
        let (alarm, location) = name.split_once('.')?;
        let AlarmName { environment, probe, kind } = AlarmName::parse(alarm, environment)?;
        let location = location.parse().ok().filter(|_| kind == AlarmKind::Down)?;
        Some(Self { environment, probe, location })
    }
}

impl fmt::Display for LocationAlarmName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, probe, location } = self;
        write!(to, "vigie-{environment}-{probe}-down.{location}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_of_n_is_read_back_as_written() {
        assert_eq!("2 of 3".parse(), Ok(MOfN { m: 2, n: 3 }));
        for bad in ["3 of 2", "0 of 3", "2/3", "two of three", "2 of"] {
            assert_eq!(bad.parse::<MOfN>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn extra_alarm_name_parses_to_its_probe() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        for kind in ExtraAlarm::ALL {
            let name = format!("vigie-prod-support-bot-{}", kind.as_str());
            let (probe, found) = ExtraAlarm::parse(&name, &prod).unwrap();
            assert_eq!((probe.as_str(), found), ("support-bot", kind));
            assert_eq!(AlarmName::parse(&name, &prod), None);
        }
        for other in ["vigie-prod-bot-down", "vigie-prod-budget-fast", "vigie-dev-bot-budget-fast"]
        {
            assert_eq!(ExtraAlarm::parse(other, &prod), None, "{other}");
        }
    }

    #[test]
    fn alarm_of_a_location_parses_to_its_location() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let name = "vigie-prod-support-bot-down.us-east-1";
        let alarm = LocationAlarmName::parse(name, &prod).unwrap();
        assert_eq!((alarm.probe.as_str(), alarm.location.as_str()), ("support-bot", "us-east-1"));
        assert_eq!(alarm.to_string(), name);
        assert_eq!(AlarmName::parse(name, &prod), None);
        for other in
            ["vigie-prod-bot-down", "vigie-prod-bot-degraded.office", "vigie-dev-bot-down.office"]
        {
            assert_eq!(LocationAlarmName::parse(other, &prod), None, "{other}");
        }
    }

    #[test]
    fn alarm_name_parses_to_its_probe() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let name = "vigie-prod-support-bot-down";
        let alarm = AlarmName::parse(name, &prod).unwrap();
        assert_eq!((alarm.probe.as_str(), alarm.kind), ("support-bot", AlarmKind::Down));
        assert_eq!(alarm.to_string(), name);
        for other in
            ["vigie-dev-support-bot-down", "vigie-prod-dlq", "unrelated", "vigie-prod--down"]
        {
            assert_eq!(AlarmName::parse(other, &prod), None, "{other}");
        }
    }
}

//! Routes: the labels of an alert decide its severity, and the severity decides its topic.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::alert::{Alert, Subject};
use domain::Severity;

/// The routes of an operator, in their order: the first that matches decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routes {
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Labels that the alert must have; an empty set matches every alert. Besides the alert's own
    /// labels there are `alarm` (its name), `environment`, `kind` (`down`, `degraded`, `pipeline`,
    /// `foreign`, `unreadable`), `probe` and `severity` (as the alarm itself says).
    #[serde(default, rename = "match")]
    pub matches: BTreeMap<String, String>,
    /// How urgent an alert that matches is.
    pub severity: Severity,
}

impl Routes {
    /// The severity of `alert`: that of the first matching route, else that of the alarm.
    ///
    /// If neither is set, a `degraded` alert is a ticket and any other alert a page, because an unknown alert
    /// may be urgent.
    #[must_use]
    pub fn severity(&self, alert: &Alert, environment: &str) -> Severity {
        let labels = labels(alert, environment);
        let matching = self.routes.iter().find(|route| {
            route.matches.iter().all(|(name, value)| labels.get(name.as_str()) == Some(&&**value))
        });
        match (matching, alert.severity, &alert.subject) {
            (Some(route), _, _) => route.severity,
            (None, Some(severity), _) => severity,
            (None, None, Subject::Degraded { .. } | Subject::Location { .. }) => Severity::Ticket,
            (None, None, _) => Severity::Page,
        }
    }
}

/// Everything that a route can match on.
fn labels<'a>(alert: &'a Alert, environment: &'a str) -> BTreeMap<&'a str, &'a str> {
    let mut labels: BTreeMap<&str, &str> =
        alert.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    let kind = match alert.subject {
        Subject::Down { .. } => "down",
        Subject::Degraded { .. } => "degraded",
        Subject::Location { .. } => "location",
        Subject::SelfMonitoring => "pipeline",
        Subject::External { .. } => "foreign",
        Subject::Unreadable => "unreadable",
    };
    labels.extend([("alarm", &*alert.name), ("environment", environment), ("kind", kind)]);
    if let Some(probe) = alert.subject.probe() {
        labels.insert("probe", probe.as_str());
    }
    if let Subject::Location { location, .. } = &alert.subject {
        labels.insert("location", location.as_str());
    }
    if let Some(severity) = alert.severity {
        labels.insert("severity", severity.as_str());
    }
    labels
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alert::State;
    use domain::Severity::{Page, Ticket};

    fn alert(subject: Subject, severity: Option<Severity>, team: &str) -> Alert {
        let name = "vigie-prod-bot-down".to_owned();
        Alert {
            labels: [("team".to_owned(), team.to_owned())].into(),
            severity,
            ..Alert::new(name, subject, State::Alarm, Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn first_matching_route_decides_the_severity() {
        let routes: Routes = serde_json::from_str(
            r#"{"routes":[
                {"match":{"team":"lab"},"severity":"ticket"},
                {"match":{"environment":"prod","probe":"vip"},"severity":"page"}]}"#,
        )
        .unwrap();
        let probe = |name: &str| name.parse().unwrap();
        let down = |name| Subject::Down { probe: probe(name) };
        let slow = |name| Subject::Degraded { probe: probe(name) };
        let cases = [
            // name                               alert                                   severity
            ("down is a page", alert(down("bot"), None, "chat"), Page),
            ("degraded is a ticket", alert(slow("bot"), None, "chat"), Ticket),
            ("severity of the alarm", alert(down("bot"), Some(Ticket), "chat"), Ticket),
            ("a team's route", alert(down("bot"), Some(Page), "lab"), Ticket),
            ("the first route wins", alert(down("vip"), None, "lab"), Ticket),
            ("a probe's route", alert(slow("vip"), Some(Ticket), "chat"), Page),
            ("unknown is urgent", alert(Subject::Unreadable, None, "chat"), Page),
        ];
        for (name, alert, expected) in cases {
            assert_eq!(routes.severity(&alert, "prod"), expected, "{name}");
        }
    }

    #[test]
    fn misspelt_key_is_rejected() {
        for bad in [
            r#"{"route":[]}"#,
            r#"{"routes":[{"matches":{},"severity":"page"}]}"#,
            r#"{"routes":[{"severity":"urgent"}]}"#,
        ] {
            assert!(serde_json::from_str::<Routes>(bad).is_err(), "{bad}");
        }
    }
}

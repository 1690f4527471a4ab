//! The receivers of `infra/routes.json`.

mod check;
mod raw;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use domain::EnvironmentName;
use domain::probe::PerEnvironment;
use notify::Routes;

pub use raw::Mistake;
pub use read::parse;

/// The names of the topics of the stack. A receiver cannot have one of them.
pub const RESERVED: [&str; 4] = ["notifications", "tickets", "escalation", "event-bus"];

/// The content of `infra/routes.json`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    pub routes: Routes,
    pub receivers: Vec<Receiver>,
}

/// Who receives notifications beside the topics of the stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiver {
    /// Unique. The alarm records use it.
    pub name: String,
    pub kind: Kind,
    /// Never empty.
    pub audiences: BTreeSet<Audience>,
    /// Whether a page that stays active is sent again, as to the topics.
    pub reminders: bool,
    /// `None`: all environments.
    pub environments: Option<BTreeSet<EnvironmentName>>,
}

/// What is sent to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    Page,
    Ticket,
    Escalation,
}

/// A text of the file. `${environment}`, `${secret:ID#key}` and `${ssm:/path}` are replaced.
pub type Setting = PerEnvironment<String>;

/// The type of a receiver with its own settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    PagerDuty {
        routing_key: Setting,
        /// `None`: the endpoint of the service region in the United States.
        url: Option<Setting>,
    },
    Slack {
        url: Setting,
    },
    Teams {
        url: Setting,
    },
    Webhook(Webhook),
    Sns {
        topic: Setting,
        format: TopicFormat,
    },
    /// One event for each alarm on a bus. It is configured by a parameter of the stack.
    EventBridge {
        bus: String,
    },
}

/// A webhook with its own body.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub url: Setting,
    pub method: Method,
    pub headers: BTreeMap<String, Setting>,
    pub body: Body,
    /// The key of the signature; `None`: requests are not signed.
    pub signing_key: Option<Setting>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

/// The body of a webhook's request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// The event as JSON.
    #[default]
    Event,
    /// A template that comes with Vigie, such as `opsgenie`.
    Named(&'static str),
    /// A minijinja template over the event.
    Template(String),
}

/// The form of the messages on an SNS topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicFormat {
    /// The text of the mail for every subscriber.
    Text,
    /// The text of the mail for e-mail, the event as JSON for `https`, `sqs`, `lambda` and `firehose`.
    Json,
    /// One message for each alarm, in the form that CloudWatch publishes.
    CloudWatch,
    /// Custom notifications of Amazon Q Developer in chat applications.
    AmazonQ,
}

impl Receiver {
    /// Whether the receiver is used in `environment`: it is not limited to others, and each of its settings has a
    /// value for it.
    #[must_use]
    pub fn is_in(&self, environment: &EnvironmentName) -> bool {
        let listed = self.environments.as_ref().is_none_or(|all| all.contains(environment));
        listed && self.kind.settings().iter().all(|setting| setting.get(environment).is_some())
    }
}

impl Receiver {
    /// Whether the receiver keeps incidents itself, so that it is notified of acknowledgements and needs no reminders.
    /// A chat does not.
    #[must_use]
    pub fn keeps_incidents(&self) -> bool {
        match &self.kind {
            Kind::PagerDuty { .. } | Kind::EventBridge { .. } => true,
            Kind::Webhook(webhook) => matches!(webhook.body, Body::Event | Body::Named("opsgenie")),
            Kind::Slack { .. } | Kind::Teams { .. } | Kind::Sns { .. } => false,
        }
    }
}

impl Kind {
    /// The word in the file.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PagerDuty { .. } => "pagerduty",
            Self::Slack { .. } => "slack",
            Self::Teams { .. } => "teams",
            Self::Webhook(_) => "webhook",
            Self::Sns { .. } => "sns",
            Self::EventBridge { .. } => "event_bridge",
        }
    }

    pub(crate) fn settings(&self) -> Vec<&Setting> {
        match self {
            Self::PagerDuty { routing_key, url } => {
                std::iter::once(routing_key).chain(url).collect()
            }
            Self::Slack { url } | Self::Teams { url } => vec![url],
            Self::Webhook(webhook) => std::iter::once(&webhook.url)
                .chain(webhook.headers.values())
                .chain(&webhook.signing_key)
                .collect(),
            Self::Sns { topic, .. } => vec![topic],
            Self::EventBridge { .. } => Vec::new(),
        }
    }
}

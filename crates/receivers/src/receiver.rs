//! A receiver with the values of one environment and with its secrets.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::template::{Part, SecretReference};
use domain::{EnvironmentName, Template};
use redact::Redactor;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::config::{Body, Kind, Method, Receiver, Setting, TopicFormat};

const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// The shortest part of a URL that may be a token, in bytes.
const SHORTEST_PART: usize = 12;
/// The length of `PagerDuty`'s integration keys.
const ROUTING_KEY_LENGTH: usize = 32;

/// Why a receiver cannot be used. It never contains a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnresolvedReceiver {
    #[error("receiver `{receiver}` has no `{key}` for this environment")]
    Missing { receiver: String, key: &'static str },
    #[error("`{key}` of receiver `{receiver}` is not a text that can be used")]
    Template { receiver: String, key: &'static str, source: domain::template::InvalidTemplate },
    #[error("`{key}` of receiver `{receiver}` needs `{reference}`, which was not fetched")]
    Secret { receiver: String, key: &'static str, reference: String },
    #[error("`{key}` of receiver `{receiver}` is {found}; expected {expected}")]
    Value { receiver: String, key: &'static str, found: &'static str, expected: &'static str },
}

/// A receiver that can be sent to.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub name: String,
    pub reminders: bool,
    pub(crate) target: Target,
    /// Removes the receiver's secrets from its answers.
    pub(crate) redactor: Redactor,
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    PagerDuty { url: Secret<Url>, routing_key: SecretString },
    Slack { url: Secret<Url> },
    Teams { url: Secret<Url> },
    Webhook(Box<Webhook>),
    Sns { topic: String, format: TopicFormat },
    EventBridge { bus: String },
}

impl Target {
    fn url(&self) -> Option<&Url> {
        match self {
            Self::PagerDuty { url, .. } | Self::Slack { url } | Self::Teams { url } => Some(&url.0),
            Self::Webhook(webhook) => Some(&webhook.url.0),
            Self::Sns { .. } | Self::EventBridge { .. } => None,
        }
    }

    /// The credentials, which an answer must not show, wherever they came from.
    fn credentials(&self) -> Vec<SecretString> {
        match self {
            Self::PagerDuty { routing_key, .. } => vec![routing_key.clone()],
            Self::Webhook(webhook) => {
                let headers = webhook.headers.iter().filter_map(|(_, value)| value.to_str().ok());
                headers.map(SecretString::from).chain(webhook.signing_key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// An answer may repeat a part of the URL without its host, such as the path with its token.
fn secret_parts(url: &Url) -> Vec<SecretString> {
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    let segments = url.path_segments().into_iter().flatten().map(str::to_owned);
    let long = values.chain(segments).filter(|part| SHORTEST_PART <= part.len());
    long.map(SecretString::from).collect()
}

#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) url: Secret<Url>,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Body,
    pub(crate) signing_key: Option<SecretString>,
}

/// A value that `Debug` does not show.
#[derive(Clone)]
pub(crate) struct Secret<T>(pub(crate) T);

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(redact::PLACEHOLDER)
    }
}

impl Resolved {
    /// Whether a secret that is bound to `hosts` may be sent to the receiver. `*.example.com` stands for all hosts below
    /// it.
    #[must_use]
    pub fn is_one_of(&self, hosts: &[String]) -> bool {
        let Some(own) = self.target.url().and_then(Url::host_str) else { return false };
        hosts.iter().any(|host| match host.strip_prefix('*') {
            Some(domain) => domain.starts_with('.') && own.ends_with(domain),
            None => own == host,
        })
    }
}

impl Receiver {
    /// The secrets that [`Self::resolve`] needs.
    #[must_use]
    pub fn secrets(&self, environment: &EnvironmentName) -> Vec<SecretReference> {
        let mut references = Vec::new();
        for setting in self.kind.settings() {
            let text = setting.get(environment).map(|text| in_environment(text, environment));
            let template = text.and_then(|text| text.parse::<Template>().ok()).unwrap_or_default();
            references.extend(template.parts().iter().filter_map(|part| match part {
                Part::Secret(reference) => Some(reference.clone()),
                _ => None,
            }));
        }
        references
    }

    /// Fills in the values of `environment` and the secrets.
    ///
    /// # Errors
    /// If a value is missing or is not what the type of the receiver needs, such as a URL.
    pub fn resolve(
        &self,
        environment: &EnvironmentName,
        secrets: &HashMap<SecretReference, SecretString>,
    ) -> Result<Resolved, UnresolvedReceiver> {
        let of = Values { receiver: &self.name, environment, secrets };
        let mut hidden: Vec<SecretString> = self
            .secrets(environment)
            .iter()
            .filter_map(|reference| secrets.get(reference).cloned())
            .collect();
        let target = match &self.kind {
            Kind::PagerDuty { routing_key, url } => Target::PagerDuty {
                url: match url {
                    Some(url) => of.url(url)?,
                    None => Secret(PAGERDUTY.parse().expect("the constant is a URL")),
                },
                routing_key: of.routing_key(routing_key)?,
            },
            Kind::Slack { url } => Target::Slack { url: of.url(url)? },
            Kind::Teams { url } => Target::Teams { url: of.url(url)? },
            Kind::Webhook(webhook) => Target::Webhook(Box::new(Webhook {
                url: of.url(&webhook.url)?,
                method: webhook.method,
                headers: webhook
                    .headers
                    .iter()
                    .map(|(name, value)| of.header(name, value))
                    .collect::<Result<_, _>>()?,
                body: webhook.body.clone(),
                signing_key: match &webhook.signing_key {
                    Some(key) => Some(of.text("signing_key", key)?),
                    None => None,
                },
            })),
            Kind::Sns { topic, format } => {
                let topic = of.text("topic", topic)?.expose_secret().to_owned();
                // arn:PARTITION:sns:REGION:ACCOUNT:NAME
                let parts: Vec<&str> = topic.split(':').collect();
                if !matches!(parts[..], ["arn", _, "sns", _, _, _]) {
                    let expected = "the ARN of an SNS topic";
                    return Err(of.wrong("topic", "not an ARN of SNS", expected));
                }
                Target::Sns { topic, format: *format }
            }
            Kind::EventBridge { bus } => Target::EventBridge { bus: bus.clone() },
        };
        hidden.extend(target.url().map(secret_parts).unwrap_or_default());
        hidden.extend(target.credentials());
        let redactor = Redactor::new(&hidden);
        Ok(Resolved { name: self.name.clone(), reminders: self.reminders, target, redactor })
    }
}

/// `${environment}` may be a part of the name of a secret.
fn in_environment(text: &str, environment: &EnvironmentName) -> String {
    text.replace("${environment}", environment.as_str())
}

struct Values<'a> {
    receiver: &'a str,
    environment: &'a EnvironmentName,
    secrets: &'a HashMap<SecretReference, SecretString>,
}

impl Values<'_> {
    fn wrong(
        &self,
        key: &'static str,
        found: &'static str,
        expected: &'static str,
    ) -> UnresolvedReceiver {
        UnresolvedReceiver::Value { receiver: self.receiver.to_owned(), key, found, expected }
    }

    fn text(
        &self,
        key: &'static str,
        setting: &Setting,
    ) -> Result<SecretString, UnresolvedReceiver> {
        let receiver = || self.receiver.to_owned();
        let text = setting
            .get(self.environment)
            .ok_or_else(|| UnresolvedReceiver::Missing { receiver: receiver(), key })?;
        let template: Template = in_environment(text, self.environment)
            .parse()
            .map_err(|source| UnresolvedReceiver::Template { receiver: receiver(), key, source })?;
        let fill = |part: &Part| {
            Ok::<_, std::convert::Infallible>(match part {
                Part::Secret(reference) => self
                    .secrets
                    .get(reference)
                    // Secrets are often stored with a line end.
                    .map(|secret| Cow::Owned(secret.expose_secret().trim().to_owned())),
                _ => None,
            })
        };
        let Ok(filled) = template.fill(fill);
        filled.text().map(SecretString::from).map_err(|part| UnresolvedReceiver::Secret {
            receiver: receiver(),
            key,
            reference: part.to_string(),
        })
    }

    /// `https`, or `http` on this machine: the URL is a secret.
    fn url(&self, setting: &Setting) -> Result<Secret<Url>, UnresolvedReceiver> {
        let text = self.text("url", setting)?;
        let expected = "a URL such as `https://hooks.example.com/1`";
        let url: Url =
            text.expose_secret().parse().map_err(|_| self.wrong("url", "not a URL", expected))?;
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(self.wrong("url", "a URL without a host", expected)),
        };
        match url.scheme() {
            "https" => Ok(Secret(url)),
            "http" if is_here => Ok(Secret(url)),
            _ => Err(self.wrong("url", "a URL without encryption", expected)),
        }
    }

    fn routing_key(&self, setting: &Setting) -> Result<SecretString, UnresolvedReceiver> {
        let key = self.text("routing_key", setting)?;
        let text = key.expose_secret();
        let valid = text.len() == ROUTING_KEY_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if valid {
            return Ok(key);
        }
        let expected = "the 32 characters of an Events API v2 integration";
        Err(self.wrong("routing_key", "not an integration key", expected))
    }

    fn header(
        &self,
        name: &str,
        setting: &Setting,
    ) -> Result<(HeaderName, HeaderValue), UnresolvedReceiver> {
        let text = self.text("headers", setting)?;
        let expected = "printable ASCII without line breaks";
        let wrong = || self.wrong("headers", "not a header", expected);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_secret_is_allowed_only_for_its_hosts() {
        let file = r#"{ "receivers": [{ "name": "a", "type": "slack", "url": "https://hooks.slack.com/x" }] }"#;
        let receiver = crate::config::parse(file).unwrap().receivers.remove(0);
        let resolved = receiver.resolve(&"prod".parse().unwrap(), &HashMap::new()).unwrap();
        let rows = [
            ("hooks.slack.com", true),
            ("*.slack.com", true),
            ("slack.com", false),
            ("*ks.slack.com", false),
            ("*.hooks.slack.com", false),
        ];
        for (host, allowed) in rows {
            assert_eq!(resolved.is_one_of(&[host.to_owned()]), allowed, "{host}");
        }
    }
}

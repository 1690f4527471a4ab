//! Settings, validated before the first event.

use std::time::Duration;

use domain::EnvironmentName;
use domain::SecretReference;
use lambda_kit::{SettingError, Settings};
use samples::Protocol;
use url::Url;

/// Prometheus rejects samples older than about an hour, or always answers them with 500.
const MAX_AGE: Duration = Duration::from_secs(3000);

const URL: &str = "a URL such as `https://prometheus:9090/api/v1/write`, without a password in it";

/// Settings of the bridge.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    /// The receiver: an `http` or `https` URL without credentials.
    pub url: String,
    pub auth: AuthSource,
    /// Used first; a receiver that supports only 1.0 gets 1.0.
    pub protocol: Protocol,
    /// Older samples are stored in the bucket.
    pub max_age: Duration,
    pub bucket: String,
    pub queue_url: String,
    pub dead_letter_url: String,
}

/// Authentication to the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthSource {
    None,
    /// Signature Version 4 with the role of the function, for this region.
    SigV4 {
        region: String,
    },
    /// The name of a secret in Secrets Manager; see [`crate::credentials`].
    Secret(String),
}

impl AuthSource {
    /// Where the secret is stored, if there is one.
    pub(crate) fn secret(&self) -> Option<SecretReference> {
        match self {
            Self::Secret(name) => {
                Some(SecretReference::SecretsManager { id: name.clone(), key: None })
            }
            Self::None | Self::SigV4 { .. } => None,
        }
    }
}

impl Config {
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let settings = Settings::new(&env);
        let url = settings.required("REMOTE_WRITE_URL", URL)?;
        if remote_write::Settings::new(&url).is_err() {
            // Not repeated, since it may contain a password.
            let value = "(not shown)".to_owned();
            return Err(SettingError::Invalid {
                name: "REMOTE_WRITE_URL".into(),
                value,
                expected: URL,
            });
        }
        let auth = settings.optional("REMOTE_WRITE_AUTH");
        let auth = match auth.as_deref() {
            None | Some("none") => AuthSource::None,
            Some("sigv4") => {
                let here = settings.required("AWS_REGION", "a region such as `eu-west-1`")?;
                AuthSource::SigV4 { region: region(&url).unwrap_or(here) }
            }
            Some(name) => AuthSource::Secret(name.to_owned()),
        };
        Ok(Self {
            environment: settings
                .required_as("VIGIE_ENVIRONMENT", "the environment's name, such as `prod`")?,
            auth,
            protocol: settings
                .parsed("REMOTE_WRITE_PROTOCOL", "`1.0` or `2.0`")?
                .unwrap_or_default(),
            max_age: settings.seconds("REMOTE_WRITE_MAX_AGE_SECONDS", MAX_AGE)?,
            bucket: settings
                .required("REPORT_BUCKET", "the bucket for samples that are too old")?,
            queue_url: settings.required("SAMPLES_QUEUE_URL", "the URL of the samples queue")?,
            dead_letter_url: settings.required(
                "SAMPLES_DEAD_LETTER_URL",
                "the URL of the samples queue's dead-letter queue",
            )?,
            url,
        })
    }
}

/// The region in `https://aps-workspaces.REGION.amazonaws.com/…`.
fn region(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let (service, rest) = url.host_str()?.split_once('.')?;
    let (region, _) = rest.split_once('.')?;
    (service == "aps-workspaces").then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, SettingError> {
        let env = |name: &str| {
            let value = changes.iter().find(|(changed, _)| *changed == name);
            let value = value.map_or_else(
                || match name {
                    "VIGIE_ENVIRONMENT" => "prod",
                    "REMOTE_WRITE_URL" => "https://prometheus/api/v1/write",
                    "REPORT_BUCKET" => "reports",
                    "SAMPLES_QUEUE_URL" => "https://sqs/samples.fifo",
                    "SAMPLES_DEAD_LETTER_URL" => "https://sqs/samples-dead.fifo",
                    "AWS_REGION" => "eu-west-3",
                    _ => "",
                },
                |(_, value)| *value,
            );
            (!value.is_empty()).then(|| value.to_owned())
        };
        Config::from_env(env)
    }

    #[test]
    fn unset_settings_use_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.auth, AuthSource::None);
        assert_eq!((config.max_age.as_secs(), config.protocol), (3000, Protocol::V1));
    }

    #[test]
    fn signature_uses_the_region_of_the_receiver() {
        let managed =
            "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";
        let auth =
            |url| read(&[("REMOTE_WRITE_URL", url), ("REMOTE_WRITE_AUTH", "sigv4")]).unwrap().auth;
        assert_eq!(auth(managed), AuthSource::SigV4 { region: "eu-west-1".into() });
        assert_eq!(auth("https://proxy/write"), AuthSource::SigV4 { region: "eu-west-3".into() });
    }

    #[test]
    fn invalid_setting_is_reported_by_name_without_the_url() {
        let cases = [
            (
                ("REPORT_BUCKET", ""),
                "`REPORT_BUCKET` is not set; expected the bucket for samples that are too old",
            ),
            (
                ("REMOTE_WRITE_MAX_AGE_SECONDS", "1h"),
                "`REMOTE_WRITE_MAX_AGE_SECONDS` is `1h`; expected whole seconds, such as `20`",
            ),
            (
                ("REMOTE_WRITE_PROTOCOL", "3.0"),
                "`REMOTE_WRITE_PROTOCOL` is `3.0`; expected `1.0` or `2.0`",
            ),
            (
                ("REMOTE_WRITE_URL", "https://me:hunter2@host/"),
                "`REMOTE_WRITE_URL` is `(not shown)`; expected a URL such as `https://prometheus:9090/api/v1/write`, without a password in it",
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(read(&[change]).unwrap_err().to_string(), expected);
        }
    }
}

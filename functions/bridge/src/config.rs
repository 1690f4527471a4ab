//! The settings, read and refused before the first event.

use std::time::Duration;

use domain::EnvironmentName;
use domain::SecretReference;
use lambda_kit::{SettingError, Settings};
use samples::Protocol;

/// Beyond about an hour Prometheus refuses samples, or answers 500 for ever.
const MAX_AGE: Duration = Duration::from_secs(3000);

const URL: &str = "a URL such as `https://prometheus:9090/api/v1/write`, without a password in it";

/// Where samples come from and go to.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    /// The receiver; its scheme is `http` or `https` and it holds no credentials.
    pub url: String,
    pub auth: AuthSource,
    /// Spoken first.
    pub protocol: Protocol,
    /// Older samples go to the bucket.
    pub max_age: Duration,
    pub bucket: String,
    pub queue_url: String,
    pub dead_letter_url: String,
}

/// How the bridge proves itself to the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthSource {
    None,
    /// With the function's own role, for this region.
    SigV4 {
        region: String,
    },
    /// The name of a secret in Secrets Manager; see [`crate::credentials`].
    Secret(String),
}

impl AuthSource {
    /// Where the secret lies, if there is one.
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
            // Not repeated: it may hold what made it wrong, a password.
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
    let host = url.split("://").nth(1)?.split('/').next()?;
    let mut parts = host.split('.');
    (parts.next()? == "aps-workspaces").then(|| parts.next().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
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
        Config::from_env(env).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_as_it_usually_is() {
        let config = read(&[]).unwrap();
        assert_eq!(config.auth, AuthSource::None);
        assert_eq!((config.max_age.as_secs(), config.protocol), (3000, Protocol::V1));
    }

    #[test]
    fn signatures_are_for_the_receivers_region() {
        let managed =
            "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";
        let auth =
            |url| read(&[("REMOTE_WRITE_URL", url), ("REMOTE_WRITE_AUTH", "sigv4")]).unwrap().auth;
        assert_eq!(auth(managed), AuthSource::SigV4 { region: "eu-west-1".into() });
        assert_eq!(auth("https://proxy/write"), AuthSource::SigV4 { region: "eu-west-3".into() });
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name_and_a_url_is_not_repeated() {
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
            assert_eq!(read(&[change]).unwrap_err(), expected);
        }
    }
}

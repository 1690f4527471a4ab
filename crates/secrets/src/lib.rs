//! Fetches secrets from Secrets Manager and Parameter Store by name, and keeps them for a while.
//!
//! A secret is fetched when it is first needed and again when it is older than its lifetime, so
//! that a rotated one is picked up without a deploy. When a fetch fails, the old value is used for
//! one more lifetime: a hiccup of the store is no reason to call a target down.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_ssm::Client as ParameterStore;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

/// How long a fetched secret is used before it is fetched again.
pub const LIFETIME: Duration = Duration::from_secs(300);

/// How long one fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// Secrets Manager, by name or ARN; with a key, one field of a secret that is a JSON object.
    Secret { id: String, key: Option<String> },
    /// Parameter Store, decrypted.
    Parameter(String),
}

/// As it stands in a probe file, `secret:ID#key` or `ssm:/path`. It names the secret and holds none of it.
impl fmt::Display for Reference {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { id, key: None } => write!(to, "secret:{id}"),
            Self::Secret { id, key: Some(key) } => write!(to, "secret:{id}#{key}"),
            Self::Parameter(path) => write!(to, "ssm:{path}"),
        }
    }
}

impl Reference {
    /// The whole secret, which is kept once, whichever of its keys are asked for.
    fn whole(&self) -> Self {
        match self {
            Self::Secret { id, .. } => Self::Secret { id: id.clone(), key: None },
            Self::Parameter(_) => self.clone(),
        }
    }
}

/// Why there is no secret. Says where it should have been, never what was found there.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("`{reference}` could not be read")]
    Unavailable { reference: Reference, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{reference}` took longer than {} s to read", FETCH_TIMEOUT.as_secs())]
    Late { reference: Reference },
    #[error("`{reference}` has no text; expected a secret string")]
    NoText { reference: Reference },
    #[error(
        "`{reference}` names a key, but the secret is no JSON object with a text under that key"
    )]
    NoKey { reference: Reference },
}

/// The secrets of one execution environment.
pub struct Secrets {
    manager: SecretsManager,
    parameters: ParameterStore,
    lifetime: Duration,
    // One lock for all: a second conversation that needs the same secret waits for the first fetch.
    kept: Mutex<HashMap<Reference, Kept>>,
}

struct Kept {
    value: SecretString,
    fetched: Instant,
}

impl Secrets {
    #[must_use]
    pub fn new(manager: SecretsManager, parameters: ParameterStore) -> Self {
        Self { manager, parameters, lifetime: LIFETIME, kept: Mutex::default() }
    }

    /// The secret behind `reference`, from the cache while it is fresh.
    ///
    /// `now` is the time of the call; a fetched secret is fresh for [`LIFETIME`].
    pub async fn get(
        &self,
        reference: &Reference,
        now: Instant,
    ) -> Result<SecretString, SecretError> {
        let value = self.whole(&reference.whole(), now).await?;
        match reference {
            Reference::Secret { key: Some(key), .. } => field(&value, key)
                .ok_or_else(|| SecretError::NoKey { reference: reference.clone() }),
            _ => Ok(value),
        }
    }

    /// Drops the secret behind `reference` from the cache: whom it was shown to refused it, so that it may
    /// have been rotated.
    pub async fn forget(&self, reference: &Reference) {
        self.kept.lock().await.remove(&reference.whole());
    }

    async fn whole(
        &self,
        reference: &Reference,
        now: Instant,
    ) -> Result<SecretString, SecretError> {
        let mut kept = self.kept.lock().await;
        let age = |kept: &Kept| now.saturating_duration_since(kept.fetched);
        if let Some(fresh) = kept.get(reference).filter(|kept| age(kept) < self.lifetime) {
            return Ok(fresh.value.clone());
        }
        match self.fetch(reference).await {
            Ok(value) => {
                kept.insert(reference.clone(), Kept { value: value.clone(), fetched: now });
                Ok(value)
            }
            Err(error) => match kept.get(reference).filter(|kept| age(kept) < self.lifetime * 2) {
                Some(old) => Ok(old.value.clone()),
                None => Err(error),
            },
        }
    }

    async fn fetch(&self, reference: &Reference) -> Result<SecretString, SecretError> {
        let fetch = async {
            match reference {
                Reference::Secret { id, .. } => {
                    match self.manager.get_secret_value().secret_id(id).send().await {
                        Ok(found) => Ok(found.secret_string),
                        Err(source) => Err(unavailable(reference, source)),
                    }
                }
                Reference::Parameter(path) => {
                    match self
                        .parameters
                        .get_parameter()
                        .name(path)
                        .with_decryption(true)
                        .send()
                        .await
                    {
                        Ok(found) => Ok(found.parameter.and_then(|parameter| parameter.value)),
                        Err(source) => Err(unavailable(reference, source)),
                    }
                }
            }
        };
        let late = |_| SecretError::Late { reference: reference.clone() };
        let found = tokio::time::timeout(FETCH_TIMEOUT, fetch).await.map_err(late)??;
        found
            .map(SecretString::from)
            .ok_or_else(|| SecretError::NoText { reference: reference.clone() })
    }
}

fn unavailable(
    reference: &Reference,
    source: impl std::error::Error + Send + Sync + 'static,
) -> SecretError {
    SecretError::Unavailable { reference: reference.clone(), source: Box::new(source) }
}

fn field(secret: &SecretString, key: &str) -> Option<SecretString> {
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(secret.expose_secret()).ok()?;
    Some(SecretString::from(fields.get(key)?.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_secretsmanager::operation::get_secret_value::{
        GetSecretValueError, GetSecretValueOutput,
    };
    use aws_sdk_secretsmanager::types::error::ResourceNotFoundException;
    use aws_sdk_ssm::operation::get_parameter::GetParameterOutput;
    use aws_sdk_ssm::types::Parameter;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    const CANARY: &str = r#"{"password":"canary-5f1c","user":"probe"}"#;

    fn password() -> Reference {
        Reference::Secret { id: "vigie/bot".to_owned(), key: Some("password".to_owned()) }
    }

    fn found() -> GetSecretValueOutput {
        GetSecretValueOutput::builder().secret_string(CANARY).build()
    }

    fn missing() -> GetSecretValueError {
        GetSecretValueError::ResourceNotFoundException(ResourceNotFoundException::builder().build())
    }

    #[tokio::test]
    async fn a_secret_is_fetched_once_for_all_its_keys_until_it_is_old() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, mock_client!(aws_sdk_ssm, []));
        let start = Instant::now();
        for _ in 0..3 {
            let secret = secrets.get(&password(), start).await.unwrap();
            assert_eq!(secret.expose_secret(), "canary-5f1c");
        }
        let user = Reference::Secret { id: "vigie/bot".to_owned(), key: Some("user".to_owned()) };
        assert_eq!(secrets.get(&user, start).await.unwrap().expose_secret(), "probe");
        assert_eq!(rule.num_calls(), 1);
        secrets.get(&password(), start + LIFETIME).await.unwrap();
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn a_secret_that_was_refused_is_fetched_anew() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, mock_client!(aws_sdk_ssm, []));
        let start = Instant::now();
        secrets.get(&password(), start).await.unwrap();
        secrets.forget(&password()).await;
        secrets.get(&password(), start).await.unwrap();
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn an_old_secret_serves_while_the_store_is_away() {
        let first = mock!(SecretsManager::get_secret_value).then_output(found);
        let then = mock!(SecretsManager::get_secret_value).then_error(missing);
        let manager =
            mock_client!(aws_sdk_secretsmanager, RuleMode::Sequential, [&first, &then, &then]);
        let secrets = Secrets::new(manager, mock_client!(aws_sdk_ssm, []));
        let start = Instant::now();
        secrets.get(&password(), start).await.unwrap();
        assert!(secrets.get(&password(), start + LIFETIME).await.is_ok());
    }

    #[tokio::test]
    async fn a_parameter_is_read_decrypted() {
        let rule = mock!(ParameterStore::get_parameter)
            .match_requests(|request| {
                request.name() == Some("/vigie/token") && request.with_decryption() == Some(true)
            })
            .then_output(|| {
                GetParameterOutput::builder()
                    .parameter(Parameter::builder().value("token-1").build())
                    .build()
            });
        let secrets = Secrets::new(
            mock_client!(aws_sdk_secretsmanager, []),
            mock_client!(aws_sdk_ssm, [&rule]),
        );
        let token = secrets
            .get(&Reference::Parameter("/vigie/token".to_owned()), Instant::now())
            .await
            .unwrap();
        assert_eq!(token.expose_secret(), "token-1");
    }

    #[tokio::test]
    async fn an_error_names_the_secret_and_holds_none_of_it() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, mock_client!(aws_sdk_ssm, []));
        let absent =
            Reference::Secret { id: "vigie/bot".to_owned(), key: Some("token".to_owned()) };
        let error = secrets.get(&absent, Instant::now()).await.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("secret:vigie/bot#token"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
}

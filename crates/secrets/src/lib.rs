//! Fetches secrets from Secrets Manager and Parameter Store, and caches them.
//!
//! A secret is fetched again once it is older than [`LIFETIME`], so that a rotated secret is used
//! without a deploy. If that fails, the old value is used for one more lifetime: an outage of the
//! store must not make a target look down.
//!
//! A secret that is a JSON object with the field `hosts` is bound to these hosts: [`Fetched::hosts`].

mod parameter_store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client as SecretsManager;
use domain::SecretReference;
use futures_util::future::try_join_all;
use secrecy::{ExposeSecret, SecretString};

pub use parameter_store::ParameterStore;

/// How long a fetched secret is used before it is fetched again.
pub const LIFETIME: Duration = Duration::from_secs(300);

/// The longest time one fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a secret is not available. Names the reference, never the content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    #[error("could not read `{reference}`")]
    Unavailable { reference: SecretReference, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("reading `{reference}` took longer than {} s", FETCH_TIMEOUT.as_secs())]
    Timeout { reference: SecretReference },
    #[error("`{reference}` has no text; expected a secret string")]
    NoText { reference: SecretReference },
    #[error("`{reference}` names a key; expected a JSON object with a text under that key")]
    NoKey { reference: SecretReference },
    #[error("the field `hosts` of `{reference}` is not valid; expected a list of host names")]
    Hosts { reference: SecretReference },
}

/// Fetched secrets, and the hosts to which they may be sent.
#[derive(Clone, Default)]
pub struct Fetched {
    pub values: HashMap<SecretReference, SecretString>,
    /// The hosts of each secret that is bound to hosts.
    pub hosts: HashMap<SecretReference, Vec<String>>,
}

/// The secrets of one execution environment.
pub struct Secrets {
    manager: SecretsManager,
    parameters: ParameterStore,
    lifetime: Duration,
    /// By the reference to the whole secret, without a key.
    cache: Mutex<HashMap<SecretReference, Arc<Entry>>>,
}

/// One lock for each secret: a second conversation that needs the same secret waits for the first
/// fetch, and one that needs another secret does not.
type Entry = tokio::sync::Mutex<Option<Cached>>;

struct Cached {
    value: SecretString,
    fetched: Instant,
}

impl Secrets {
    #[must_use]
    pub fn new(manager: SecretsManager, parameters: ParameterStore) -> Self {
        Self { manager, parameters, lifetime: LIFETIME, cache: Mutex::default() }
    }

    /// The secret behind `reference`, from the cache if it is younger than [`LIFETIME`].
    ///
    /// `now` is the time of the call.
    pub async fn get(
        &self,
        reference: &SecretReference,
        now: Instant,
    ) -> Result<SecretString, SecretError> {
        Ok(self.get_with_hosts(reference, now).await?.0)
    }

    async fn get_with_hosts(
        &self,
        reference: &SecretReference,
        now: Instant,
    ) -> Result<(SecretString, Option<Vec<String>>), SecretError> {
        let whole = self.whole_secret(&without_key(reference), now).await?;
        let hosts = hosts(&whole, reference)?;
        match reference {
            SecretReference::SecretsManager { key: Some(key), .. } => field(&whole, key)
                .map(|value| (value, hosts))
                .ok_or_else(|| SecretError::NoKey { reference: reference.clone() }),
            _ => Ok((whole, hosts)),
        }
    }

    /// The secrets behind all `references`, fetched at the same time.
    pub async fn get_all(
        &self,
        references: &[SecretReference],
        now: Instant,
    ) -> Result<Fetched, SecretError> {
        let get = async |reference: &SecretReference| {
            Ok((reference.clone(), self.get_with_hosts(reference, now).await?))
        };
        let mut fetched = Fetched::default();
        for (reference, (value, hosts)) in try_join_all(references.iter().map(get)).await? {
            fetched.hosts.extend(hosts.map(|hosts| (reference.clone(), hosts)));
            fetched.values.insert(reference, value);
        }
        Ok(fetched)
    }

    /// Removes the secret behind `reference` from the cache.
    ///
    /// To be called when a server refused the secret, which may have been rotated.
    pub fn forget(&self, reference: &SecretReference) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.remove(&without_key(reference));
    }

    fn entry(&self, reference: &SecretReference) -> Arc<Entry> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cache.entry(reference.clone()).or_default())
    }

    async fn whole_secret(
        &self,
        reference: &SecretReference,
        now: Instant,
    ) -> Result<SecretString, SecretError> {
        let entry = self.entry(reference);
        let mut cached = entry.lock().await;
        let younger_than = |limit: Duration| {
            let age = |cached: &&Cached| now.saturating_duration_since(cached.fetched);
            cached.as_ref().filter(|cached| age(cached) < limit).map(|cached| cached.value.clone())
        };
        if let Some(fresh) = younger_than(self.lifetime) {
            return Ok(fresh);
        }
        match self.fetch(reference).await {
            Ok(value) => {
                *cached = Some(Cached { value: value.clone(), fetched: now });
                Ok(value)
            }
            Err(error) => younger_than(self.lifetime * 2).ok_or(error),
        }
    }

    async fn fetch(&self, reference: &SecretReference) -> Result<SecretString, SecretError> {
        let fetch = async {
            match reference {
                SecretReference::SecretsManager { id, .. } => {
                    let answer = self.manager.get_secret_value().secret_id(id).send().await;
                    answer
                        .map(|answer| answer.secret_string)
                        .map_err(|source| unavailable(reference, source))
                }
                SecretReference::ParameterStore(path) => {
                    self.parameters.get(path).await.map_err(|source| unavailable(reference, source))
                }
            }
        };
        let timeout = |_| SecretError::Timeout { reference: reference.clone() };
        let text = tokio::time::timeout(FETCH_TIMEOUT, fetch).await.map_err(timeout)??;
        text.map(SecretString::from)
            .ok_or_else(|| SecretError::NoText { reference: reference.clone() })
    }
}

/// The whole secret is cached once, however many of its keys are used.
fn without_key(reference: &SecretReference) -> SecretReference {
    match reference {
        SecretReference::SecretsManager { id, .. } => {
            SecretReference::SecretsManager { id: id.clone(), key: None }
        }
        SecretReference::ParameterStore(_) => reference.clone(),
    }
}

fn unavailable(
    reference: &SecretReference,
    source: impl std::error::Error + Send + Sync + 'static,
) -> SecretError {
    SecretError::Unavailable { reference: reference.clone(), source: Box::new(source) }
}

/// The hosts in the field `hosts` of a JSON object; `None` if there is no such field.
fn hosts(
    secret: &SecretString,
    reference: &SecretReference,
) -> Result<Option<Vec<String>>, SecretError> {
    #[derive(serde::Deserialize)]
    struct Bound {
        hosts: Option<serde_json::Value>,
    }
    let Ok(Bound { hosts: Some(hosts) }) = serde_json::from_str(secret.expose_secret()) else {
        return Ok(None);
    };
    let hosts: Option<Vec<String>> = serde_json::from_value(hosts).ok();
    let hosts = hosts.filter(|hosts| !hosts.is_empty());
    hosts.map(Some).ok_or_else(|| SecretError::Hosts { reference: reference.clone() })
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
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    const CANARY: &str = r#"{"password":"canary-5f1c","user":"probe"}"#;

    fn no_parameters() -> ParameterStore {
        ParameterStore::new(&aws_types::SdkConfig::builder().build())
    }

    fn in_manager(id: &str, key: &str) -> SecretReference {
        SecretReference::SecretsManager { id: id.to_owned(), key: Some(key.to_owned()) }
    }

    fn password() -> SecretReference {
        in_manager("vigie/bot", "password")
    }

    fn found() -> GetSecretValueOutput {
        GetSecretValueOutput::builder().secret_string(CANARY).build()
    }

    fn missing() -> GetSecretValueError {
        GetSecretValueError::ResourceNotFoundException(ResourceNotFoundException::builder().build())
    }

    #[tokio::test]
    async fn secret_is_fetched_once_for_all_its_keys_while_fresh() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, no_parameters());
        let start = Instant::now();
        for _ in 0..3 {
            let secret = secrets.get(&password(), start).await.unwrap();
            assert_eq!(secret.expose_secret(), "canary-5f1c");
        }
        let user = in_manager("vigie/bot", "user");
        assert_eq!(secrets.get(&user, start).await.unwrap().expose_secret(), "probe");
        assert_eq!(rule.num_calls(), 1);
        secrets.get(&password(), start + LIFETIME).await.unwrap();
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn forgotten_secret_is_fetched_again() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, no_parameters());
        let start = Instant::now();
        secrets.get(&password(), start).await.unwrap();
        secrets.forget(&password());
        secrets.get(&password(), start).await.unwrap();
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn old_secret_is_used_while_the_store_is_unavailable() {
        let first = mock!(SecretsManager::get_secret_value).then_output(found);
        let then = mock!(SecretsManager::get_secret_value).then_error(missing);
        let manager =
            mock_client!(aws_sdk_secretsmanager, RuleMode::Sequential, [&first, &then, &then]);
        let secrets = Secrets::new(manager, no_parameters());
        let start = Instant::now();
        secrets.get(&password(), start).await.unwrap();
        assert!(secrets.get(&password(), start + LIFETIME).await.is_ok());
    }

    #[tokio::test]
    async fn error_names_the_reference_and_not_the_content() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, no_parameters());
        let absent = in_manager("vigie/bot", "token");
        let error = secrets.get(&absent, Instant::now()).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("secret:vigie/bot#token"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn slow_secret_does_not_delay_another_one() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, no_parameters());
        // As if another conversation were fetching this secret.
        let slow = secrets.entry(&without_key(&in_manager("vigie/slow", "password")));
        let _fetching = slow.lock().await;
        let reference = password();
        let other = secrets.get(&reference, Instant::now());
        let secret = tokio::time::timeout(Duration::from_secs(1), other).await.unwrap().unwrap();
        assert_eq!(secret.expose_secret(), "canary-5f1c");
    }

    #[tokio::test]
    async fn all_secrets_of_a_target_are_fetched() {
        let rule = mock!(SecretsManager::get_secret_value).then_output(found);
        let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
        let secrets = Secrets::new(manager, no_parameters());
        let references = [password(), in_manager("vigie/bot", "user")];
        let found = secrets.get_all(&references, Instant::now()).await.unwrap();
        assert_eq!(found.values[&references[1]].expose_secret(), "probe");
        assert_eq!((found.values.len(), found.hosts.len(), rule.num_calls()), (2, 0, 1));
    }

    #[tokio::test]
    async fn hosts_of_a_bound_secret_are_returned() {
        let cases: [(&'static str, Option<&[&str]>); 5] = [
            (
                r#"{"password":"p","hosts":["chat.example.com","*.internal"]}"#,
                Some(&["chat.example.com", "*.internal"]),
            ),
            (r#"{"password":"p"}"#, Some(&[])),
            // A binding that cannot be read must not be ignored.
            (r#"{"password":"p","hosts":"chat.example.com"}"#, None),
            (r#"{"password":"p","hosts":[1]}"#, None),
            (r#"{"password":"p","hosts":[]}"#, None),
        ];
        for (secret, expected) in cases {
            let output = move || GetSecretValueOutput::builder().secret_string(secret).build();
            let rule = mock!(SecretsManager::get_secret_value).then_output(output);
            let manager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&rule]);
            let secrets = Secrets::new(manager, no_parameters());
            let found = secrets.get_all(&[password()], Instant::now()).await;
            let hosts = found.map(|found| found.hosts.into_values().flatten().collect::<Vec<_>>());
            assert_eq!(
                hosts.ok().as_deref(),
                expected
                    .map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{secret}"
            );
        }
    }
}

//! A probe: a named conversation with its target and schedule.
//!
//! [`ProbeSpec`] is what the file says for all environments, [`Probe`] what holds in one of them.
//! A message carries the latter whole, secrets still as references.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::template::Part;
use crate::{AlarmRule, Check, EnvironmentName, ProbeName, Template, wire};

/// A probe as its file has it, with values that may differ by environment.
pub type ProbeSpec = Probe<TargetSpec>;

/// A named conversation with a target, and when to hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe<T = Target> {
    pub name: ProbeName,
    /// Interval between two runs: 10, 20 or 30 s, or whole minutes up to a day; see [`is_interval`].
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
    /// Where it runs; `None` means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentName>>,
    /// `false`: no runs and no alarms.
    pub enabled: bool,
    /// The whole visit, retries included; at most [`longest_timeout`].
    #[serde(with = "wire::seconds", rename = "timeout_seconds")]
    pub timeout: Duration,
    pub target: T,
    pub retry: Retry,
    /// A promise about a paid model, checked when the file is read; `None`: no promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_runs_per_day: Option<u32>,
    pub objectives: Objectives,
    /// At least one turn.
    pub conversation: Vec<Turn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape: Option<Scrape>,
    pub alarm: AlarmRule,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

/// A value that is the same everywhere, or one for each environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PerEnvironment<T> {
    Same(T),
    By(BTreeMap<EnvironmentName, T>),
}

impl<T> PerEnvironment<T> {
    /// `None` when the value has no entry for this environment.
    #[must_use]
    pub fn get(&self, environment: &EnvironmentName) -> Option<&T> {
        match self {
            Self::Same(value) => Some(value),
            Self::By(values) => values.get(environment),
        }
    }
}

/// The target as the file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSpec {
    pub url: PerEnvironment<Template>,
    pub auth: Option<PerEnvironment<Auth>>,
    /// The `api_name` or number of the endpoint; found by itself when left out.
    pub endpoint: Option<PerEnvironment<Template>>,
    /// Further inputs of the app by parameter name or label; texts in them are templates.
    pub inputs: BTreeMap<String, PerEnvironment<Value>>,
}

/// The target in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub url: Template,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Template>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
}

impl Target {
    /// Calls `visit` for every template of the target.
    pub fn visit_templates(&self, visit: &mut impl FnMut(&Template)) {
        visit(&self.url);
        self.endpoint.iter().for_each(&mut *visit);
        if let Some(auth) = &self.auth {
            if let Some(Login { username, password }) = &auth.login {
                visit(username);
                visit(password);
            }
            auth.bearer.iter().chain(auth.headers.values()).for_each(&mut *visit);
        }
        for value in self.inputs.values() {
            visit_texts(value, &mut |text| text.parse().iter().for_each(&mut *visit));
        }
    }
}

fn visit_texts(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| visit_texts(item, visit)),
        Value::Object(fields) => fields.values().for_each(|field| visit_texts(field, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The credentials for the target. Several kinds may be used together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Auth {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// Sent as `Authorization: Bearer …`; private Spaces on Hugging Face accept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<Template>,
    /// Request headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
}

/// User name and password for Gradio's log-in page, or for HTTP basic authentication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Login {
    pub username: Template,
    pub password: Template,
}

/// What happens after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Further attempts after the first one, 0 to 5.
    pub attempts: u32,
    /// Pause before each of them.
    #[serde(with = "wire::seconds", rename = "wait_seconds")]
    pub wait: Duration,
}

impl Default for Retry {
    /// One more try after two seconds; passing only then is `degraded`.
    fn default() -> Self {
        Self { attempts: 1, wait: Duration::from_secs(2) }
    }
}

/// Times a turn is held to; `None` means no objective. Meeting it exactly is meeting it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// Prompt sent to first chunk with text.
    #[serde(default, with = "wire::optional_seconds", rename = "first_chunk_seconds")]
    pub first_chunk: Option<Duration>,
    /// Prompt sent to end of reply.
    #[serde(default, with = "wire::optional_seconds", rename = "reply_seconds")]
    pub reply: Option<Duration>,
}

impl Objectives {
    /// These, with what is not set here taken from `general`.
    #[must_use]
    pub fn or(self, general: Self) -> Self {
        Self {
            first_chunk: self.first_chunk.or(general.first_chunk),
            reply: self.reply.or(general.reply),
        }
    }
}

/// One prompt and what its reply is held to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    pub say: Template,
    #[serde(default)]
    pub expect: Vec<Check>,
    /// Overrides the probe's objectives, one by one.
    #[serde(default)]
    pub objectives: Objectives,
    /// Parts of the reply to keep for later turns: name → regex (group 1, or the whole match).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub save: BTreeMap<String, String>,
}

/// The app's own metrics, forwarded to Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrape {
    /// Path on the target's host.
    pub path: String,
    pub job: String,
    /// A multiple of 5 s up to an hour; see [`is_scrape_interval`].
    #[serde(with = "wire::seconds", rename = "every_seconds")]
    pub every: Duration,
}

/// Whether a probe may run at this interval: 10, 20 or 30 s, or whole minutes up to a day.
///
/// These are the periods that CloudWatch offers for alarms.
#[must_use]
pub fn is_interval(every: Duration) -> bool {
    let seconds = every.as_secs();
    let whole = every.subsec_nanos() == 0;
    whole
        && (matches!(seconds, 10 | 20 | 30)
            || (seconds.is_multiple_of(60) && (60..=86_400).contains(&seconds)))
}

/// Whether a target may be scraped at this interval: multiples of 5 s from 5 s to an hour.
#[must_use]
pub fn is_scrape_interval(every: Duration) -> bool {
    every.subsec_nanos() == 0
        && every.as_secs().is_multiple_of(5)
        && (5..=3_600).contains(&every.as_secs())
}

/// The timeout of a probe that names none: half its interval, and no more than two minutes.
#[must_use]
pub fn default_timeout(every: Duration) -> Duration {
    (every / 2).min(Duration::from_secs(120))
}

/// The longest timeout a probe may have: 5 s less than its interval, so that its runs never
/// overlap, and never more than ten minutes, so that it ends before Lambda's limit of fifteen.
#[must_use]
pub fn longest_timeout(every: Duration) -> Duration {
    every.saturating_sub(Duration::from_secs(5)).min(Duration::from_secs(600))
}

/// Why a probe can't be played in an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("probe `{probe}`: `{key}` has no value for environment `{environment}`")]
    NoValue { probe: ProbeName, key: String, environment: EnvironmentName },
    #[error("probe `{probe}`: `{key}` uses `${{{variable}}}`, which is not set")]
    NoVariable { probe: ProbeName, key: String, variable: String },
}

/// The `job` label of a probe that names none.
pub const DEFAULT_JOB: &str = "gradio_chatbot";

impl<T> Probe<T> {
    /// The `job` label of the probe's series: that of its scrape, so that both stand side by side.
    #[must_use]
    pub fn job(&self) -> &str {
        self.scrape.as_ref().map_or(DEFAULT_JOB, |scrape| &scrape.job)
    }
}

impl ProbeSpec {
    /// Whether this probe is switched on and meant for this environment.
    #[must_use]
    pub fn runs_in(&self, environment: &EnvironmentName) -> bool {
        self.enabled && self.environments.as_ref().is_none_or(|named| named.contains(environment))
    }

    /// Whether a value of this probe differs by environment, so that one must be named to play it.
    #[must_use]
    pub fn differs_by_environment(&self) -> bool {
        let by = |value: &PerEnvironment<Template>| matches!(value, PerEnvironment::By(_));
        by(&self.target.url)
            || self.target.endpoint.as_ref().is_some_and(by)
            || matches!(self.target.auth, Some(PerEnvironment::By(_)))
            || self.target.inputs.values().any(|value| matches!(value, PerEnvironment::By(_)))
    }

    /// The probe in one environment, its `${UPPER_CASE}` variables and `${environment}` filled in.
    ///
    /// # Errors
    /// When a value has no entry for the environment, or a variable is not set.
    pub fn resolve(
        &self,
        environment: &EnvironmentName,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Probe, ResolveError> {
        let resolver = Resolver { probe: &self.name, environment, variable };
        let target = Target {
            url: resolver.template("target.url", resolver.pick("target.url", &self.target.url)?)?,
            auth: match &self.target.auth {
                None => None,
                Some(auth) => Some(resolver.auth(resolver.pick("target.auth", auth)?)?),
            },
            endpoint: match &self.target.endpoint {
                None => None,
                Some(endpoint) => {
                    let endpoint = resolver.pick("target.endpoint", endpoint)?;
                    Some(resolver.template("target.endpoint", endpoint)?)
                }
            },
            inputs: self
                .target
                .inputs
                .iter()
                .map(|(key, value)| {
                    let place = format!("target.inputs.{key}");
                    let value = resolver.value(&place, resolver.pick(&place, value)?)?;
                    Ok((key.clone(), value))
                })
                .collect::<Result<_, _>>()?,
        };
        let conversation = self
            .conversation
            .iter()
            .enumerate()
            .map(|(index, turn)| resolver.turn(index, turn))
            .collect::<Result<_, _>>()?;
        Ok(Probe {
            name: self.name.clone(),
            every: self.every,
            environments: self.environments.clone(),
            enabled: self.enabled,
            timeout: self.timeout,
            target,
            retry: self.retry,
            max_runs_per_day: self.max_runs_per_day,
            objectives: self.objectives,
            conversation,
            scrape: self.scrape.clone(),
            alarm: self.alarm,
            labels: self.labels.clone(),
            runbook: self.runbook.clone(),
        })
    }
}

struct Resolver<'a> {
    probe: &'a ProbeName,
    environment: &'a EnvironmentName,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Resolver<'_> {
    fn pick<'v, T>(&self, key: &str, value: &'v PerEnvironment<T>) -> Result<&'v T, ResolveError> {
        value.get(self.environment).ok_or_else(|| ResolveError::NoValue {
            probe: self.probe.clone(),
            key: key.to_owned(),
            environment: self.environment.clone(),
        })
    }

    fn template(&self, key: &str, template: &Template) -> Result<Template, ResolveError> {
        template.fill(|part| match part {
            Part::Variable(name) => match (self.variable)(name) {
                Some(value) => Ok(Some(Cow::Owned(value))),
                None => Err(ResolveError::NoVariable {
                    probe: self.probe.clone(),
                    key: key.to_owned(),
                    variable: name.clone(),
                }),
            },
            Part::Word(word) if word == "environment" => {
                Ok(Some(Cow::Borrowed(self.environment.as_str())))
            }
            _ => Ok(None),
        })
    }

    fn auth(&self, auth: &Auth) -> Result<Auth, ResolveError> {
        let login = match &auth.login {
            None => None,
            Some(login) => Some(Login {
                username: self.template("target.auth.username", &login.username)?,
                password: self.template("target.auth.password", &login.password)?,
            }),
        };
        let bearer = match &auth.bearer {
            None => None,
            Some(token) => Some(self.template("target.auth.bearer", token)?),
        };
        let header = |(name, value): (&String, &Template)| {
            let key = format!("target.auth.headers.{name}");
            Ok((name.clone(), self.template(&key, value)?))
        };
        let headers = auth.headers.iter().map(header).collect::<Result<_, ResolveError>>()?;
        Ok(Auth { login, bearer, headers })
    }

    /// Texts in a JSON value are templates too; one that is no template stays as it is.
    fn value(&self, key: &str, value: &Value) -> Result<Value, ResolveError> {
        Ok(match value {
            Value::String(text) => match text.parse::<Template>() {
                Ok(template) => Value::String(self.template(key, &template)?.to_string()),
                Err(_) => value.clone(),
            },
            Value::Array(items) => Value::Array(
                items.iter().map(|item| self.value(key, item)).collect::<Result<_, _>>()?,
            ),
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, field)| Ok((name.clone(), self.value(key, field)?)))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn turn(&self, index: usize, turn: &Turn) -> Result<Turn, ResolveError> {
        let key = format!("conversation[{index}]");
        let expect = turn
            .expect
            .iter()
            .map(|check| check.map_templates(&mut |template, _| self.template(&key, template)))
            .collect::<Result<_, _>>()?;
        Ok(Turn {
            say: self.template(&key, &turn.say)?,
            expect,
            objectives: turn.objectives,
            save: turn.save.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_that_alarms_can_have() {
        let good = [10, 20, 30, 60, 300, 420, 86_400];
        let bad = [0, 5, 15, 40, 61, 90, 86_460];
        assert!(good.iter().all(|seconds| is_interval(Duration::from_secs(*seconds))));
        assert!(!bad.iter().any(|seconds| is_interval(Duration::from_secs(*seconds))));
        assert!(!is_interval(Duration::from_millis(10_500)));
    }

    #[test]
    fn a_turns_own_objective_overrides_the_probes_one_by_one() {
        let general = Objectives {
            first_chunk: Some(Duration::from_secs(3)),
            reply: Some(Duration::from_secs(20)),
        };
        let own = Objectives { first_chunk: Some(Duration::from_secs(5)), reply: None };
        assert_eq!(
            own.or(general),
            Objectives { first_chunk: Some(Duration::from_secs(5)), ..general }
        );
    }

    fn spec(url: PerEnvironment<Template>) -> ProbeSpec {
        Probe {
            name: "bot".parse().unwrap(),
            every: Duration::from_secs(60),
            environments: Some(vec!["prod".parse().unwrap()]),
            enabled: true,
            timeout: Duration::from_secs(30),
            target: TargetSpec { url, auth: None, endpoint: None, inputs: BTreeMap::new() },
            retry: Retry::default(),
            max_runs_per_day: None,
            objectives: Objectives::default(),
            conversation: vec![Turn {
                say: "hello from ${environment}, ${nonce}".parse().unwrap(),
                expect: Vec::new(),
                objectives: Objectives::default(),
                save: BTreeMap::new(),
            }],
            scrape: None,
            alarm: AlarmRule::default(),
            labels: BTreeMap::new(),
            runbook: None,
        }
    }

    #[test]
    fn a_probe_is_resolved_for_one_environment() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let spec = spec(PerEnvironment::Same("${BOT_URL}/x".parse().unwrap()));
        let probe = spec
            .resolve(&prod, &|name| (name == "BOT_URL").then(|| "https://b".to_owned()))
            .unwrap();
        assert_eq!(probe.target.url.text(), Ok("https://b/x".to_owned()));
        assert_eq!(probe.conversation[0].say.to_string(), "hello from prod, ${nonce}");
        let copy: Probe = serde_json::from_str(&serde_json::to_string(&probe).unwrap()).unwrap();
        assert_eq!(copy, probe, "a message carries the probe whole");
    }

    #[test]
    fn what_is_missing_for_an_environment_is_named() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let dev: EnvironmentName = "dev".parse().unwrap();
        let unset =
            spec(PerEnvironment::Same("${BOT_URL}".parse().unwrap())).resolve(&prod, &|_| None);
        assert_eq!(
            unset.unwrap_err().to_string(),
            "probe `bot`: `target.url` uses `${BOT_URL}`, which is not set"
        );
        let only_dev = PerEnvironment::By([(dev, Template::literal("http://x"))].into());
        let missing = spec(only_dev).resolve(&prod, &|_| None);
        assert_eq!(
            missing.unwrap_err().to_string(),
            "probe `bot`: `target.url` has no value for environment `prod`"
        );
    }
}

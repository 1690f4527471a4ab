//! A probe: a named conversation with its target and schedule.
//!
//! [`ProbeSpec`] has the values for all environments, [`Probe`] those for one of them. A run request
//! contains a whole [`Probe`], with references to secrets.

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
    /// The whole run, retries included; at most [`longest_timeout`].
    #[serde(with = "wire::seconds", rename = "timeout_seconds")]
    pub timeout: Duration,
    pub target: T,
    pub retry: Retry,
    /// The most attempts a day, for a paid model. Checked when the file is read.
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
    pub endpoint: Option<PerEnvironment<Template>>,
    pub message: Option<PerEnvironment<Template>>,
    pub reply: Option<PerEnvironment<Vec<Template>>>,
    pub page: Option<PerEnvironment<Page>>,
    pub query: BTreeMap<String, PerEnvironment<Template>>,
    pub ca_file: Option<PerEnvironment<Template>>,
    pub client_certificate: Option<PerEnvironment<ClientCertificate>>,
    pub limits: TargetLimits,
    pub inputs: BTreeMap<String, PerEnvironment<Value>>,
}

impl TargetSpec {
    /// A target with this address and no other setting.
    #[must_use]
    pub fn new(url: PerEnvironment<Template>) -> Self {
        Self {
            url,
            auth: None,
            endpoint: None,
            message: None,
            reply: None,
            page: None,
            query: BTreeMap::new(),
            ca_file: None,
            client_certificate: None,
            limits: TargetLimits::default(),
            inputs: BTreeMap::new(),
        }
    }
}

impl Target {
    /// A target with this address and no other setting.
    #[must_use]
    pub fn new(url: Template) -> Self {
        Self {
            url,
            auth: None,
            endpoint: None,
            message: None,
            reply: Vec::new(),
            page: None,
            query: BTreeMap::new(),
            ca_file: None,
            client_certificate: None,
            limits: TargetLimits::default(),
            inputs: BTreeMap::new(),
        }
    }
}

/// The target in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub url: Template,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The `api_name` or number of the endpoint; detected if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Template>,
    /// The message box, by label; detected if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Template>,
    /// The outputs with the reply, by label; detected if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reply: Vec<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// Parameters added to the query of the address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Template>,
    /// A PEM file of certificate authorities to trust in addition to the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
    #[serde(default, skip_serializing_if = "TargetLimits::is_default")]
    pub limits: TargetLimits,
    /// Further inputs of the app by parameter name or label; texts in them are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
}

/// The page that users open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// The app has no users of a page: only its API is checked.
    Unchecked,
    /// A page of a multi-page app, such as `/chat`.
    Path(Template),
}

/// A certificate and its private key in PEM format, for servers that require mutual TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientCertificate {
    pub certificate: Template,
    pub key: Template,
}

/// Size limits of what the app sends; `None` means the default of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLimits {
    /// One event of a stream, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_bytes: Option<u32>,
    /// All outputs of one function together, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u32>,
    /// One reply, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_characters: Option<u32>,
}

impl TargetLimits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Target {
    /// Calls `visit` for every template of the target.
    pub fn visit_templates(&self, visit: &mut impl FnMut(&Template)) {
        visit(&self.url);
        self.endpoint.iter().chain(&self.message).chain(&self.reply).for_each(&mut *visit);
        if let Some(Page::Path(path)) = &self.page {
            visit(path);
        }
        self.query.values().chain(&self.ca_file).for_each(&mut *visit);
        if let Some(ClientCertificate { certificate, key }) = &self.client_certificate {
            visit(certificate);
            visit(key);
        }
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

/// What a turn must reach to be in time; `None` means no objective. The exact value is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// Prompt sent to first chunk of the reply.
    #[serde(default, with = "wire::optional_seconds", rename = "first_chunk_seconds")]
    pub first_chunk: Option<Duration>,
    /// Prompt sent to end of reply.
    #[serde(default, with = "wire::optional_seconds", rename = "reply_seconds")]
    pub reply: Option<Duration>,
    /// Longest gap between two chunks.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "inter_chunk_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub inter_chunk: Option<Duration>,
    /// Lowest speed of the reply, from its first text to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characters_per_second: Option<u32>,
}

impl Objectives {
    /// These objectives, and those of `general` that are not set here.
    #[must_use]
    pub fn or(self, general: Self) -> Self {
        Self {
            first_chunk: self.first_chunk.or(general.first_chunk),
            reply: self.reply.or(general.reply),
            inter_chunk: self.inter_chunk.or(general.inter_chunk),
            characters_per_second: self.characters_per_second.or(general.characters_per_second),
        }
    }
}

/// One prompt and the checks on its reply.
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

/// Why a probe cannot run in an environment.
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
        fn by<T>(value: &PerEnvironment<T>) -> bool {
            matches!(value, PerEnvironment::By(_))
        }
        let target = &self.target;
        by(&target.url)
            || [&target.endpoint, &target.message, &target.ca_file].into_iter().flatten().any(by)
            || target.auth.as_ref().is_some_and(by)
            || target.reply.as_ref().is_some_and(by)
            || target.page.as_ref().is_some_and(by)
            || target.client_certificate.as_ref().is_some_and(by)
            || target.query.values().any(by)
            || target.inputs.values().any(by)
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
        let target = resolver.target(&self.target)?;
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

    fn target(&self, spec: &TargetSpec) -> Result<Target, ResolveError> {
        let reply = match &spec.reply {
            None => Vec::new(),
            Some(reply) => {
                let reply = self.pick("target.reply", reply)?.iter();
                reply.map(|label| self.template("target.reply", label)).collect::<Result<_, _>>()?
            }
        };
        let page = self.optional("target.page", spec.page.as_ref(), |page| {
            Ok(match page {
                Page::Unchecked => Page::Unchecked,
                Page::Path(path) => Page::Path(self.template("target.page", path)?),
            })
        })?;
        let key = "target.client_certificate";
        let certificate = self.optional(key, spec.client_certificate.as_ref(), |pair| {
            Ok(ClientCertificate {
                certificate: self.template(&format!("{key}.certificate"), &pair.certificate)?,
                key: self.template(&format!("{key}.key"), &pair.key)?,
            })
        })?;
        let text = |key: &str, value: &Option<PerEnvironment<Template>>| {
            self.optional(key, value.as_ref(), |template| self.template(key, template))
        };
        let mut query = BTreeMap::new();
        for (name, value) in &spec.query {
            let key = format!("target.query.{name}");
            query.insert(name.clone(), self.template(&key, self.pick(&key, value)?)?);
        }
        let mut inputs = BTreeMap::new();
        for (name, value) in &spec.inputs {
            let key = format!("target.inputs.{name}");
            inputs.insert(name.clone(), self.value(&key, self.pick(&key, value)?)?);
        }
        Ok(Target {
            url: self.template("target.url", self.pick("target.url", &spec.url)?)?,
            auth: self.optional("target.auth", spec.auth.as_ref(), |auth| self.auth(auth))?,
            endpoint: text("target.endpoint", &spec.endpoint)?,
            message: text("target.message", &spec.message)?,
            reply,
            page,
            query,
            ca_file: text("target.ca_file", &spec.ca_file)?,
            client_certificate: certificate,
            limits: spec.limits,
            inputs,
        })
    }

    fn optional<T, R>(
        &self,
        key: &str,
        value: Option<&PerEnvironment<T>>,
        resolve: impl Fn(&T) -> Result<R, ResolveError>,
    ) -> Result<Option<R>, ResolveError> {
        value.map(|value| resolve(self.pick(key, value)?)).transpose()
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

    /// Texts in a JSON value are templates too. A text that is not a valid template is kept.
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
    fn interval_is_a_valid_alarm_period() {
        let good = [10, 20, 30, 60, 300, 420, 86_400];
        let bad = [0, 5, 15, 40, 61, 90, 86_460];
        assert!(good.iter().all(|seconds| is_interval(Duration::from_secs(*seconds))));
        assert!(!bad.iter().any(|seconds| is_interval(Duration::from_secs(*seconds))));
        assert!(!is_interval(Duration::from_millis(10_500)));
    }

    #[test]
    fn turn_objective_overrides_that_of_the_probe() {
        let general = Objectives {
            first_chunk: Some(Duration::from_secs(3)),
            reply: Some(Duration::from_secs(20)),
            ..Objectives::default()
        };
        let own = Objectives { first_chunk: Some(Duration::from_secs(5)), ..Objectives::default() };
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
            target: TargetSpec::new(url),
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
    fn probe_is_resolved_for_one_environment() {
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
    fn value_missing_for_an_environment_is_named() {
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

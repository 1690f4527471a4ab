//! Fills in the values of a probe for one environment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::name::{EnvironmentName, ProbeName};
use crate::probe::{Attachment, AttachmentContent, Probe, ProbeSpec, Turn};
use crate::scrape::Scrape;
use crate::target::{Auth, ClientCertificate, Login, Page, PerEnvironment, Target, TargetSpec};
use crate::template::{Part, Template};

/// Why a probe cannot run in an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("probe `{probe}`: `{key}` has no value for environment `{environment}`")]
    NoValue { probe: ProbeName, key: String, environment: EnvironmentName },
    #[error("probe `{probe}`: `{key}` uses `${{{variable}}}`, which is not set")]
    NoVariable { probe: ProbeName, key: String, variable: String },
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
            placement: self.placement.clone(),
            timeout: self.timeout,
            target,
            retry: self.retry,
            max_runs_per_day: self.max_runs_per_day,
            objectives: self.objectives,
            objective: self.objective,
            conversation,
            scrape: self
                .scrape
                .iter()
                .map(|scrape| resolver.scrape(scrape))
                .collect::<Result<_, _>>()?,
            alarm: self.alarm,
            maintenance: self.maintenance.clone(),
            public: self.public,
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

    fn scrape(&self, scrape: &Scrape) -> Result<Scrape, ResolveError> {
        let http = scrape.http.map_templates(&mut |key, template| {
            self.template(&format!("scrape.{key}"), template)
        })?;
        Ok(Scrape { http, ..scrape.clone() })
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
        let file = |file: &Attachment| {
            let content = match &file.content {
                AttachmentContent::Text(text) => {
                    AttachmentContent::Text(self.template(&key, text)?)
                }
                AttachmentContent::Base64(_) => file.content.clone(),
            };
            Ok(Attachment { name: file.name.clone(), content })
        };
        Ok(Turn {
            say: self.template(&key, &turn.say)?,
            files: turn.files.iter().map(file).collect::<Result<_, _>>()?,
            expect,
            objectives: turn.objectives,
            save: turn.save.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(url: PerEnvironment<Template>) -> ProbeSpec {
        let mut probe = crate::testing::probe_of("bot", 60, TargetSpec::new(url));
        probe.environments = Some(vec!["prod".parse().unwrap()]);
        probe.conversation[0].say = "hello from ${environment}, ${nonce}".parse().unwrap();
        probe
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

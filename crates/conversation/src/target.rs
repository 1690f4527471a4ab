//! Fills in the secrets of a target, at the last moment and by whoever can read them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::probe::Auth;
use domain::template::Part;
use domain::{Target, Template};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// A target with nothing left to fill in.
#[derive(Clone, Debug)]
pub struct FilledTarget {
    url: SecretString,
    auth: Option<FilledAuth>,
    endpoint: Option<String>,
    inputs: BTreeMap<String, Value>,
    secrets: Vec<SecretString>,
}

/// How we show that we may talk to the target.
#[derive(Clone, Debug)]
pub enum FilledAuth {
    Login { username: String, password: SecretString },
    Bearer(SecretString),
    Headers(BTreeMap<String, SecretString>),
}

/// A place in the target that could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` in the probe's target could not be filled in")]
pub struct Unfilled {
    pub place: String,
}

/// Every secret and parameter that a target names, each once.
#[must_use]
pub fn places(target: &Target) -> Vec<Part> {
    let mut places: Vec<Part> = Vec::new();
    let mut note = |template: &Template| {
        for part in template.parts() {
            if matches!(part, Part::Secret { .. } | Part::Parameter(_)) && !places.contains(part) {
                places.push(part.clone());
            }
        }
    };
    note(&target.url);
    target.endpoint.iter().for_each(&mut note);
    match &target.auth {
        Some(Auth::Login { username, password }) => {
            [username, password].into_iter().for_each(&mut note);
        }
        Some(Auth::Bearer(token)) => note(token),
        Some(Auth::Headers(headers)) => headers.values().for_each(&mut note),
        None => {}
    }
    for value in target.inputs.values() {
        texts(value, &mut |text| text.parse().iter().for_each(&mut note));
    }
    places
}

fn texts(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, see)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl FilledTarget {
    /// The target with its secrets and parameters filled in from `secret`.
    ///
    /// # Errors
    /// The first place for which there is nothing.
    pub fn new(
        target: &Target,
        secret: &dyn Fn(&Part) -> Option<SecretString>,
    ) -> Result<Self, Unfilled> {
        let mut filler = Filler { secret, secrets: Vec::new() };
        let url = SecretString::from(filler.text(&target.url)?);
        let auth = match &target.auth {
            None => None,
            Some(Auth::Login { username, password }) => Some(FilledAuth::Login {
                username: filler.text(username)?,
                password: filler.text(password)?.into(),
            }),
            Some(Auth::Bearer(token)) => Some(FilledAuth::Bearer(filler.text(token)?.into())),
            Some(Auth::Headers(headers)) => {
                let header = |(name, value): (&String, &Template)| {
                    Ok((name.clone(), filler.text(value)?.into()))
                };
                Some(FilledAuth::Headers(
                    headers.iter().map(header).collect::<Result<_, Unfilled>>()?,
                ))
            }
        };
        // Whatever proves who we are is kept out of reports, also when the file has it in plain text.
        let credentials: Vec<SecretString> = match &auth {
            Some(FilledAuth::Login { password, .. }) => vec![password.clone()],
            Some(FilledAuth::Bearer(token)) => vec![token.clone()],
            Some(FilledAuth::Headers(headers)) => headers.values().cloned().collect(),
            None => Vec::new(),
        };
        filler.secrets.extend(credentials);
        let endpoint =
            target.endpoint.as_ref().map(|endpoint| filler.text(endpoint)).transpose()?;
        let input = |(name, value): (&String, &Value)| Ok((name.clone(), filler.value(value)?));
        let inputs = target.inputs.iter().map(input).collect::<Result<_, Unfilled>>()?;
        Ok(Self { url, auth, endpoint, inputs, secrets: filler.secrets })
    }

    /// May hold credentials, so never log it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    #[must_use]
    pub fn auth(&self) -> Option<&FilledAuth> {
        self.auth.as_ref()
    }

    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<String, Value> {
        &self.inputs
    }

    /// `host:port`; the URL itself when it has no host, so that a report names something.
    #[must_use]
    pub fn instance(&self) -> String {
        domain::probe::instance(self.url()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// The text with every secret of this target replaced.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret);
        // A secret of a few characters would tear holes into ordinary words, and is none.
        secrets.filter(|secret| 4 <= secret.len()).fold(text.to_owned(), |text, secret| {
            if text.contains(secret) { text.replace(secret, "[secret]") } else { text }
        })
    }
}

struct Filler<'a> {
    secret: &'a dyn Fn(&Part) -> Option<SecretString>,
    secrets: Vec<SecretString>,
}

impl Filler<'_> {
    fn filled(&mut self, template: &Template) -> Result<Template, Unfilled> {
        template.fill(|part| {
            let found = (self.secret)(part).ok_or_else(|| Unfilled { place: part.to_string() })?;
            self.secrets.push(found.clone());
            Ok(Some(Cow::Owned(found.expose_secret().to_owned())))
        })
    }

    fn text(&mut self, template: &Template) -> Result<String, Unfilled> {
        self.filled(template)?.text().map_err(|part| Unfilled { place: part.to_string() })
    }

    fn value(&mut self, value: &Value) -> Result<Value, Unfilled> {
        Ok(match value {
            Value::String(text) => match text.parse::<Template>() {
                Ok(template) => Value::String(self.text(&template)?),
                Err(_) => value.clone(),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let field =
                    |(name, field): (&String, &Value)| Ok((name.clone(), self.value(field)?));
                Value::Object(fields.iter().map(field).collect::<Result<_, Unfilled>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        serde_json::from_value(serde_json::json!({
            "url": "https://chat.example.com:8443/bot",
            "auth": { "login": { "username": "probe", "password": "${secret:vigie/bot#password}" } },
            "inputs": { "token": "${ssm:/vigie/token}", "list": ["${secret:vigie/bot#password}", 1] },
        }))
        .unwrap()
    }

    #[test]
    fn every_secret_is_asked_for_once() {
        let named: Vec<String> = places(&target()).iter().map(Part::to_string).collect();
        assert_eq!(named, ["${secret:vigie/bot#password}", "${ssm:/vigie/token}"]);
    }

    #[test]
    fn secrets_are_filled_in_everywhere_and_kept_out_of_texts() {
        let filled = FilledTarget::new(&target(), &|part| match part {
            Part::Secret { .. } => Some("canary-1".into()),
            _ => Some("canary-2".into()),
        })
        .unwrap();
        assert_eq!(filled.inputs()["list"][0], "canary-1");
        assert_eq!(filled.inputs()["token"], "canary-2");
        assert_eq!(filled.instance(), "chat.example.com:8443");
        assert_eq!(filled.redacted("a canary-1 and canary-2!"), "a [secret] and [secret]!");
        let shown = format!("{:?}", filled.auth());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_place_without_a_secret_is_named() {
        let error = FilledTarget::new(&target(), &|_| None).unwrap_err();
        assert_eq!(error.place, "${secret:vigie/bot#password}");
    }
}

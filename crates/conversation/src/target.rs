//! Fills in the secrets of a target, at the last moment and by whoever can read them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::probe::Auth;
use domain::template::Part;
use domain::{Target, Template};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use redact::Redactor;

/// A target with nothing left to fill in.
#[derive(Clone)]
pub struct FilledTarget {
    url: SecretString,
    instance: String,
    auth: Option<FilledAuth>,
    endpoint: Option<String>,
    inputs: BTreeMap<String, Value>,
    redactor: Redactor,
}

/// Secrets may stand in every part of it.
impl fmt::Debug for FilledTarget {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("FilledTarget").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// How we show that we may talk to the target.
#[derive(Clone)]
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
        let url = filler.text(&target.url)?;
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
        let endpoint =
            target.endpoint.as_ref().map(|endpoint| filler.text(endpoint)).transpose()?;
        let input = |(name, value): (&String, &Value)| Ok((name.clone(), filler.value(value)?));
        let inputs = target.inputs.iter().map(input).collect::<Result<_, Unfilled>>()?;
        let mut secrets = filler.secrets;
        let instance = domain::probe::instance(&url).unwrap_or_else(|| "unknown".to_owned());
        let instance = Redactor::new(&secrets).redact(&instance);
        // Whatever proves who we are is kept out of reports, also when the file has it in plain text.
        secrets.extend(in_address(&url));
        secrets.extend(auth.iter().flat_map(FilledAuth::credentials));
        let redactor = Redactor::new(&secrets);
        Ok(Self { url: url.into(), instance, auth, endpoint, inputs, redactor })
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

    /// `host:port`, as it stands in labels and reports, without secrets; `unknown` when there is no host.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The text with every secret of this target replaced, however the target may have spelt it.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        self.redactor.redact(text)
    }
}

impl FilledAuth {
    fn credentials(&self) -> Vec<SecretString> {
        match self {
            Self::Login { username, password } => {
                vec![password.clone(), basic(username, password.expose_secret())]
            }
            Self::Bearer(token) => vec![token.clone()],
            // Many a header proves nothing: `X-Stage: prod` is no secret.
            Self::Headers(headers) => {
                headers.values().filter(|value| 8 <= value.expose_secret().len()).cloned().collect()
            }
        }
    }
}

/// A password that stands in the address itself.
fn in_address(url: &str) -> Vec<SecretString> {
    let Ok(url) = Url::parse(url) else { return Vec::new() };
    url.password().map_or_else(Vec::new, |password| {
        vec![SecretString::from(password), basic(url.username(), password)]
    })
}

/// As it is sent, after `Basic `, when HTTP basic authentication is asked for.
#[must_use]
pub fn basic(username: &str, password: &str) -> SecretString {
    BASE64_STANDARD.encode(format!("{username}:{password}")).into()
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
        let shown = format!("{filled:?}");
        assert!(shown.contains("chat.example.com") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_secret_in_the_address_is_in_no_label() {
        let mut target = target();
        let told = |target: &Target, text: &str| {
            let filled = FilledTarget::new(target, &|_| Some("canary-1".into())).unwrap();
            (filled.instance().to_owned(), filled.redacted(text))
        };
        target.url = "https://${secret:host}.example.com/${secret:path}/".parse().unwrap();
        let shown = told(&target, "`/canary-1/queue` of canary-1.example.com");
        let expected = "[secret].example.com:443";
        assert_eq!(
            shown,
            (expected.to_owned(), "`/[secret]/queue` of [secret].example.com".into())
        );
        // What is sent when the app asks for HTTP basic authentication.
        target.url = "https://probe:hunter-2@chat.example.com".parse().unwrap();
        let shown = told(&target, "hunter-2, Basic cHJvYmU6aHVudGVyLTI=").1;
        assert_eq!(shown, "[secret], Basic [secret]");
    }

    #[test]
    fn a_place_without_a_secret_is_named() {
        let error = FilledTarget::new(&target(), &|_| None).unwrap_err();
        assert_eq!(error.place, "${secret:vigie/bot#password}");
    }
}

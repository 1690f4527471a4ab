//! Fills the secrets into templates.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use domain::Template;
use domain::template::{Part, SecretReference};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{FillError, FilledAuth, FilledLogin};

pub(super) struct Filler<'a> {
    pub(super) secrets: &'a HashMap<SecretReference, SecretString>,
    /// The secrets that were filled in.
    pub(super) used: Vec<SecretString>,
}

impl Filler<'_> {
    pub(super) fn text(&mut self, template: &Template) -> Result<String, FillError> {
        let no_value = |part: &Part| FillError::NoValue { place: part.to_string() };
        let filled = template.fill(|part| -> Result<_, FillError> {
            let Part::Secret(reference) = part else { return Ok(None) };
            let secret = self.secrets.get(reference).ok_or_else(|| no_value(part))?;
            self.used.push(secret.clone());
            Ok(Some(Cow::Owned(secret.expose_secret().to_owned())))
        })?;
        filled.text().map_err(no_value)
    }

    pub(super) fn optional(
        &mut self,
        template: Option<&Template>,
    ) -> Result<Option<String>, FillError> {
        template.map(|template| self.text(template)).transpose()
    }

    pub(super) fn auth(&mut self, auth: &domain::probe::Auth) -> Result<FilledAuth, FillError> {
        let login = match &auth.login {
            None => None,
            Some(login) => Some(FilledLogin {
                username: self.text(&login.username)?,
                password: self.text(&login.password)?.into(),
            }),
        };
        let bearer = match &auth.bearer {
            None => None,
            Some(token) => Some(self.text(token)?.into()),
        };
        let mut headers = BTreeMap::new();
        for (name, value) in &auth.headers {
            headers.insert(name.clone(), self.text(value)?.into());
        }
        Ok(FilledAuth { login, bearer, headers })
    }

    pub(super) fn value(&mut self, value: &Value) -> Result<Value, FillError> {
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
                Value::Object(fields.iter().map(field).collect::<Result<_, FillError>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

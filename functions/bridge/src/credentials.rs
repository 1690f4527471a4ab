//! Format of the receiver's secret.
//!
//! Either a bare token or a JSON object:
//! `{"username": "…", "password": "…"}` or `{"bearer": "…"}`, each with `"headers": {"X-Scope-OrgID": "…"}`
//! and `"ca": "-----BEGIN CERTIFICATE-----…"` if needed.

use std::collections::BTreeMap;

use remote_write::{Auth, Settings};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// The secret has another format. The message does not repeat its content.
#[derive(Debug, thiserror::Error)]
#[error(
    "the secret of the receiver has an unknown format; expected a bare token, or a JSON object with \
     `username` and `password`, or `bearer`, and optionally `headers` and `ca`"
)]
pub struct UnusableSecret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    username: Option<String>,
    password: Option<SecretText>,
    bearer: Option<SecretText>,
    #[serde(default)]
    headers: BTreeMap<String, SecretText>,
    ca: Option<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct SecretText(String);

impl From<SecretText> for SecretString {
    fn from(text: SecretText) -> Self {
        text.0.into()
    }
}

/// Applies the secret to the settings.
pub(crate) fn apply(secret: &SecretString, settings: &mut Settings) -> Result<(), UnusableSecret> {
    let text = secret.expose_secret().trim();
    if !text.starts_with('{') {
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        settings.auth = Auth::Bearer(text.into());
        return if is_token { Ok(()) } else { Err(UnusableSecret) };
    }
    let content: Content = serde_json::from_str(text).map_err(|_| UnusableSecret)?;
    settings.auth = match (content.username, content.password, content.bearer) {
        (Some(user), Some(password), None) => Auth::Basic { user, password: password.into() },
        (None, None, Some(token)) => Auth::Bearer(token.into()),
        (None, None, None) if !content.headers.is_empty() => Auth::None,
        _ => return Err(UnusableSecret),
    };
    let headers = content.headers.into_iter();
    settings.headers = headers.map(|(name, value)| (name, value.into())).collect();
    settings.ca = content.ca.map(String::into_bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, expected: Option<&str>) {
        let mut settings = Settings::new("https://receiver/").unwrap();
        let applied = apply(&secret.into(), &mut settings).ok().map(|()| {
            let auth = match &settings.auth {
                Auth::Basic { user, password } => format!("{user}:{}", password.expose_secret()),
                Auth::Bearer(token) => token.expose_secret().to_owned(),
                other => format!("{other:?}"),
            };
            format!("{auth} {}", settings.headers.len())
        });
        assert_eq!(applied.as_deref(), expected, "{secret}");
    }

    #[test]
    fn secret_is_a_token_or_an_object() {
        check("token\n", Some("token 0"));
        check(r#"{"username":"me","password":"pw"}"#, Some("me:pw 0"));
        check(r#"{"bearer":"t","headers":{"X-Scope-OrgID":"a"}}"#, Some("t 1"));
        check(r#"{"headers":{"X-Scope-OrgID":"a"}}"#, Some("None 1"));
        check("", None);
        check("two words", None);
        check(r#"{"username":"me"}"#, None);
        check(r#"{"username":"me","password":"pw","bearer":"t"}"#, None);
        check(r#"{"username":"me","passwort":"pw"}"#, None);
        check("{}", None);
    }
}

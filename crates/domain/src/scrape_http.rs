//! How a scrape authenticates at its target, with the names and meanings of Prometheus.

use serde::{Deserialize, Serialize};

use crate::template::Template;

/// Credentials of a scrape. What is not set is taken from the target of the probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeHttp {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasicAuth {
    pub username: Template,
    pub password: Template,
}

/// The header `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    #[serde(rename = "type")]
    pub scheme: Template,
    pub credentials: Template,
}

/// Texts are in PEM format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// The only trusted certificate authorities. `None`: those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<Template>,
    /// A file with the only trusted certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<Template>,
    /// The client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<Template>,
    /// The private key of the client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Template>,
    /// The name that the certificate of the target must have, instead of the host of its URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Template>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_skip_verify: bool,
}

impl ScrapeHttp {
    /// Calls `each` for every template with its key.
    pub fn for_each_template(&self, each: &mut impl FnMut(&str, &Template)) {
        // The copy is dropped; a second list of the templates could miss one.
        let _ = self.map_templates::<std::convert::Infallible>(&mut |key, template| {
            each(key, template);
            Ok(template.clone())
        });
    }

    /// A copy in which `map` replaces every template. It is called with the template's key.
    ///
    /// # Errors
    /// The first error of `map`.
    pub fn map_templates<E>(
        &self,
        map: &mut impl FnMut(&str, &Template) -> Result<Template, E>,
    ) -> Result<Self, E> {
        let basic_auth = match &self.basic_auth {
            None => None,
            Some(BasicAuth { username, password }) => Some(BasicAuth {
                username: map("basic_auth.username", username)?,
                password: map("basic_auth.password", password)?,
            }),
        };
        let authorization = match &self.authorization {
            None => None,
            Some(Authorization { scheme, credentials }) => Some(Authorization {
                scheme: map("authorization.type", scheme)?,
                credentials: map("authorization.credentials", credentials)?,
            }),
        };
        let tls_config = self.tls_config.as_ref().map(|tls| tls.map_templates(map)).transpose()?;
        Ok(Self { basic_auth, authorization, tls_config })
    }
}

impl TlsConfig {
    fn map_templates<E>(
        &self,
        map: &mut impl FnMut(&str, &Template) -> Result<Template, E>,
    ) -> Result<Self, E> {
        let mut text = |key: &str, value: &Option<Template>| {
            let key = format!("tls_config.{key}");
            value.as_ref().map(|template| map(&key, template)).transpose()
        };
        Ok(Self {
            ca: text("ca", &self.ca)?,
            ca_file: text("ca_file", &self.ca_file)?,
            cert: text("cert", &self.cert)?,
            key: text("key", &self.key)?,
            server_name: text("server_name", &self.server_name)?,
            insecure_skip_verify: self.insecure_skip_verify,
        })
    }
}

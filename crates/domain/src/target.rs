//! The target of a probe: its address, its credentials, and how to use it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::EnvironmentName;
use crate::template::Template;

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
    /// Calls `each` for every template of the target.
    pub fn for_each_template(&self, each: &mut impl FnMut(&Template)) {
        each(&self.url);
        self.endpoint.iter().chain(&self.message).chain(&self.reply).for_each(&mut *each);
        if let Some(Page::Path(path)) = &self.page {
            each(path);
        }
        self.query.values().chain(&self.ca_file).for_each(&mut *each);
        if let Some(ClientCertificate { certificate, key }) = &self.client_certificate {
            each(certificate);
            each(key);
        }
        if let Some(auth) = &self.auth {
            if let Some(Login { username, password }) = &auth.login {
                each(username);
                each(password);
            }
            auth.bearer.iter().chain(auth.headers.values()).for_each(&mut *each);
        }
        for value in self.inputs.values() {
            for_each_text(value, &mut |text| text.parse().iter().for_each(&mut *each));
        }
    }
}

fn for_each_text(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| for_each_text(item, each)),
        Value::Object(fields) => fields.values().for_each(|field| for_each_text(field, each)),
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

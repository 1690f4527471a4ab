//! A target with its secrets filled in.

mod filler;
mod scrape;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::probe::{Page, TargetLimits};
use domain::scrape_http::ScrapeHttp;
use domain::template::{Part, SecretReference};
use domain::{InvalidTargetUrl, OwnFault, Probe, Target, TargetUrl, Template};
use redact::Redactor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use filler::Filler;
pub use scrape::{FilledScrape, FilledTls};

/// A target with nothing left to fill in.
#[derive(Clone)]
pub struct FilledTarget {
    url: TargetUrl,
    instance: String,
    public_url: String,
    auth: FilledAuth,
    endpoint: Option<String>,
    message: Option<String>,
    replies: Vec<String>,
    page: Option<FilledPage>,
    query: BTreeMap<String, String>,
    ca_file: Option<String>,
    client_certificate: Option<FilledCertificate>,
    limits: TargetLimits,
    inputs: BTreeMap<String, Value>,
    redactor: Redactor,
}

/// The page that users open.
#[derive(Clone)]
pub enum FilledPage {
    Unchecked,
    Path(String),
}

/// A certificate and its private key in PEM format.
#[derive(Clone)]
pub struct FilledCertificate {
    pub certificate: String,
    pub key: SecretString,
}

/// Every part may hold secrets.
impl fmt::Debug for FilledTarget {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("FilledTarget").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// The credentials for the target.
#[derive(Clone, Default)]
pub struct FilledAuth {
    pub login: Option<FilledLogin>,
    pub bearer: Option<SecretString>,
    pub headers: BTreeMap<String, SecretString>,
}

/// For Gradio's log-in page, or for HTTP basic authentication.
#[derive(Clone)]
pub struct FilledLogin {
    pub username: String,
    pub password: SecretString,
}

/// Why the secrets of a target could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    #[error("`{place}` in the probe's target has no value")]
    NoValue { place: String },
    #[error("`target.url` is not valid")]
    Url(#[from] InvalidTargetUrl),
    #[error("`{reference}` may be sent only to {}; the host of the target is `{host}`", quoted(.hosts))]
    OtherHost { reference: SecretReference, hosts: Vec<String>, host: String },
}

impl FillError {
    /// The fault that a report names.
    #[must_use]
    pub fn fault(&self) -> OwnFault {
        match self {
            Self::NoValue { .. } | Self::OtherHost { .. } => OwnFault::Secret,
            Self::Url(_) => OwnFault::Settings,
        }
    }
}

/// The references of all secrets in a target, each once.
#[must_use]
pub fn secret_references(target: &Target) -> Vec<SecretReference> {
    let mut references = Vec::new();
    target.for_each_template(&mut |template| add_references(template, &mut references));
    references
}

/// The references of all secrets in a target and a scrape of it, each once.
#[must_use]
pub fn scrape_references(target: &Target, http: &ScrapeHttp) -> Vec<SecretReference> {
    let mut references = secret_references(target);
    http.for_each_template(&mut |_, template| add_references(template, &mut references));
    references
}

/// The references of all secrets in a probe, each once.
#[must_use]
pub fn probe_references(probe: &Probe) -> Vec<SecretReference> {
    let mut references = secret_references(&probe.target);
    for scrape in &probe.scrape {
        scrape.http.for_each_template(&mut |_, template| add_references(template, &mut references));
    }
    references
}

fn add_references(template: &Template, references: &mut Vec<SecretReference>) {
    for part in template.parts() {
        if let Part::Secret(reference) = part
            && !references.contains(reference)
        {
            references.push(reference.clone());
        }
    }
}

impl FilledTarget {
    /// Fills in the secrets of a target; see [`secret_references`]. `hosts`: the hosts to which a secret
    /// may be sent, for secrets that are bound to hosts.
    ///
    /// # Errors
    /// If a secret is missing or bound to other hosts, or the address is not valid.
    pub fn new(
        target: &Target,
        secrets: &HashMap<SecretReference, SecretString>,
        hosts: &HashMap<SecretReference, Vec<String>>,
    ) -> Result<Self, FillError> {
        Ok(Self::for_scrape(target, &ScrapeHttp::default(), secrets, hosts)?.0)
    }

    /// As [`FilledTarget::new`], with the credentials of a scrape, which the target redacts too. See
    /// [`scrape_references`].
    ///
    /// # Errors
    /// If a secret is missing or bound to other hosts, or the address is not valid.
    pub fn for_scrape(
        target: &Target,
        http: &ScrapeHttp,
        secrets: &HashMap<SecretReference, SecretString>,
        hosts: &HashMap<SecretReference, Vec<String>>,
    ) -> Result<(Self, FilledScrape), FillError> {
        let mut filler = Filler { secrets, used: Vec::new() };
        let url: TargetUrl = filler.text(&target.url)?.parse()?;
        check_hosts(
            &scrape_references(target, http),
            hosts,
            url.as_url().host_str().unwrap_or_default(),
        )?;
        let scrape = filler.scrape(http)?;
        let auth = target.auth.as_ref().map(|auth| filler.auth(auth)).transpose()?;
        let auth = auth.unwrap_or_default();
        let endpoint = filler.optional(target.endpoint.as_ref())?;
        let message = filler.optional(target.message.as_ref())?;
        let replies =
            target.reply.iter().map(|label| filler.text(label)).collect::<Result<_, _>>()?;
        let page = match &target.page {
            None => None,
            Some(Page::Unchecked) => Some(FilledPage::Unchecked),
            Some(Page::Path(path)) => Some(FilledPage::Path(filler.text(path)?)),
        };
        let parameter =
            |(name, value): (&String, &Template)| Ok((name.clone(), filler.text(value)?));
        let query = target.query.iter().map(parameter).collect::<Result<_, FillError>>()?;
        let ca_file = filler.optional(target.ca_file.as_ref())?;
        let client_certificate = match &target.client_certificate {
            None => None,
            Some(pair) => Some(FilledCertificate {
                certificate: filler.text(&pair.certificate)?,
                key: filler.text(&pair.key)?.into(),
            }),
        };
        let input = |(name, value): (&String, &Value)| Ok((name.clone(), filler.value(value)?));
        let inputs = target.inputs.iter().map(input).collect::<Result<_, FillError>>()?;
        let mut secrets = filler.used;
        // Only secrets by reference: the host is in the address and in `instance` anyway.
        let by_reference = Redactor::new(&secrets);
        let instance = by_reference.redact(&url.instance());
        let public_url = by_reference.redact(&url.without_secrets());
        secrets.extend(credentials_in_url(&url));
        secrets.extend(credentials_in_query(&url, &query));
        secrets.extend(auth.credentials());
        secrets.extend(client_certificate.iter().map(|pair| pair.key.clone()));
        secrets.extend(scrape.credentials());
        let redactor = Redactor::new(&secrets);
        let filled = Self {
            url,
            instance,
            public_url,
            auth,
            endpoint,
            message,
            replies,
            page,
            query,
            ca_file,
            client_certificate,
            limits: target.limits,
            inputs,
            redactor,
        };
        Ok((filled, scrape))
    }

    /// May hold credentials: do not log it.
    #[must_use]
    pub fn url(&self) -> &TargetUrl {
        &self.url
    }

    /// The address without credentials, secrets and query, for reports and notifications.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// `HOST:PORT` for labels and reports, without secrets.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    #[must_use]
    pub fn auth(&self) -> &FilledAuth {
        &self.auth
    }

    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The label of the message box.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The labels of the outputs with the reply.
    #[must_use]
    pub fn replies(&self) -> &[String] {
        &self.replies
    }

    #[must_use]
    pub fn page(&self) -> Option<&FilledPage> {
        self.page.as_ref()
    }

    /// Parameters for the query of the address.
    #[must_use]
    pub fn query(&self) -> &BTreeMap<String, String> {
        &self.query
    }

    #[must_use]
    pub fn ca_file(&self) -> Option<&str> {
        self.ca_file.as_deref()
    }

    #[must_use]
    pub fn client_certificate(&self) -> Option<&FilledCertificate> {
        self.client_certificate.as_ref()
    }

    #[must_use]
    pub fn limits(&self) -> TargetLimits {
        self.limits
    }

    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<String, Value> {
        &self.inputs
    }

    /// The text with every secret of this target replaced.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.redactor.redact(text)
    }
}

/// Headers and cookies shorter than this are not secret: `X-Stage: prod`.
const SHORTEST_SECRET: usize = 8;

impl FilledAuth {
    /// Everything that proves an identity, also if the probe file has it in plain text.
    fn credentials(&self) -> Vec<SecretString> {
        let mut credentials = Vec::new();
        if let Some(FilledLogin { username, password }) = &self.login {
            credentials.extend([password.clone(), basic(username, password.expose_secret())]);
        }
        credentials.extend(self.bearer.clone());
        for (name, value) in &self.headers {
            credentials.extend(credentials_in_header(name, value.expose_secret()));
        }
        credentials
    }
}

/// The value of a header, and each part of it that a server may repeat alone: the token after the scheme,
/// the user and password of HTTP basic authentication, each cookie.
fn credentials_in_header(name: &str, value: &str) -> Vec<SecretString> {
    let mut parts = vec![value];
    let decoded;
    if name.eq_ignore_ascii_case("cookie") {
        let cookies = value.split(';').filter_map(|cookie| cookie.split_once('='));
        parts.extend(cookies.map(|(_, cookie)| cookie.trim().trim_matches('"')));
    } else if let Some((scheme, token)) = value.trim().split_once(' ') {
        parts.push(token.trim());
        if scheme.eq_ignore_ascii_case("basic") {
            let bytes = BASE64_STANDARD.decode(token.trim()).unwrap_or_default();
            decoded = String::from_utf8(bytes).unwrap_or_default();
            parts.extend(decoded.split_once(':').map(|(_, password)| password));
        }
    }
    let is_secret = |part: &&str| SHORTEST_SECRET <= part.len();
    parts.into_iter().filter(is_secret).map(SecretString::from).collect()
}

/// A password in the address itself.
fn credentials_in_url(url: &TargetUrl) -> Vec<SecretString> {
    let url = url.as_url();
    url.password().map_or_else(Vec::new, |password| {
        vec![SecretString::from(password), basic(url.username(), password)]
    })
}

/// Parameters of the query that prove an identity by their names, such as `access_token`.
fn credentials_in_query(url: &TargetUrl, query: &BTreeMap<String, String>) -> Vec<SecretString> {
    const NAMES: [&str; 8] =
        ["token", "key", "secret", "passw", "auth", "sign", "jwt", "credential"];
    let in_url =
        url.as_url().query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
    let added = query.iter().map(|(name, value)| (name.clone(), value.clone()));
    let is_secret = |(name, value): &(String, String)| {
        let name = name.to_lowercase();
        SHORTEST_SECRET <= value.len() && NAMES.iter().any(|part| name.contains(part))
    };
    in_url.chain(added).filter(is_secret).map(|(_, value)| value.into()).collect()
}

/// The value after `Basic ` of HTTP basic authentication.
#[must_use]
pub fn basic(username: &str, password: &str) -> SecretString {
    BASE64_STANDARD.encode(format!("{username}:{password}")).into()
}

/// Refuses a secret whose hosts do not include `host`. `*.example.com` stands for all hosts below it.
fn check_hosts(
    references: &[SecretReference],
    bound: &HashMap<SecretReference, Vec<String>>,
    host: &str,
) -> Result<(), FillError> {
    let matches = |pattern: &String| match pattern.strip_prefix("*.") {
        Some(domain) => {
            let subdomain = host.len().checked_sub(domain.len() + 1);
            subdomain.is_some_and(|length| {
                host.as_bytes()[length] == b'.' && host[length + 1..].eq_ignore_ascii_case(domain)
            })
        }
        None => host.eq_ignore_ascii_case(pattern),
    };
    for reference in references {
        if let Some(hosts) = bound.get(reference).filter(|hosts| !hosts.iter().any(matches)) {
            let (reference, hosts) = (reference.clone(), hosts.clone());
            return Err(FillError::OtherHost { reference, hosts, host: host.to_owned() });
        }
    }
    Ok(())
}

fn quoted(hosts: &[String]) -> String {
    hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

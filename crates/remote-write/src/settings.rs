//! Settings of a client.

use std::time::Duration;

use redact::Redactor;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Auth, Backoff, Checks};
use samples::Protocol;

/// Headers that the client sets.
const RESERVED: [&str; 8] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-prometheus-remote-write-version",
];

/// Settings of a client; [`Settings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    pub url: Url,
    /// Used first; a receiver that supports only 1.0 gets 1.0.
    pub protocol: Protocol,
    pub auth: Auth,
    /// Additional headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(String, SecretString)>,
    /// Additional trusted certificate authorities, as PEM.
    pub ca: Option<Vec<u8>>,
    pub user_agent: String,
    /// Limit of one request, from the connection to the answer. 30 s by default.
    pub timeout: Duration,
    /// Samples in one request. 2,000 by default.
    pub max_samples: usize,
    /// Approximate bytes of one request before compression. 4 MiB by default; Prometheus 3 and
    /// `VictoriaMetrics` accept 32 MiB.
    pub max_request_bytes: usize,
    pub checks: Checks,
    pub backoff: Backoff,
    /// Send types and help texts once a minute over 1.0, as Prometheus does. 2.0 always carries them.
    /// `true` by default.
    pub metadata: bool,
    /// Send exemplars over 1.0. 2.0 always carries them. `false` by default, as in Prometheus.
    pub exemplars_over_1_0: bool,
    /// Bytes of encoded requests to keep for the next requests with the same series. 0 by default: only a
    /// sender that keeps its series objects profits.
    pub cache_bytes: usize,
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    #[error(
        "the remote write URL is not valid; expected a URL such as `https://prometheus:9090/api/v1/write`"
    )]
    Url(#[source] url::ParseError),
    #[error("the remote write URL has the scheme `{0}`; expected `http` or `https`")]
    Scheme(String),
    #[error(
        "the remote write URL contains credentials; expected them in the authentication settings"
    )]
    UserInfo,
    #[error("the header `{0}` is set by the client; expected another header")]
    ReservedHeader(String),
    #[error("the header `{0}` has a character that a header cannot contain")]
    Header(String),
    #[error("the certificates are not valid PEM")]
    Certificates(#[source] reqwest::Error),
    #[error("could not set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Settings {
    /// The default settings for a receiver.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let url = Url::parse(url).map_err(SettingsError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingsError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SettingsError::UserInfo);
        }
        Ok(Self {
            url,
            protocol: Protocol::default(),
            auth: Auth::None,
            headers: Vec::new(),
            ca: None,
            user_agent: concat!("remote-write/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeout: Duration::from_secs(30),
            max_samples: 2000,
            max_request_bytes: 4 << 20,
            checks: Checks::default(),
            backoff: Backoff::default(),
            metadata: true,
            exemplars_over_1_0: false,
            cache_bytes: 0,
        })
    }

    pub(crate) fn header_map(&self) -> Result<HeaderMap, SettingsError> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let wrong = || SettingsError::Header(name.clone());
            let parsed = HeaderName::try_from(name).map_err(|_| wrong())?;
            if RESERVED.contains(&parsed.as_str()) {
                return Err(SettingsError::ReservedHeader(name.clone()));
            }
            let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            map.insert(parsed, value);
        }
        Ok(map)
    }

    pub(crate) fn http(&self) -> Result<reqwest::Client, SettingsError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            // A redirect could send credentials and samples to another host.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.timeout.min(Duration::from_secs(10)))
            .no_gzip()
            .no_brotli()
            .no_deflate();
        if let Some(ca) = &self.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(ca);
            builder = builder.tls_certs_merge(certificates.map_err(SettingsError::Certificates)?);
        }
        builder.build().map_err(SettingsError::Client)
    }

    /// Removes what must not appear in logs.
    pub(crate) fn redactor(&self) -> Redactor {
        let headers = self.headers.iter().map(|(_, value)| value.clone());
        let secrets: Vec<SecretString> = self.auth.secrets().into_iter().chain(headers).collect();
        Redactor::new(&secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_url_is_rejected_without_repeating_it() {
        let cases = [
            (
                "no url",
                "the remote write URL is not valid; expected a URL such as `https://prometheus:9090/api/v1/write`",
            ),
            (
                "ftp://host/",
                "the remote write URL has the scheme `ftp`; expected `http` or `https`",
            ),
            (
                "https://me:hunter2@host/",
                "the remote write URL contains credentials; expected them in the authentication settings",
            ),
        ];
        for (url, expected) in cases {
            assert_eq!(Settings::new(url).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn additional_headers_never_replace_required_ones() {
        let check = |name: &str, value: &str| {
            let mut settings = Settings::new("http://host/").unwrap();
            settings.headers = vec![(name.to_owned(), value.into())];
            settings.header_map().map(|map| map.len()).map_err(|error| error.to_string())
        };
        assert_eq!(check("X-Scope-OrgID", "tenant"), Ok(1));
        assert_eq!(
            check("Content-Type", "text/plain"),
            Err("the header `Content-Type` is set by the client; expected another header".into())
        );
        assert_eq!(
            check("X-A", "a\nb"),
            Err("the header `X-A` has a character that a header cannot contain".into())
        );
    }
}

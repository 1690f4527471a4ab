//! The credentials of a scrape.

use domain::scrape_http::{ScrapeHttp, TlsConfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::filler::Filler;
use super::{FillError, FilledCertificate, basic, credentials_in_header};

/// Credentials of a scrape, with nothing left to fill in.
#[derive(Clone, Default)]
pub struct FilledScrape {
    /// The header `Authorization`.
    pub authorization: Option<SecretString>,
    pub tls: Option<FilledTls>,
}

/// Texts are in PEM format.
#[derive(Clone, Default)]
pub struct FilledTls {
    /// The only trusted certificate authorities. `None`: those of the system.
    pub ca: Option<String>,
    pub ca_file: Option<String>,
    pub client_certificate: Option<FilledCertificate>,
    /// Instead of the host of the URL.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
}

impl FilledScrape {
    /// Everything that proves an identity, also if the probe file has it in plain text.
    pub(super) fn credentials(&self) -> Vec<SecretString> {
        let header = self.authorization.as_ref();
        let of_header =
            header.map(|header| credentials_in_header("authorization", header.expose_secret()));
        let certificate = self.tls.as_ref().and_then(|tls| tls.client_certificate.as_ref());
        let key = certificate.map(|certificate| certificate.key.clone());
        of_header.into_iter().flatten().chain(key).collect()
    }
}

impl Filler<'_> {
    pub(super) fn scrape(&mut self, http: &ScrapeHttp) -> Result<FilledScrape, FillError> {
        let authorization = match (&http.basic_auth, &http.authorization) {
            (Some(pair), _) => {
                let (user, password) = (self.text(&pair.username)?, self.text(&pair.password)?);
                Some(format!("Basic {}", basic(&user, &password).expose_secret()).into())
            }
            (None, Some(header)) => {
                let scheme = self.text(&header.scheme)?;
                Some(format!("{scheme} {}", self.text(&header.credentials)?).into())
            }
            (None, None) => None,
        };
        let tls = http.tls_config.as_ref().map(|tls| self.tls(tls)).transpose()?;
        Ok(FilledScrape { authorization, tls })
    }

    fn tls(&mut self, tls: &TlsConfig) -> Result<FilledTls, FillError> {
        let client_certificate = match (&tls.cert, &tls.key) {
            (Some(certificate), Some(key)) => Some(FilledCertificate {
                certificate: self.text(certificate)?,
                key: self.text(key)?.into(),
            }),
            _ => None,
        };
        Ok(FilledTls {
            ca: self.optional(tls.ca.as_ref())?,
            ca_file: self.optional(tls.ca_file.as_ref())?,
            client_certificate,
            server_name: self.optional(tls.server_name.as_ref())?,
            insecure_skip_verify: tls.insecure_skip_verify,
        })
    }
}

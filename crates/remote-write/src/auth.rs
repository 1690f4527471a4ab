//! Authentication of requests.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

/// How requests are authenticated. The caller fetches the secrets.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    #[default]
    None,
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer(SecretString),
    SigV4(SigV4),
}

/// Signature Version 4, for Amazon Managed Service for Prometheus.
#[derive(Clone)]
pub struct SigV4 {
    pub region: String,
    /// `aps` for Amazon Managed Service for Prometheus.
    pub service: String,
    pub credentials: SharedCredentialsProvider,
}

impl fmt::Debug for SigV4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigV4")
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// Why a request could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    #[error("the credentials have a character that a header cannot contain")]
    Header(#[from] InvalidHeaderValue),
    #[error("no AWS credentials found")]
    Credentials(#[from] CredentialsError),
    #[error("could not sign the request")]
    Signing(#[from] SigningError),
}

impl Auth {
    pub(crate) async fn apply(
        &self,
        request: &mut Request,
        now: SystemTime,
    ) -> Result<(), AuthError> {
        match self {
            Self::None => Ok(()),
            Self::Basic { .. } | Self::Bearer(_) => {
                let mut value = HeaderValue::try_from(self.header())?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(())
            }
            Self::SigV4(signer) => signer.apply(request, now).await,
        }
    }

    /// Texts that must not appear in logs.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        match self {
            Self::None | Self::SigV4(_) => Vec::new(),
            Self::Basic { password, .. } => {
                let header = self.header();
                let coded = header.trim_start_matches("Basic ").to_owned();
                vec![coded.into(), password.clone()]
            }
            Self::Bearer(token) => vec![token.clone()],
        }
    }

    fn header(&self) -> String {
        match self {
            Self::None | Self::SigV4(_) => String::new(),
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", BASE64_STANDARD.encode(pair))
            }
            Self::Bearer(token) => format!("Bearer {}", token.expose_secret()),
        }
    }
}

impl SigV4 {
    async fn apply(&self, request: &mut Request, now: SystemTime) -> Result<(), AuthError> {
        let identity = self.credentials.provide_credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .expect("every parameter is given")
            .into();
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers,
            SignableBody::Bytes(body),
        )?;
        let (instructions, _signature) = sign(signable, &params)?.into_parts();
        let (signed, _query) = instructions.into_parts();
        for header in signed {
            let mut value = HeaderValue::try_from(header.value())?;
            value.set_sensitive(header.sensitive());
            request.headers_mut().insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use reqwest::{Method, Url};
    use serde_json::Value;

    use super::*;
    use samples::Protocol;

    fn request(url: &str, body: Vec<u8>) -> Request {
        let mut request = Request::new(Method::POST, Url::parse(url).unwrap());
        let headers = [
            ("content-type", Protocol::V1.content_type()),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", Protocol::V1.version()),
            ("user-agent", "Vigie/0.0.0"),
        ];
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        *request.body_mut() = Some(body.into());
        request
    }

    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }

    #[tokio::test]
    async fn signature_equals_that_of_botocore() {
        let vectors = include_str!("../tests/fixtures/sigv4-botocore.json");
        let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
        assert_eq!(vectors.len(), 2);
        for vector in &vectors {
            let hex = text(&vector["body_hex"]);
            let body = (0..hex.len()).step_by(2);
            let body = body.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
            let token = vector["session_token"].as_str().map(str::to_owned);
            let key = (text(&vector["access_key"]), text(&vector["secret_key"]));
            let credentials = Credentials::new(key.0, key.1, token.clone(), None, "fixture");
            let auth = Auth::SigV4(SigV4 {
                region: text(&vector["region"]).to_owned(),
                service: "aps".to_owned(),
                credentials: SharedCredentialsProvider::new(credentials),
            });
            let now: jiff::Timestamp = text(&vector["time"]).parse().unwrap();

            let mut request = request(text(&vector["url"]), body);
            auth.apply(&mut request, now.into()).await.unwrap();

            let header = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap());
            let name = text(&vector["name"]);
            assert_eq!(header("authorization"), vector["authorization"].as_str(), "{name}");
            assert_eq!(header("x-amz-date"), vector["x_amz_date"].as_str(), "{name}");
            assert_eq!(header("x-amz-security-token"), token.as_deref(), "{name}");
        }
    }

    #[tokio::test]
    async fn basic_and_bearer_are_sent_and_not_printed() {
        let cases = [
            (
                Auth::Basic { user: "Aladdin".into(), password: "open sesame".into() },
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            (Auth::Bearer("open-sesame".into()), "Bearer open-sesame"),
        ];
        for (auth, expected) in cases {
            let mut request = request("http://receiver/", Vec::new());
            auth.apply(&mut request, SystemTime::UNIX_EPOCH).await.unwrap();
            assert_eq!(request.headers()["authorization"], expected);
            let printed = format!("{auth:?} {request:?}");
            assert!(!printed.contains("sesame") && !printed.contains("QWxhZGRpb"), "{printed}");
        }
    }
}
